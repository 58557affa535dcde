# SPDX-License-Identifier: Apache-2.0

"""The mover of servers against a Nova that is its HTTP answers."""

import dataclasses
import datetime

import pytest

from ecrae import exception
from ecrae.migration.rebalancer.servers import ServerMover
from ecrae.migration.rebalancer.servers import Timing
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.plan import State
from tests.unit.clients import wire


SERVER = '0b5bb3a2-53c5-4a55-8f6b-6f0e5d8f0d3a'
URL = f'{wire.NOVA}/servers/{SERVER}'
ACTION = Action(
    kind=ActionKind.MIGRATE,
    workload=SERVER,
    source='compute-1',
    destination='compute-2',
    reason='a test',
    saving_w=1.0,
    cost_j=1.0,
    state=State.ONGOING,
    started_at=datetime.datetime(2026, 11, 18, 12, tzinfo=datetime.UTC),
)


def _hypervisor(host):
    return {
        'id': f'id-{host}',
        'hypervisor_hostname': host,
        'state': 'up',
        'status': 'enabled',
        'service': {'host': host, 'id': 1},
    }


class Nova:
    """One server; a migration of it ends after some looks at it."""

    def __init__(self, cloud, **facts):
        self.host = 'compute-1'
        self.status = 'ACTIVE'
        self.task = None
        self.metadata = {}
        self.extra_specs = {}
        self.looks = 2
        self.ends_on = 'compute-2'
        self.ends_as = 'ACTIVE'
        self.remembers = []
        self.refuses_abort = False
        self.asked = []
        for name, value in facts.items():
            setattr(self, name, value)
        cloud.hosts(_hypervisor('compute-1'), _hypervisor('compute-2'))
        mock = cloud.mock
        mock.get(URL, json=self._show)
        mock.post(f'{URL}/action', json=self._act)
        mock.get(f'{URL}/migrations', json=self._progress)
        mock.get(f'{wire.NOVA}/os-migrations', json=self._remembered)
        mock.delete(f'{URL}/migrations/7', json=self._abort)

    def _show(self, _request, _context):
        if self.task:
            self.looks -= 1
            if self.looks < 0:
                self.task, self.host = None, self.ends_on
                self.status = self.ends_as
        return {
            'server': {
                'id': SERVER,
                'status': 'MIGRATING' if self.task else self.status,
                'OS-EXT-SRV-ATTR:host': self.host,
                'OS-EXT-STS:task_state': self.task,
                'locked': False,
                'flavor': {'extra_specs': self.extra_specs},
                'metadata': self.metadata,
            }
        }

    def _act(self, request, _context):
        self.asked.append(request.json())
        self.task = 'migrating'
        return {}

    def _progress(self, _request, _context):
        found = {'id': 7, 'status': 'running'}
        return {'migrations': [found] if self.task else []}

    def _remembered(self, _request, _context):
        return {
            'migrations': [
                {'id': number, 'dest_compute': host}
                for number, host in enumerate(self.remembers)
            ]
        }

    def _abort(self, _request, context):
        self.asked.append('abort')
        if self.refuses_abort:
            context.status_code = 400
            return {'badRequest': {'message': 'Too late.'}}
        self.task = None
        return {}


@pytest.fixture
def cloud(requests_mock):
    return wire.WireCloud(requests_mock)


def _move(cloud, cancelled=lambda: False, action=ACTION, **timing):
    ticks = iter(range(100_000))
    ServerMover(
        cloud.connection(),
        Timing(**{'timeout_s': 60.0, 'settle_s': 60.0, **timing}),
        pause=lambda _: None,
        clock=lambda: float(next(ticks)),
    )(action, cancelled=cancelled)


def test_a_server_moves_to_the_host_that_was_chosen(cloud):
    nova = Nova(cloud)
    _move(cloud)
    assert nova.host == 'compute-2'
    assert nova.asked == [
        {'os-migrateLive': {'host': 'compute-2', 'block_migration': 'auto'}}
    ]


def test_one_that_has_arrived_already_is_left_alone(cloud):
    nova = Nova(cloud, host='compute-2')
    _move(cloud)
    assert nova.asked == []


def test_one_that_is_under_way_is_waited_for(cloud):
    nova = Nova(cloud, task='migrating')
    _move(cloud)
    assert (nova.host, nova.asked) == ('compute-2', [])


def test_what_a_dead_rebalancer_tried_in_vain_is_not_tried_again(cloud):
    nova = Nova(cloud, remembers=['compute-2'])
    with pytest.raises(exception.TransferFailed, match='ACTIVE on compute-1'):
        _move(cloud)
    assert nova.asked == []


def test_a_migration_to_elsewhere_does_not_count_as_tried(cloud):
    nova = Nova(cloud, remembers=['compute-3'])
    _move(cloud)
    assert nova.host == 'compute-2'


def test_a_server_that_nova_left_behind_failed(cloud):
    Nova(cloud, ends_on='compute-1')
    with pytest.raises(exception.TransferFailed, match='on compute-1'):
        _move(cloud)


@pytest.mark.parametrize('host', ['compute-1', 'compute-2'])
def test_a_server_in_error_is_no_success_wherever_it_is(cloud, host):
    Nova(cloud, ends_on=host, ends_as='ERROR')
    with pytest.raises(exception.RestoreFailed, match=f'ERROR on {host}'):
        _move(cloud)


def test_one_that_takes_too_long_is_aborted_and_stays(cloud):
    nova = Nova(cloud, looks=50)
    with pytest.raises(exception.TransferFailed, match='within 5 s'):
        _move(cloud, timeout_s=5.0)
    assert nova.asked[-1] == 'abort'
    assert nova.host == 'compute-1'


def test_an_abort_that_comes_too_late_is_a_success_after_all(cloud):
    nova = Nova(cloud, looks=30, refuses_abort=True)
    _move(cloud, timeout_s=5.0)
    assert nova.asked[-1] == 'abort'
    assert nova.host == 'compute-2'


def test_what_never_ends_needs_a_person(cloud):
    Nova(cloud, looks=10_000, refuses_abort=True)
    with pytest.raises(exception.RestoreFailed, match='still migrating'):
        _move(cloud, timeout_s=5.0, settle_s=5.0)


@pytest.mark.parametrize('task', [None, 'migrating'])
def test_a_cancelled_plan_aborts_the_migration(cloud, task):
    nova = Nova(cloud, looks=50, task=task)
    answers = iter([False, False, *[True] * 100])
    with pytest.raises(exception.TransferFailed):
        _move(cloud, cancelled=lambda: next(answers))
    assert nova.asked[-1] == 'abort'
    assert nova.host == 'compute-1'


@pytest.mark.parametrize('where', ['metadata', 'extra_specs'])
def test_one_that_was_pinned_meanwhile_stays(cloud, where):
    nova = Nova(cloud, **{where: {'ecrae:pinned': 'True'}})
    with pytest.raises(exception.PreCheckFailed, match='pinned'):
        _move(cloud)
    assert nova.asked == []


def test_one_that_is_gone_or_elsewhere_is_named(cloud):
    Nova(cloud, host='compute-9')
    with pytest.raises(exception.PreCheckFailed, match='compute-9'):
        _move(cloud)
    cloud.mock.get(URL, status_code=404)
    with pytest.raises(exception.NotFound, match=SERVER):
        _move(cloud, action=dataclasses.replace(ACTION, started_at=None))
