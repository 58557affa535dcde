# SPDX-License-Identifier: Apache-2.0

"""``ecrae-rebalancer`` on a real Nova, from what it sees to what it moves."""

import configparser
import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

from ecrae.kb import hosts
from ecrae.kb import plans
from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.model.cluster import HostState
from ecrae.model.plan import State
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests.cloud import testcloud


FLAVOR = 'm1.small'

#: Brakes that would make a test wait; each test tightens what it is about.
OPTIONS = {
    'mode': 'auto',
    'interval': 10,
    'hold_time': 0,
    'threshold': 1.0,
    'max_flux': 100.0,
    'cooldown': 0,
    'failure_pause': 0,
    'spare_hosts': 0,
    'max_concurrent': 1,
    'same_cpu_features': False,
}

#: Emptied hosts are taken out of service, others left as they are; whatever
#: an earlier test switched.
POWER = {
    'enabled': True,
    'driver': 'noop',
    'never_sleep': 'arm-1,edge-1,epyc-1,power-1,xeon-1',
    'settle_time': 1,
    'spare_hosts': 0,
    'min_headroom': 0,
    'min_on_time': 0,
    'min_off_time': 0,
}


class Rebalancer:
    """The service with options of a test's own."""

    def __init__(self, cloud, folder):
        self.cloud = cloud
        self.folder = folder
        self.base = cloud.state / 'etc/ecrae/ecrae.conf'
        conf = configparser.ConfigParser(strict=False, interpolation=None)
        conf.read(self.base)
        self.database = Database(conf['ecrae_database']['connection'])

    def configure(self, *, power=(), overload=(), **options):
        """Options files of a run."""
        chosen = {
            **OPTIONS,
            'coordination_url': f'file://{self.folder}/coordination',
            **options,
        }
        conf = configparser.ConfigParser(interpolation=None)
        for section, values in (
            ('ecrae_rebalancer', chosen),
            ('ecrae_power', dict(power)),
            ('ecrae_overload', dict(overload)),
        ):
            conf[section] = {key: str(each) for key, each in values.items()}
        path = self.folder / 'rebalancer.conf'
        with path.open('w') as written:
            conf.write(written)
        return ['--config-file', str(self.base), '--config-file', str(path)]

    def once(self, *arguments, **options):
        """One turn; what it says."""
        done = self.cloud.execute(
            'admin',
            'ecrae-rebalancer',
            *self.configure(**options),
            '--once',
            *arguments,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def running(self, **options):
        """The service, until the block is left."""
        return self.process('ecrae-rebalancer', *self.configure(**options))

    @contextlib.contextmanager
    def process(self, program, *arguments):
        """A program of ECRAE's, until the block is left."""
        command = [
            testcloud.LAUNCHER,
            'exec',
            '--state-dir',
            str(self.cloud.state),
            '--as',
            'admin',
            '--',
            program,
            *arguments,
        ]
        with (self.folder / f'{program}.log').open('ab') as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def plans(self, *states):
        """Plans, newest first."""
        with self.database.reader() as session:
            return plans.list_newest(session, 20, states or tuple(State))

    def plan(self, plan_id):
        """One plan."""
        with self.database.reader() as session:
            return plans.get(session, plan_id)

    def proposal(self, *argv):
        """``ecrae proposal``, from its JSON."""
        done = self.cloud.execute(
            'admin',
            'ecrae',
            '--config-file',
            str(self.base),
            'proposal',
            *argv,
            '-f',
            'json',
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def measure(self, cores_by_server):
        """Readings as the collector would write them."""
        with self.database.writer() as session:
            readings.replace_all(
                session,
                [
                    Reading(
                        subject=Subject.INSTANCE,
                        name=server,
                        metric=Metric.CPU_CORES_USED,
                        value=cores,
                        measured_at=time.time(),
                        source='test',
                    )
                    for server, cores in cores_by_server.items()
                ],
            )


@pytest.fixture
def rebalancer(cloud, tmp_path):
    """No plan of another test is left to be gone on with."""
    found = Rebalancer(cloud, tmp_path)
    for plan in found.plans(State.PENDING, State.APPROVED, State.ONGOING):
        found.proposal('cancel', plan.id)
    found.measure({})
    yield found
    found.measure({})


@pytest.fixture
def boot(admin, name):
    """Boots a server on a host of the test's choice."""
    compute = admin.sdk.compute
    image = admin.sdk.image.find_image(testcloud.IMAGE.format('x86_64'))
    made = []

    def boot(host, group=None, scheduler_hints=None, flavor=FLAVOR, **fields):
        chosen = dict(scheduler_hints or {})
        if group is not None:
            chosen['group'] = group.id
        server = compute.create_server(
            name=f'{name}-{len(made)}',
            flavor_id=compute.find_flavor(flavor).id,
            image_id=image.id,
            networks='auto',
            availability_zone=f'nova:{host}',
            **({'scheduler_hints': chosen} if chosen else {}),
            **fields,
        )
        made.append(server)
        return server.id

    return boot


@pytest.fixture
def group(admin, name):
    """Makes server groups, and deletes them."""
    made = []

    def create(policy):
        made.append(
            admin.sdk.compute.create_server_group(
                name=f'{name}-{policy}', policy=policy
            )
        )
        return made[-1]

    yield create
    for each in made:
        admin.sdk.compute.delete_server_group(each)


def _places(admin, servers):
    found = {each: admin.settled(each) for each in servers}
    assert {each.status for each in found.values()} == {'ACTIVE'}
    return {each: server.compute_host for each, server in found.items()}


def _final(rebalancer, plan_id):
    return testcloud.wait_for(
        lambda: rebalancer.plan(plan_id), lambda plan: plan.state.is_final
    )


@pytest.fixture
def awake(rebalancer, admin):
    """Puts hosts back into service that a test let sleep."""
    yield
    for service in admin.sdk.compute.services(binary='nova-compute'):
        if service.status == 'disabled':
            admin.sdk.compute.enable_service(service)
    with rebalancer.database.writer() as session:
        for name in hosts.list_all(session):
            hosts.set_state(session, name, HostState.AWAKE)


@pytest.mark.usefixtures('awake')
def test_an_imbalanced_cluster_is_consolidated(rebalancer, admin, boot, group):
    apart, together = group('anti-affinity'), group('affinity')
    kept = [boot('xeon-1', together) for _ in range(2)]
    pair = [boot('xeon-1', apart), boot('epyc-1', apart)]
    loose = [boot('xeon-2') for _ in range(3)]
    pinned = boot('epyc-1', metadata={'ecrae:pinned': 'true'})
    before = _places(admin, [*kept, *pair, *loose, pinned])
    assert set(before.values()) == {'xeon-1', 'xeon-2', 'epyc-1'}

    said = rebalancer.once(power=POWER)
    after = _places(admin, before)

    assert 'SUCCEEDED' in said, said
    assert 'xeon-2' not in after.values()
    assert {after[each] for each in kept} == {'xeon-1'}
    assert after[pair[0]] != after[pair[1]]
    assert after[pinned] == 'epyc-1'
    services = admin.sdk.compute.services(binary='nova-compute')
    status = {each.host: each.status for each in services}
    assert [h for h in status if status[h] == 'disabled'] == ['xeon-2']
    again = rebalancer.once(power=POWER)
    assert 'balanced' in again or 'Brake' in again, again
    assert _places(admin, before) == after


def test_advice_touches_nothing_and_approval_enacts(rebalancer, admin, boot):
    servers = [boot('xeon-1'), boot('xeon-2'), boot('xeon-2')]
    before = _places(admin, servers)
    rebalancer.once('--dry-run', mode='advice')
    assert rebalancer.plans(State.PENDING) == []

    with rebalancer.running(mode='advice'):
        plan = testcloud.wait_for(
            lambda: rebalancer.plans(State.PENDING), bool
        )[0]
        time.sleep(15)
        assert _places(admin, servers) == before
        shown = rebalancer.proposal('show', plan.id[:8])
        assert shown['state'] == 'PENDING'
        rebalancer.proposal('approve', plan.id)
        ended = _final(rebalancer, plan.id)

    assert ended.state is State.SUCCEEDED
    assert len(set(_places(admin, servers).values())) == 1
    history = rebalancer.proposal('history', '--limit', '1')
    assert {each['workload'] for each in history} <= set(servers)


def test_another_goes_on_where_one_was_killed(rebalancer, admin, boot):
    servers = [boot('xeon-1'), *(boot('xeon-2') for _ in range(5))]
    _places(admin, servers)

    with rebalancer.running():
        plan = testcloud.wait_for(
            lambda: rebalancer.plans(State.ONGOING), bool
        )[0]
        testcloud.wait_for(
            lambda: rebalancer.plan(plan.id),
            lambda seen: seen.actions[1].state is State.ONGOING,
        )
    left = rebalancer.plan(plan.id)
    assert left.state is State.ONGOING
    with rebalancer.running():
        ended = _final(rebalancer, plan.id)

    assert ended.state in (State.SUCCEEDED, State.SUPERSEDED)
    assert not {each.state for each in ended.actions} & {
        State.ONGOING,
        State.PENDING,
    }
    places = _places(admin, servers)
    for action in ended.actions:
        if action.state is State.SUCCEEDED:
            assert places[action.workload] == action.destination


def test_what_nova_refuses_is_failed_and_not_tried_in_a_storm(
    rebalancer, admin, boot
):
    # Only Nova knows of the hint: the scheduler lets it go to no other type.
    held = boot('xeon-2', scheduler_hints={'ecrae:tag': 'exact:power-power9'})
    other = boot('xeon-1')
    rebalancer.measure({other: 1.0, held: 0.2})
    before = _places(admin, [held, other])

    with rebalancer.running(cooldown=3600, failure_pause=5):
        plan = testcloud.wait_for(
            lambda: rebalancer.plans(State.FAILED), bool
        )[0]
        time.sleep(40)

    tried = [
        action
        for each in rebalancer.plans()
        for action in each.actions
        if action.workload == held and action.started_at
    ]
    assert [each.state for each in tried] == [State.FAILED]
    assert held in plan.error
    assert _places(admin, [held])[held] == before[held]
