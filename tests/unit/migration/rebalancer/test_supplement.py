# SPDX-License-Identifier: Apache-2.0

"""Whole turns of the loop with hosts that sleep and components that strain."""

import dataclasses

import pytest

from ecrae.migration.rebalancer import overload
from ecrae.migration.rebalancer import sleepers
from ecrae.migration.rebalancer.component import Component
from ecrae.migration.rebalancer.cycle import Cycle
from ecrae.migration.rebalancer.cycle import Outcome
from ecrae.migration.rebalancer.executor import Executor
from ecrae.migration.rebalancer.executor import Key
from ecrae.migration.rebalancer.supplement import RELIEF
from ecrae.migration.rebalancer.supplement import Supplement
from ecrae.migration.rebalancer.supplement import Switching
from ecrae.model import cluster
from ecrae.model import power
from ecrae.model.cluster import HostState
from ecrae.model.plan import ActionKind
from ecrae.model.plan import State
from tests.unit.migration.rebalancer import test_overload as peers
from tests.unit.migration.rebalancer import world as worlds
from tests.unit.migration.rebalancer.world import host
from tests.unit.migration.rebalancer.world import server


AWAKE, ASLEEP = HostState.AWAKE, HostState.ASLEEP


class Switched(worlds.World):
    """A world whose hosts have power switches."""

    def __init__(self, hosts, servers, folder):
        super().__init__(hosts, servers, folder)
        self.switched = {}
        self.redeployed = []
        self.supplement = self._supplement()

    def _supplement(self, never_sleep=(), **rules):
        rules = {'spare_hosts': 0, 'min_off_s': 600.0, **rules}
        return Supplement(
            Switching(
                rules=sleepers.Rules(min_on_s=600.0, **rules),
                interval_s=300.0,
                never_sleep=frozenset(never_sleep),
                switched_s=lambda: {
                    name: (self.now - when).total_seconds()
                    for name, when in self.switched.items()
                },
            ),
            overload.Rules(hold_s=600.0),
        )

    def _switch(self, name, state):
        assert not any(each.host == name for each in self.servers.values())
        self.hosts[name] = dataclasses.replace(self.hosts[name], state=state)
        self.switched[name] = self.now

    def sleep(self, action, *, cancelled):
        self._switch(action.source, ASLEEP)

    def wake(self, action, *, cancelled):
        self._switch(action.destination, AWAKE)

    def redeploy(self, action, *, cancelled):
        self.redeployed.append((action.workload, action.destination))

    def turn(self, limits=worlds.NO_HOLD):
        executor = Executor(
            self.ledger,
            {
                Key(kind=ActionKind.MIGRATE): self.move,
                Key(kind=ActionKind.SLEEP): self.sleep,
                Key(kind=ActionKind.WAKE): self.wake,
                Key(kind=ActionKind.REDEPLOY): self.redeploy,
            },
            poll_s=0.01,
        )
        return Cycle(
            self,
            self.ledger,
            executor,
            worlds.SWITCHING,
            limits,
            supplement=self.supplement,
            clock=lambda: self.now,
        ).plan()

    def asleep(self):
        return {n for n, h in self.hosts.items() if h.state is ASLEEP}


@pytest.fixture
def make(tmp_path):
    return lambda hosts, servers: Switched(hosts, servers, tmp_path)


def _kinds(report):
    return _kinds_of(report.plan)


def _kinds_of(plan):
    return [str(action.kind) for action in plan.actions]


def test_hosts_are_emptied_and_put_to_sleep_in_one_plan(make):
    world = make(
        [host(f'h{i}') for i in range(4)],
        [server(f's{i}', f'h{i}') for i in range(4)],
    )
    report = world.turn()
    assert report.plan.state is State.SUCCEEDED
    assert _kinds(report) == ['migrate'] * 3 + ['sleep'] * 3
    assert len(world.in_use()) == 1
    assert world.asleep() == set(world.hosts) - world.in_use()
    world.wait(3600)
    assert world.turn().outcome is Outcome.BALANCED


def test_a_host_that_is_empty_already_is_worth_a_plan(make):
    world = make([host('a'), host('b')], [server('s', 'a')])
    report = world.turn()
    assert world.asleep() == {'b'}
    assert report.plan.power_before_w - report.plan.power_after_w == (
        pytest.approx(100.0)
    )


def test_some_hosts_never_sleep(make):
    world = make([host('a'), host('b')], [server('s', 'a')])
    world.supplement = world._supplement(never_sleep=['b'])
    assert world.turn().outcome is Outcome.BALANCED


def test_low_headroom_wakes_a_host_although_it_costs_watts(make):
    world = make(
        [host('a'), host('b', state=ASLEEP), host('c', state=ASLEEP)],
        [server(f's{i}', 'a') for i in range(15)],
    )
    report = world.turn()
    assert _kinds(report) == ['wake']
    assert len(world.asleep()) == 1
    assert report.plan.power_after_w > report.plan.power_before_w
    world.wait(3600)
    assert world.turn().outcome is Outcome.BALANCED


def test_advice_that_does_not_change_stays_one_plan(make):
    world = make([host('a'), host('b')], [server('s', 'a')])
    first = world.turn(worlds.ADVICE)
    world.wait(300)
    second = world.turn(worlds.ADVICE)
    assert first.outcome is Outcome.WAITING
    assert first.plan.id == second.plan.id
    assert world.asleep() == set()


def _empties_without_sleep(world):
    """A plan made for a cloud whose empty hosts were thought to sleep."""
    return world.cycle(worlds.ADVICE).plan().plan


def test_a_plan_that_empties_a_host_for_nothing_is_not_enacted(make):
    world = make([host('a'), host('b')], [server('s', 'a'), server('t', 'b')])
    plan = _empties_without_sleep(world)
    assert _kinds_of(plan) == ['migrate']
    world.ledger.set_state(plan, State.APPROVED)
    report = world.cycle(worlds.ADVICE, worlds.SWITCHING).enact_approved()
    assert report.plan.state is State.SUPERSEDED
    assert 'nothing better' in report.plan.error
    assert world.moved == []


def test_a_plan_that_empties_a_host_for_nothing_is_not_kept(make):
    world = make([host('a'), host('b')], [server('s', 'a'), server('t', 'b')])
    plan = _empties_without_sleep(world)
    report = world.turn(worlds.ADVICE)
    assert _kinds(report) == ['migrate', 'sleep']
    assert world.ledger.get(plan.id).state is State.SUPERSEDED


def test_a_host_that_would_stay_awake_is_not_emptied(make):
    world = make([host('a'), host('b')], [server('s', 'a'), server('t', 'b')])
    world.supplement = world._supplement(never_sleep=['a', 'b'])
    report = world.turn()
    assert report.outcome is Outcome.HELD
    held = {each.brake for each in report.verdicts if each.is_held}
    assert 'threshold' in held
    assert world.in_use() == {'a', 'b'}


def _node_type(name, architecture):
    return cluster.NodeType(
        name=name,
        architecture=architecture,
        cpu=name,
        cores=16,
        threads=16,
        memory_mib=65536,
        disk_gib=1000,
        hypervisor_type='qemu',
        curve=power.linear(100.0, 250.0),
    )


def _full(name, kind):
    return cluster.Host(
        name=name,
        node_type=kind,
        vcpus_free=30.0,
        memory_free_mib=60000.0,
        disk_free_gib=900.0,
    )


def test_a_strained_component_goes_first_once_it_held(make):
    world = make([host('a'), host('b')], [server('s', 'a')])
    kinds = _node_type('slow', 'x86_64'), _node_type('fast', 'x86_64')
    target = peers.WEB.targets[0]
    tag = dataclasses.replace(
        peers.WEB,
        targets=tuple(
            dataclasses.replace(
                target, node_type=kind, flavor=peers.LARGE, relative_speed=s
            )
            for kind, s in zip(kinds, (0.5, 1.0), strict=True)
        ),
    )
    world.facts = {
        'hosts': (_full('a', kinds[0]), _full('b', kinds[1])),
        'components': (
            Component(
                id='s',
                host='a',
                vcpus=2.0,
                memory_mib=4096.0,
                busy_cores=1.8,
                max_load=0.8,
                tag=tag,
            ),
        ),
    }
    world.supplement = world._supplement(never_sleep=['a', 'b'])
    assert world.turn().outcome is Outcome.BALANCED
    world.wait(600)
    report = world.turn()
    assert report.plan.strategy == RELIEF
    assert report.plan.state is State.SUCCEEDED
    assert world.in_use() == {'b'}


def test_one_of_another_architecture_is_redeployed(make):
    world = make([host('a'), host('b')], [server('s', 'a')])
    world.facts = {
        'hosts': (_full('a', peers.SLOW_ARM), _full('b', peers.X86)),
        'components': (peers.web(id='s', host='a', is_relocatable=True),),
    }
    world.turn(worlds.ADVICE)
    world.wait(600)
    world.turn()
    assert world.redeployed == [('s', 'b')]
    # It will come to b: b is not put to sleep.
    assert 'b' not in world.asleep()
