# SPDX-License-Identifier: Apache-2.0

"""Sleep and wake against Nova's and agents' wires; the world's end counts."""

import dataclasses

import pytest

from ecrae import exception
from ecrae.kb import catalogue
from ecrae.kb import hosts
from ecrae.kb import knowledge
from ecrae.migration import rpcapi
from ecrae.migration.hosts import drivers
from ecrae.migration.hosts import enactors
from ecrae.model import plan
from ecrae.model.cluster import HostState
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from tests.unit.migration.cloud import Cloud
from tests.unit.migration.hosts import ironic
from tests.unit.migration.hosts.nova import HOST
from tests.unit.migration.hosts.nova import Nova


SERVER = '0b5bb3a2-53c5-4a55-8f6b-6f0e5d8f0d3a'


def _action(kind):
    return plan.Action(
        kind=kind,
        workload='',
        source=HOST,
        destination=HOST,
        reason='',
        saving_w=0.0,
        cost_j=0.0,
    )


class Switch(drivers.PowerDriver):
    """A power button; the host takes some looks to follow it."""

    def __init__(self, nova):
        self.nova = nova
        self.looks = 2
        self.works = True
        self.pressed = []
        self.on_press = lambda: None

    def _press(self, is_on):
        self.on_press()
        self.pressed.append(is_on)
        if self.works:
            self.nova.is_on = is_on

    def switch_off(self, host):
        self._press(False)

    def switch_on(self, host):
        self._press(True)

    def is_on(self, host):
        # The compute service follows the power after a while.
        self.looks -= 1
        if self.looks < 0:
            self.nova.is_up = self.nova.is_on
        return self.nova.is_on


class World:
    def __init__(self, requests_mock, folder):
        self.nova = Nova(requests_mock)
        self.agents = Cloud(folder)
        self.agents.sync_database()
        with self.agents.database.writer() as session:
            known = catalogue.load()
            host = KnownHost(name=HOST, node_type=next(iter(known.node_types)))
            knowledge.store(
                session,
                Knowledge(tags={}, node_types={}, flavors={}),
                dataclasses.replace(known, hosts={HOST: host}),
            )
        self.switch = Switch(self.nova)
        self.now = 0.0
        self.on_pause = lambda: None

    def _pause(self, seconds):
        self.now += seconds
        self.on_pause()
        # Waking is noticed without anybody asking the driver.
        self.switch.is_on(HOST)

    def enact(self, kind, *, driver=None, cancelled=lambda: False):
        enactor = {
            plan.ActionKind.SLEEP: enactors.SleepEnactor,
            plan.ActionKind.WAKE: enactors.WakeEnactor,
        }[kind]
        enactor(
            self.nova.connection,
            self.agents.database,
            rpcapi.AgentAPI(self.agents.transport, timeout_s=0.2),
            drivers.Drivers({'it': driver or self.switch}, 'it', {}),
            enactors.Waits(settle_s=15, sleep_s=60, wake_s=60, poll_s=5),
            pause=self._pause,
            clock=lambda: self.now,
        )(_action(kind), cancelled=cancelled)

    def sleep(self, **options):
        self.enact(plan.ActionKind.SLEEP, **options)

    def wake(self, **options):
        self.enact(plan.ActionKind.WAKE, **options)

    @property
    def state(self):
        with self.agents.database.reader() as session:
            return hosts.list_all(session)[HOST].state

    def end(self):
        return self.nova.status, self.nova.is_on, self.state


OUT = ('disabled', False, HostState.ASLEEP)
IN = ('enabled', True, HostState.AWAKE)


@pytest.fixture
def world(requests_mock, tmp_path):
    found = World(requests_mock, tmp_path)
    yield found
    found.agents.stop()


def test_an_empty_host_sleeps_and_wakes(world):
    world.sleep()
    assert world.end() == OUT
    assert world.nova.reason.startswith('ECRAE: ')
    world.wake()
    assert world.end() == IN
    assert world.switch.pressed[0] is False
    assert world.switch.pressed[-1] is True


def test_sleeping_twice_and_waking_twice_is_the_same_as_once(world):
    world.sleep()
    pressed = list(world.switch.pressed)
    world.sleep()
    assert world.switch.pressed == pressed
    assert world.end() == OUT
    world.wake()
    pressed = list(world.switch.pressed)
    world.wake()
    assert world.switch.pressed == pressed
    assert world.end() == IN


@pytest.mark.parametrize(
    ('is_soft_possible', 'asked'),
    [
        (True, ['soft power off', 'power on']),
        (False, ['soft power off', 'power off', 'power on']),
    ],
)
def test_a_host_sleeps_and_wakes_by_ironic(world, is_soft_possible, asked):
    nova = world.nova
    node = ironic.Node(
        nova.wire.mock,
        'rack2-slot7',
        is_soft_possible=is_soft_possible,
        follow=lambda is_on: setattr(nova, 'is_on', is_on),
    )
    driver = drivers.IronicDriver(nova.connection, {HOST: 'rack2-slot7'})
    world.sleep(driver=driver)
    assert (world.end(), node.state) == (OUT, 'power off')
    world.sleep(driver=driver)
    world.wake(driver=driver)
    assert (world.end(), node.state) == (IN, 'power on')
    assert node.asked == asked


@pytest.mark.parametrize(
    'occupy',
    [
        lambda nova: nova.servers.append(SERVER),
        lambda nova: nova.migrations.append(
            {'id': 1, 'instance_uuid': SERVER, 'status': 'running'}
        ),
        lambda nova: nova.allocations.update({SERVER: {}}),
    ],
    ids=['server', 'migration', 'allocation'],
)
@pytest.mark.parametrize('when', ['before', 'while settling'])
def test_what_is_not_empty_stays_on(world, occupy, when):
    if when == 'before':
        occupy(world.nova)
    else:
        world.on_pause = lambda: occupy(world.nova)
    with pytest.raises(exception.Conflict, match=f'not empty.*{SERVER}'):
        world.sleep()
    assert world.end() == IN
    assert world.switch.pressed == []


def test_a_finished_migration_holds_no_room(world):
    world.nova.migrations.append(
        {'id': 1, 'instance_uuid': SERVER, 'status': 'completed'}
    )
    world.sleep()
    assert world.end() == OUT


@pytest.mark.parametrize('reason', ['new memory', None, 'AUTO: libvirt lost'])
def test_a_host_that_an_operator_disabled_is_left_alone(world, reason):
    world.nova.status, world.nova.reason = 'disabled', reason
    for enact in (world.sleep, world.wake):
        with pytest.raises(exception.Conflict, match='not by ECRAE'):
            enact()
    assert world.nova.asked == []
    assert world.switch.pressed == []


def test_an_operator_who_takes_a_waking_host_keeps_it(world):
    world.sleep()
    world.on_pause = lambda: setattr(world.nova, 'reason', 'new memory')
    with pytest.raises(exception.Conflict, match='new memory'):
        world.wake()
    assert world.nova.status == 'disabled'


def test_an_agents_workloads_keep_a_host_on(world):
    world.agents.add(HOST)
    world.agents.run(HOST, 'web')
    world.agents.report(HOST)
    with pytest.raises(exception.Conflict, match='fake:web'):
        world.sleep()
    assert world.end() == IN


def test_an_agent_that_does_not_answer_keeps_a_host_on(world):
    world.agents.add(HOST)
    world.agents.report(HOST)
    world.agents.stop()
    with pytest.raises(exception.Unreachable):
        world.sleep()
    assert world.end() == IN
    assert world.switch.pressed == []


def test_a_cancelled_sleep_puts_the_host_back(world):
    with pytest.raises(exception.Conflict, match='cancelled'):
        world.sleep(cancelled=lambda: True)
    assert world.end() == IN


def test_a_host_that_does_not_go_off_stays_out_of_service(world):
    world.switch.works = False
    with pytest.raises(exception.MigrationError, match='within 60 s'):
        world.sleep()
    assert world.end() == ('disabled', True, HostState.DOWN)


def test_a_driver_that_cannot_ask_puts_the_host_back(world):
    def fail():
        raise exception.ConfigError('no such node')

    world.switch.on_press = fail
    with pytest.raises(exception.ConfigError, match='no such node'):
        world.sleep()
    assert world.end() == IN


def test_a_lost_answer_does_not_stop_a_sleep(world):
    def fail_once():
        world.switch.on_press = lambda: None
        raise exception.Unreachable('no answer')

    world.switch.on_press = fail_once
    world.sleep()
    assert world.end() == OUT


@pytest.mark.parametrize('steps', range(1, 9))
def test_a_sleep_that_died_anywhere_is_finished_by_the_next(world, steps):
    """Every look at the clock, the power or the pause is a place to die."""

    class KilledError(BaseException):
        pass

    left = iter(range(steps))

    def die():
        if next(left, None) is None:
            raise KilledError

    world.on_pause = die
    world.switch.on_press = die
    try:
        world.sleep()
    except KilledError:
        assert world.nova.status == 'disabled'
    world.on_pause = world.switch.on_press = lambda: None
    world.sleep()
    assert world.end() == OUT


def test_a_host_that_does_not_wake_is_reported(world):
    world.sleep()
    world.switch.works = False
    with pytest.raises(exception.MigrationError, match='did not report'):
        world.wake()
    assert world.end() == OUT


def test_a_host_is_awake_only_when_its_agent_is(world):
    world.sleep()
    world.agents.add(HOST)
    world.agents.report(HOST)
    world.agents.stop()
    with pytest.raises(exception.MigrationError, match='agent'):
        world.wake()
    assert world.nova.status == 'disabled'


def test_noop_only_takes_the_host_out_of_service(world):
    world.sleep(driver=drivers.NoopDriver())
    assert world.end() == ('disabled', True, HostState.ASLEEP)
    world.wake(driver=drivers.NoopDriver())
    assert world.end() == IN
