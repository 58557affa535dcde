# SPDX-License-Identifier: Apache-2.0

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies as st

from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer import objective
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model import power
from tests.unit.migration.optimizer import clouds
from tests.unit.migration.optimizer import replay


ENERGY = objective.STRATEGIES['energy']


def _plan(snapshot, strategy=ENERGY, **kwargs):
    return engine.optimize(Problem.of(snapshot), strategy, **kwargs)


@hypothesis.settings(max_examples=40)
@hypothesis.given(
    clouds.snapshots(), st.sampled_from(sorted(objective.STRATEGIES))
)
def test_each_step_keeps_every_rule_under_every_strategy(snapshot, name):
    world = replay.Replay(snapshot)
    groups = world.affinity()
    world.enact(_plan(snapshot, objective.STRATEGIES[name]).moves)
    assert world.affinity() == groups


@hypothesis.settings(max_examples=40)
@hypothesis.given(clouds.tight())
def test_hosts_that_are_nearly_full_never_hold_too_much(snapshot):
    replay.Replay(snapshot).enact(_plan(snapshot).moves)


@hypothesis.settings(max_examples=40)
@hypothesis.given(clouds.snapshots())
def test_plan_says_what_it_brings(snapshot):
    world = replay.Replay(snapshot)
    before = world.watts()
    plan = _plan(snapshot)
    world.enact(plan.moves)
    assert plan.watts_before == pytest.approx(before)
    assert plan.watts_after == pytest.approx(world.watts())
    assert plan.watts_bound <= plan.watts_after + 1e-6
    assert sum(m.saving_w for m in plan.moves) == pytest.approx(
        plan.watts_before - plan.watts_after, abs=1e-6
    )


@hypothesis.settings(max_examples=40)
@hypothesis.given(clouds.snapshots(), st.integers(0, 8))
def test_budget_is_kept(snapshot, budget):
    assert len(_plan(snapshot, max_migrations=budget).moves) <= budget


@hypothesis.settings(max_examples=40)
@hypothesis.given(clouds.snapshots())
def test_second_run_proposes_nothing(snapshot):
    world = replay.Replay(snapshot)
    world.enact(_plan(snapshot).moves)
    assert _plan(world.result()).moves == ()


@hypothesis.settings(max_examples=40)
@hypothesis.given(clouds.snapshots(), st.randoms(use_true_random=False))
def test_order_of_input_changes_nothing(snapshot, shuffler):
    hosts, workloads = list(snapshot.hosts), list(snapshot.workloads)
    shuffler.shuffle(hosts)
    shuffler.shuffle(workloads)
    shuffled = dataclasses.replace(
        snapshot, hosts=tuple(hosts), workloads=tuple(workloads)
    )
    assert _plan(shuffled) == _plan(snapshot)


def _two_hosts(load):
    hosts = tuple(
        Host(
            name=name,
            vcpus=8,
            memory_mib=16384,
            disk_gib=100,
            curve=power.linear(60, 120),
        )
        for name in ('a', 'b')
    )
    workloads = tuple(
        Workload(
            id=f'w{index}',
            host=host,
            vcpus=2,
            memory_mib=2048,
            disk_gib=1,
            cpu_cores_used=load,
            memory_used_mib=1024,
        )
        for index, host in enumerate(('a', 'a', 'b', 'b'))
    )
    return Snapshot(hosts=hosts, workloads=workloads)


@pytest.mark.parametrize(
    ('load', 'ceiling', 'moves'),
    [
        (1.9, 1.0, 2),
        # Together they would fill 95 %, more than a destination may have.
        (1.9, 0.9, 0),
        # Each host is above the ceiling but not above its CPU: no relief.
        (3.8, 0.9, 0),
    ],
)
def test_ceiling_binds_destinations_only(load, ceiling, moves):
    problem = Problem.of(_two_hosts(load), Rules(cpu_ceiling=ceiling))
    assert len(engine.optimize(problem, ENERGY).moves) == moves


@hypothesis.settings(max_examples=40)
@hypothesis.given(
    clouds.snapshots(),
    st.sampled_from(sorted(objective.STRATEGIES)),
    st.floats(60.0, 1e5),
)
def test_a_plan_is_never_worse_than_staying(snapshot, name, horizon_s):
    """Its moves pay for their own energy within the horizon, or stop pain."""
    migration = objective.Migration(horizon_s=horizon_s)
    strategy = objective.STRATEGIES[name]
    problem = Problem.of(snapshot)
    plan = _plan(snapshot, strategy, migration=migration)
    if not plan.moves:
        return
    measure = objective.Objective.of(problem, strategy, migration)
    unit, place = _indexes(problem)
    after = problem.start.copy()
    for move in plan.moves:
        after[unit[move.workload]] = place[move.destination]
    assert measure.total(after) < measure.total(problem.start)
    if name == 'energy' and not measure.is_overloaded.any():
        paid_w = sum(move.cost_j for move in plan.moves) / horizon_s
        assert plan.watts_after + paid_w < plan.watts_before


def _is_overfull(snapshot):
    problem = Problem.of(snapshot)
    load = objective.loads(problem, problem.start)
    return bool((objective.excess(problem.capacity, load) > 0).any())


def _indexes(problem):
    workloads = problem.snapshot.workloads
    unit = {
        workloads[index].id: unit
        for unit, bundle in enumerate(problem.bundles)
        for index in bundle
    }
    place = {
        problem.snapshot.hosts[index].name: place
        for place, index in enumerate(problem.host_index.tolist())
    }
    return unit, place


@hypothesis.settings(max_examples=80)
@hypothesis.given(
    # Where much is alike and room is short, names decide most.
    st.one_of(clouds.snapshots(), clouds.tight(), clouds.tight()),
    st.randoms(use_true_random=False),
)
def test_other_names_change_nothing_but_names(snapshot, shuffler):
    """Names in another order change neither what is reached nor its cost.

    They may decide between placements that are equally good, and which way
    out of an overload is found first where hosts are alike.
    """
    hosts = _names([host.name for host in snapshot.hosts], 'x', shuffler)
    ids = _names([each.id for each in snapshot.workloads], 'y', shuffler)
    renamed = Snapshot(
        hosts=tuple(
            dataclasses.replace(host, name=hosts[host.name])
            for host in snapshot.hosts
        ),
        workloads=tuple(
            dataclasses.replace(each, id=ids[each.id], host=hosts[each.host])
            for each in snapshot.workloads
        ),
    )
    plan, other = _plan(snapshot), _plan(renamed)
    assert other.watts_before == pytest.approx(plan.watts_before)
    assert other.watts_bound == pytest.approx(plan.watts_bound)
    if not _is_overfull(snapshot):
        assert other.watts_after == pytest.approx(plan.watts_after)
        assert len(other.moves) == len(plan.moves)


@hypothesis.settings(max_examples=40)
@hypothesis.given(clouds.snapshots())
def test_names_of_the_same_order_change_names_alone(snapshot):
    renamed = Snapshot(
        hosts=tuple(
            dataclasses.replace(host, name=f'new-{host.name}')
            for host in snapshot.hosts
        ),
        workloads=tuple(
            dataclasses.replace(
                each, id=f'new-{each.id}', host=f'new-{each.host}'
            )
            for each in snapshot.workloads
        ),
    )
    moves = [
        (move.workload, move.source, move.destination)
        for move in _plan(snapshot).moves
    ]
    assert [
        (move.workload, move.source, move.destination)
        for move in _plan(renamed).moves
    ] == [tuple(f'new-{each}' for each in move) for move in moves]


def _names(old, prefix, shuffler):
    new = [f'{prefix}{index:02d}' for index in range(len(old))]
    shuffler.shuffle(new)
    return dict(zip(old, new, strict=True))


@pytest.mark.parametrize(
    ('weights', 'left'), [((1.0, 3.0), 'a'), ((3.0, 1.0), 'b')]
)
def test_load_gathers_where_a_watt_counts_least(weights, left):
    hosts = tuple(
        Host(
            name=name,
            vcpus=16,
            memory_mib=65536,
            disk_gib=1000,
            curve=power.linear(100, 200, 10),
            watt_weight=weight,
        )
        for name, weight in zip('ab', weights, strict=True)
    )
    workloads = tuple(
        Workload(
            id=f'on-{host.name}',
            host=host.name,
            vcpus=2,
            memory_mib=1024,
            disk_gib=10,
            cpu_cores_used=1.0,
            memory_used_mib=512,
        )
        for host in hosts
    )

    plan = _plan(Snapshot(hosts=hosts, workloads=workloads))

    assert {move.destination for move in plan.moves} == {left}
    # The watts that are told are watts all the same.
    assert plan.watts_before == pytest.approx(2 * (100 + 100 / 16))
