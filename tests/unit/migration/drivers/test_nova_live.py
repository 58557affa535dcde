# SPDX-License-Identifier: Apache-2.0

"""The driver against a Nova that is its HTTP answers."""

import itertools

import pytest

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration.drivers import nova_live
from tests.unit.clients import wire


SERVER = '0b5bb3a2-53c5-4a55-8f6b-6f0e5d8f0d3a'
JOB = jobs.Job(
    id='6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11',
    workload=f'nova:{SERVER}',
    source='compute-1',
    destination='compute-2',
    mode=jobs.Mode.LIVE,
)
URL = f'{wire.NOVA}/servers/{SERVER}'


def _hypervisor(host):
    return {
        'id': f'id-{host}',
        'hypervisor_hostname': host,
        'state': 'up',
        'status': 'enabled',
        'service': {'host': host, 'id': 1},
    }


class Nova:
    """One server and its migration, which ends after some polls."""

    def __init__(self, cloud, *, polls=2, ends_on='compute-2'):
        self.host = 'compute-1'
        self.task = None
        self.locked = False
        self.status = 'ACTIVE'
        self.polls = polls
        self.ends_on = ends_on
        self.asked = []
        cloud.hosts(_hypervisor('compute-1'), _hypervisor('compute-2'))
        mock = cloud.mock
        mock.get(URL, json=self._show)
        mock.post(f'{URL}/action', json=self._act)
        mock.get(f'{URL}/migrations', json=self._list)
        mock.post(f'{URL}/migrations/7/action', json=self._force)
        mock.delete(f'{URL}/migrations/7', json=self._abort)

    def _status(self):
        return self.status if self.host == self.ends_on else 'ACTIVE'

    def _show(self, _request, _context):
        if self.task:
            self.polls -= 1
            if self.polls < 0:
                self.task, self.host = None, self.ends_on
        return {
            'server': {
                'id': SERVER,
                'status': 'MIGRATING' if self.task else self._status(),
                'OS-EXT-SRV-ATTR:host': self.host,
                'OS-EXT-STS:task_state': self.task,
                'locked': self.locked,
            }
        }

    def _act(self, request, _context):
        self.asked.append(request.json())
        self.task = 'migrating'
        return {}

    def _list(self, _request, _context):
        found = {
            'id': 7,
            'status': 'running',
            'memory_total_bytes': 1000,
            'memory_remaining_bytes': 400,
        }
        return {'migrations': [found] if self.task else []}

    def _force(self, request, _context):
        self.asked.append(request.json())
        return {}

    def _abort(self, _request, _context):
        self.asked.append('abort')
        self.task = None
        return {}


def _source(cloud, **options):
    ticks = itertools.count()
    return nova_live.NovaSource(
        cloud.connection(),
        pause=lambda _: None,
        clock=lambda: float(next(ticks)),
        **options,
    )


@pytest.fixture
def cloud(requests_mock):
    return wire.WireCloud(requests_mock)


def _migrate(source, reports=None, timeout_s=60.0):
    told = reports if reports is not None else []
    nova_live.migrate(source, JOB, timeout_s=timeout_s, report=told.append)


def test_a_server_moves_and_its_progress_is_told(cloud):
    nova = Nova(cloud)
    reports = []
    _migrate(_source(cloud), reports)
    assert nova.host == 'compute-2'
    assert nova.asked == [
        {'os-migrateLive': {'host': 'compute-2', 'block_migration': 'auto'}}
    ]
    assert (reports[0].bytes_done, reports[0].bytes_total) == (600, 1000)


def test_a_slow_migration_is_forced_to_complete_once(cloud):
    nova = Nova(cloud, polls=8)
    _migrate(_source(cloud, force_after_s=3.0))
    assert nova.asked[1:] == [{'force_complete': None}]


def test_post_copy_is_asked_for_as_soon_as_memory_is_copied(cloud):
    nova = Nova(cloud)
    _migrate(_source(cloud, force_after_s=0.0))
    assert nova.asked[1:] == [{'force_complete': None}]


def test_one_that_takes_too_long_is_aborted(cloud):
    nova = Nova(cloud, polls=50)
    with pytest.raises(exception.TransferFailed, match='within 5 s'):
        _migrate(_source(cloud), timeout_s=5.0)
    assert nova.asked[-1] == 'abort'
    assert nova.host == 'compute-1'


def test_a_server_that_nova_left_behind_is_no_success(cloud):
    Nova(cloud, ends_on='compute-1')
    with pytest.raises(exception.TransferFailed, match='left'):
        _migrate(_source(cloud))


def test_one_that_nova_does_not_abort_may_still_arrive(cloud):
    """It had switched over; that it took too long is said all the same."""
    nova = Nova(cloud, polls=20)
    cloud.mock.delete(f'{URL}/migrations/7', status_code=400)
    with pytest.raises(exception.TransferFailed, match='within 5 s'):
        _migrate(_source(cloud), timeout_s=5.0)
    assert nova.task is None


def test_one_that_nova_never_ends_is_left_with_a_word(cloud):
    nova = Nova(cloud, polls=5000)
    cloud.mock.delete(f'{URL}/migrations/7', status_code=400)
    with pytest.raises(exception.TransferFailed, match='still moving'):
        _migrate(_source(cloud), timeout_s=5.0)
    assert nova.task


def test_an_error_at_the_destination_is_no_success(cloud):
    nova = Nova(cloud)
    nova.status = 'ERROR'
    with pytest.raises(exception.TransferFailed, match='ERROR'):
        _migrate(_source(cloud))


def test_what_cannot_move_is_refused_with_all_reasons(cloud):
    nova = Nova(cloud)
    nova.host, nova.locked = 'compute-3', True
    with pytest.raises(exception.PreCheckFailed) as refusal:
        _migrate(_source(cloud))
    assert 'on compute-3, not on compute-1' in str(refusal.value)
    assert 'locked' in str(refusal.value)
    assert nova.asked == []


def test_a_server_that_is_not_there_is_named(cloud):
    cloud.mock.get(URL, status_code=404)
    with pytest.raises(exception.NotFound, match=SERVER):
        _migrate(_source(cloud))
