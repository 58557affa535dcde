# SPDX-License-Identifier: Apache-2.0

"""Each rule keeps a move from being planned that would save watts."""

import dataclasses
import pathlib

import pytest

from ecrae.migration.optimizer import constraints
from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer import objective
from ecrae.migration.optimizer import ordering
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model import power
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import HostState


ENERGY = objective.STRATEGIES['energy']
DOCUMENTATION = pathlib.Path(__file__).parents[4] / (
    'doc/source/admin/optimizer.rst'
)


def host(name, **kwargs):
    return Host(
        **{
            'name': name,
            'vcpus': 8,
            'memory_mib': 8192,
            'disk_gib': 100,
            'curve': power.linear(100, 150),
            **kwargs,
        }
    )


def workload(name, on, **kwargs):
    return Workload(
        **{
            'id': name,
            'host': on,
            'vcpus': 2,
            'memory_mib': 1024,
            'disk_gib': 10,
            'cpu_cores_used': 1.0,
            'memory_used_mib': 512,
            **kwargs,
        }
    )


def moves(hosts, workloads, rules=None, strategy=ENERGY, **kwargs):
    snapshot = Snapshot(hosts=tuple(hosts), workloads=tuple(workloads))
    plan = engine.optimize(
        Problem.of(snapshot, rules or Rules()), strategy, **kwargs
    )
    return {move.workload: move.destination for move in plan.moves}


def test_two_half_empty_hosts_become_one():
    assert (
        len(
            moves(
                [host('a'), host('b')],
                [workload('v', 'a'), workload('w', 'b')],
            )
        )
        == 1
    )


#: What keeps a workload where it is: the rule, its host and what it needs.
CASES = [
    ('architecture', {'architecture': 'aarch64'}, {}),
    ('hypervisor-type', {'hypervisor_type': 'lxc'}, {}),
    ('availability-zone', {'zone': 'edge'}, {}),
    ('pinned', {}, {'pinned': True}),
    ('cooldown', {}, {'cooldown_s': 60.0}),
    ('accelerators', {}, {'accelerators': (Accelerator('gpu', 'L4'),)}),
    ('capacity', {}, {'vcpus': 7}),
    ('capacity', {}, {'memory_mib': 7681}),
    ('capacity', {}, {'disk_gib': 95}),
    ('cpu-load', {}, {'cpu_cores_used': 7.5}),
    ('traits', {}, {'required_traits': frozenset({'CUSTOM_X'})}),
    ('traits', {}, {'forbidden_traits': frozenset({'CUSTOM_Y'})}),
    ('aggregate', {}, {'aggregates': frozenset({'ssd'})}),
    ('node-type', {}, {'node_types': frozenset({'other'})}),
    ('host-down', {'state': HostState.DOWN}, {}),
]

#: Rules that have a test of their own in this file or in test_engine.
OTHERS = {
    'affinity',
    'anti-affinity',
    'cpu-features',
    'host-state',
    'migration-budget',
    'rack-limit',
    'spare-hosts',
}


@pytest.mark.parametrize(('rule', 'of_b', 'of_w'), CASES)
def test_rule_keeps_a_workload_where_it_is(rule, of_b, of_w):
    stays = workload('v', 'a', pinned=True)
    hosts = [
        host('a', traits=frozenset({'CUSTOM_Y'}), node_type='one'),
        host('b', **of_b),
    ]
    assert moves(hosts, [stays, workload('w', 'b', **of_w)]) == {}


def test_every_rule_is_named_documented_and_tested():
    tested = {rule for rule, _, _ in CASES} | OTHERS
    assert set(constraints.STAYING) | set(constraints.DESTINATION) <= tested
    page = DOCUMENTATION.read_text()
    assert {rule for rule in tested if f'``{rule}``' not in page} == set()


@pytest.mark.parametrize(
    'state', [HostState.DRAINING, HostState.DOWN, HostState.ASLEEP]
)
def test_only_hosts_that_are_awake_take_work(state):
    hosts = [host('a', state=state), host('b')]
    servers = [workload('v', 'a', pinned=True), workload('w', 'b')]
    assert moves(hosts, servers, Rules(may_wake=False)) == {}


def test_running_guest_keeps_its_cpu_features():
    rich = host('a', traits=frozenset({'HW_CPU_X86_AVX512F'}))
    poor = host('b')
    needs = workload('w', 'a', required_traits=frozenset())
    stays = workload('v', 'b', pinned=True)
    assert moves([rich, poor], [needs, stays]) == {}
    rules = Rules(same_cpu_features=False)
    assert moves([rich, poor], [needs, stays], rules) == {'w': 'b'}


def test_members_of_an_anti_affinity_group_stay_apart():
    pair = [
        workload('v', 'a', anti_affinity_group='g'),
        workload('w', 'b', anti_affinity_group='g'),
    ]
    assert moves([host('a'), host('b')], pair) == {}


def test_affinity_group_moves_whole_or_not_at_all():
    group = [
        workload('v', 'a', affinity_group='g'),
        workload('w', 'a', affinity_group='g'),
    ]
    stays = workload('x', 'b', pinned=True)
    hosts = [host('a'), host('b')]
    assert moves(hosts, [*group, stays]) == {}
    together = Rules(affinity_groups_move=True)
    assert moves(hosts, [*group, stays], together) == {'v': 'b', 'w': 'b'}


def test_host_asleep_is_woken_only_where_allowed():
    tight = [workload(f'w{n}', 'a', vcpus=1) for n in range(4)]
    thrifty = host('b', curve=power.linear(10, 20), state=HostState.ASLEEP)
    hosts = [host('a'), thrifty]
    assert set(moves(hosts, tight).values()) == {'b'}
    assert moves(hosts, tight, Rules(may_wake=False)) == {}


def test_headroom_and_ceiling_are_left_free():
    two = [workload('v', 'a', vcpus=4), workload('w', 'b', vcpus=4)]
    hosts = [host('a'), host('b')]
    assert len(moves(hosts, two)) == 1
    assert moves(hosts, two, Rules(headroom=0.1)) == {}
    assert moves(hosts, two, Rules(cpu_ceiling=0.2)) == {}


def test_rack_stays_below_its_limit():
    hosts = [host('a', rack='r'), host('b', rack='s')]
    two = [workload('v', 'a', pinned=True), workload('w', 'b')]
    assert moves(hosts, two, Rules(rack_limit_w=200.0)) == {'w': 'a'}
    assert moves(hosts, two, Rules(rack_limit_w=110.0)) == {}


def test_spare_host_stays_awake_and_costs():
    snapshot = Snapshot(
        hosts=(host('a'), host('b')),
        workloads=(workload('v', 'a'), workload('w', 'b')),
    )
    plan = engine.optimize(Problem.of(snapshot, Rules(spare_hosts=1)), ENERGY)
    assert plan.hosts_on_after == 2
    assert len(plan.spare_hosts) == 1


def test_overloaded_host_is_relieved():
    full = [workload(f'w{n}', 'a', cpu_cores_used=3.0) for n in range(4)]
    assert moves([host('a'), host('b')], full)


@pytest.mark.parametrize('strategy', ['balance', 'performance', 'thermal'])
def test_spreading_strategies_spread(strategy):
    busy = [
        workload(f'w{n}', 'a', vcpus=1, cpu_cores_used=1.0) for n in range(8)
    ]
    hosts = [host('a', curve=power.linear(20, 300)), host('b')]
    chosen = objective.STRATEGIES[strategy]
    assert len(moves(hosts, busy, strategy=chosen)) >= 3


def test_evacuated_host_is_emptied_and_little_else_moves():
    strategy = dataclasses.replace(
        objective.STRATEGIES['evacuate'], evacuate=frozenset({'a'})
    )
    found = moves(
        [host('a'), host('b'), host('c')],
        [workload('u', 'a'), workload('v', 'b'), workload('w', 'c')],
        strategy=strategy,
    )
    assert 'u' in found
    assert found['u'] != 'a'


def test_fewest_hosts_go_before_least_watts():
    thrifty = [
        host(name, curve=power.linear(10, 20), vcpus=4, memory_mib=2048)
        for name in ('a', 'b', 'c')
    ]
    big = host('d', curve=power.linear(200, 300))
    each = [workload(f'w{name}', name, vcpus=2) for name in ('a', 'b', 'c')]
    strategy = objective.STRATEGIES['consolidation']
    found = moves([*thrifty, big], each, strategy=strategy)
    assert set(found.values()) == {'d'}


def test_exchange_that_has_no_room_takes_a_detour():
    """Each belongs on the other's host; only a third one has room."""
    hosts = [
        host('a', memory_mib=1024, node_type='x'),
        host('b', memory_mib=1024, node_type='y'),
        host('c', memory_mib=2048, curve=power.linear(10, 20)),
    ]
    two = [
        workload('v', 'a'),
        workload('w', 'b'),
        workload('s', 'c', pinned=True),
    ]
    problem = Problem.of(Snapshot(hosts=tuple(hosts), workloads=tuple(two)))
    goal = objective.Objective.of(problem, ENERGY)
    names = [hosts[index].name for index in problem.host_index]
    a, b = names.index('a'), names.index('b')
    target = problem.start.copy()
    target[problem.start == a], target[problem.start == b] = b, a
    steps, reached = ordering.ordered(goal, target, budget=3)
    assert (reached == target).all()
    assert [step.is_detour for step in steps] == [True, False, False]
    steps, reached = ordering.ordered(goal, target, budget=2)
    assert (reached == problem.start).all()
