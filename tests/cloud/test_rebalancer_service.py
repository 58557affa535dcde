# SPDX-License-Identifier: Apache-2.0

"""``ecrae-rebalancer`` and ``ecrae-collector`` run, and the load changes.

Nobody calls anything but Nova, Heat and ``ecrae proposal``: a program writes
measurements into a file, the collector reads it, and the rebalancer observes,
proposes, guards, records and enacts, with the power of hosts and the relief
of overload in its hands.
"""

import contextlib
import json
import time

import pytest

from ecrae.kb import hosts
from ecrae.model import hints
from ecrae.model.cluster import HostState
from tests.cloud import descriptors
from tests.cloud import testcloud
from tests.cloud.test_rebalancer import POWER
from tests.cloud.test_rebalancer import awake as awake
from tests.cloud.test_rebalancer import boot as boot
from tests.cloud.test_rebalancer import rebalancer as rebalancer
from tests.cloud.testcloud import REFRESH_S


OVERLOAD = {'enabled': True, 'hold_time': 0, 'redeploy_timeout': 240}
TAG = 'web-frontend'
ARM = 'arm-altra-q80'


class Meters:
    """A program that writes what it measures into a file."""

    def __init__(self, path):
        self._path = path
        self._readings = {}
        self.write()

    def measure(self, subject, values):
        """Measure from now on; values by name, then by metric."""
        for name, metrics in values.items():
            for metric, value in metrics.items():
                self._readings[subject, name, metric] = value
        self.write()

    def cores(self, busy):
        """Cores that servers keep busy from now on."""
        self.measure(
            'instance',
            {each: {'cpu_cores_used': busy[each]} for each in busy},
        )

    def write(self):
        """All of it, as measured just now."""
        rows = [
            {
                'subject': subject,
                'name': name,
                'metric': metric,
                'value': value,
                'measured_at': time.time(),
            }
            for (subject, name, metric), value in self._readings.items()
        ]
        written = self._path.with_suffix('.new')
        written.write_text(json.dumps({'readings': rows}))
        written.replace(self._path)


@pytest.fixture
def meters(rebalancer, tmp_path):
    """Measurements, while the collector reads them."""
    made = Meters(tmp_path / 'measured.json')
    conf = tmp_path / 'collector.conf'
    conf.write_text(
        '[ecrae_telemetry]\nsources = file\ninterval = 5\n'
        f'file = {tmp_path / "measured.json"}\n'
    )
    with rebalancer.process(
        'ecrae-collector',
        '--config-file',
        str(rebalancer.base),
        '--config-file',
        str(conf),
    ):
        yield made


@pytest.fixture
def flavor(admin, name):
    """Makes flavors, and deletes them."""
    made = []

    def create(vcpus, memory_mib):
        made.append(
            admin.sdk.compute.create_flavor(
                name=f'{name}-{vcpus}-{memory_mib}',
                vcpus=vcpus,
                ram=memory_mib,
                disk=1,
            )
        )
        return made[-1].name

    yield create
    for each in made:
        admin.sdk.compute.delete_flavor(each)


class Plans:
    """Plans that the service makes while a test looks."""

    def __init__(self, rebalancer):
        self._rebalancer = rebalancer
        self._known = {plan.id for plan in rebalancer.plans()}

    def next(self, kind):
        """The next one that has an action of a kind, once it is enacted."""
        plan = testcloud.wait_for(lambda: self._ended(kind), bool)
        self._known.add(plan.id)
        assert plan.state == 'SUCCEEDED', plan
        return plan

    def _ended(self, kind):
        for plan in reversed(self._rebalancer.plans()):
            kinds = {each.kind for each in plan.actions}
            is_new = plan.id not in self._known
            if is_new and kind in kinds and plan.state.is_final:
                return plan
        return None


@pytest.fixture
def enacted(rebalancer):
    """Waits for plans that are not of another test."""
    return Plans(rebalancer)


def _told(rebalancer, plan):
    """What the three commands say of a plan: its actions, by kind."""
    listed = rebalancer.proposal('list', '--state', 'SUCCEEDED')
    assert plan.id in {row['id'] for row in listed}
    shown = rebalancer.proposal('show', plan.id)
    assert shown['state'] == 'SUCCEEDED'
    assert all(each['reason'] for each in shown['actions'])
    history = [
        row for row in rebalancer.proposal('history') if row['plan'] == plan.id
    ]
    assert {row['state'] for row in history} == {'SUCCEEDED'}
    kinds = [each['kind'] for each in shown['actions']]
    assert sorted(row['kind'] for row in history) == sorted(kinds)
    return kinds


def _service(admin, host):
    return next(
        each
        for each in admin.sdk.compute.services(binary='nova-compute')
        if each.host == host
    )


def _state(rebalancer, host):
    with rebalancer.database.reader() as session:
        return hosts.list_all(session)[host].state


@contextlib.contextmanager
def _out_of_service(admin, *names):
    """Hosts that somebody works on."""
    services = [_service(admin, each) for each in names]
    for each in services:
        admin.sdk.compute.disable_service(each, disabled_reason='new fans')
    try:
        yield
    finally:
        for each in services:
            admin.sdk.compute.enable_service(each)


@pytest.mark.usefixtures('awake', 'meters')
def test_an_emptied_host_sleeps_and_wakes_before_it_is_needed(
    rebalancer, enacted, admin, boot, flavor
):
    servers = [boot('xeon-1'), boot('xeon-2'), boot('xeon-2')]
    assert {admin.settled(each).status for each in servers} == {'ACTIVE'}

    with rebalancer.running(
        power={**POWER, 'min_headroom': 0.1},
        overload=OVERLOAD,
    ):
        plan = enacted.next('sleep')
        assert _told(rebalancer, plan)[-1] == 'sleep'
        places = {admin.settled(each).compute_host for each in servers}
        assert 'xeon-2' not in places
        service = _service(admin, 'xeon-2')
        assert service.status == 'disabled'
        assert service.disabled_reason.startswith('ECRAE: ')
        assert _state(rebalancer, 'xeon-2') is HostState.ASLEEP

        # Less than a tenth of what is used stays free on the others…
        for host, memory_mib in (('epyc-1', 370000), ('xeon-1', 240000)):
            each = boot(host, flavor=flavor(8, memory_mib))
            assert admin.settled(each).status == 'ACTIVE'
        plan = enacted.next('wake')
        assert _told(rebalancer, plan)[0] == 'wake'
        assert _service(admin, 'xeon-2').status == 'enabled'
        assert _state(rebalancer, 'xeon-2') is HostState.AWAKE
        # …so that what comes next, and fits nowhere else, finds its host.
        time.sleep(REFRESH_S)
        late = admin.boot('late', flavor(8, 131072))
        assert late.status == 'ACTIVE', late.fault
        assert late.compute_host == 'xeon-2'


def test_overload_is_relieved_by_live_migration(
    rebalancer, enacted, admin, boot, flavor, meters
):
    large = flavor(72, 4096)
    heavy = [boot('xeon-1', flavor=large) for _ in range(2)]
    slow = boot('xeon-1', metadata={hints.TAG: TAG, hints.MAX_LOAD: '0.5'})
    for each in (*heavy, slow):
        assert admin.settled(each).status == 'ACTIVE'
    meters.measure(
        'instance', {each: {'cpu_cores_used': 70.0} for each in heavy}
    )
    meters.cores({slow: 0.4})
    meters.measure('host', {'xeon-1': {'utilization': 0.88}})

    # Nothing that is done for watts alone would get past this threshold.
    with rebalancer.running(threshold=90, overload=OVERLOAD):
        # A component passes its threshold.
        meters.cores({slow: 0.51})
        meters.measure('host', {'xeon-1': {'utilization': 1.0}})
        plan = enacted.next('migrate')
        assert plan.strategy == 'relief'
        assert _told(rebalancer, plan) == ['migrate']
        moved = admin.settled(slow)
        assert (moved.status, moved.compute_host) == ('ACTIVE', 'epyc-1')

        # A host has more to do than it can: its guests' devices work too.
        meters.cores(dict.fromkeys(heavy, 82.0))
        newest = enacted.next('migrate')
        assert newest.strategy == 'energy'
        assert set(_told(rebalancer, newest)) == {'migrate'}
        assert 'more than its capacity' in newest.actions[0].reason
        left = [admin.settled(each).compute_host for each in heavy]
        assert left.count('xeon-1') < 2


def test_a_component_that_arm_cannot_serve_is_redeployed(
    rebalancer, enacted, admin, demo, meters, name
):
    identity = admin.sdk.identity
    identity.assign_project_role_to_user(
        demo.sdk.current_project_id,
        identity.find_user('ecrae').id,
        identity.find_role('member').id,
    )
    document = descriptors.tagged(server=TAG)
    node = document['topology_template']['node_templates']['server']
    node['metadata'] |= {
        'ecrae.relocatable': True,
        'ecrae.max_requests_per_s': 500,
    }
    with _out_of_service(admin, 'epyc-1', 'xeon-1', 'xeon-2'):
        time.sleep(REFRESH_S)
        demo.create_stack(name, document)
    old = demo.servers_of(name)['server']
    assert old.metadata[hints.NODE_TYPE] == ARM
    quiet = {'cpu_cores_used': 0.3, 'requests_per_s': 300.0}
    meters.measure('instance', {old.id: quiet})

    with rebalancer.running(overload=OVERLOAD):
        busy = {'cpu_cores_used': 0.8, 'requests_per_s': 700.0}
        meters.measure('instance', {old.id: busy})
        plan = enacted.next('redeploy')
        assert _told(rebalancer, plan) == ['redeploy']

    assert demo.stack(name).stack_status == 'UPDATE_COMPLETE'
    new = demo.servers_of(name)['server']
    assert new.status == 'ACTIVE'
    assert new.metadata[hints.REPLACES] == old.id
    assert new.metadata[hints.NODE_TYPE] != ARM
    assert new.compute_host in testcloud.HOSTS[new.metadata[hints.NODE_TYPE]]
    assert new.flavor['vcpus'] >= old.flavor['vcpus']
