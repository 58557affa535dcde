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


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    clouds.snapshots(), st.sampled_from(sorted(objective.STRATEGIES))
)
def test_each_step_keeps_every_rule_under_every_strategy(snapshot, name):
    world = replay.Replay(snapshot)
    groups = world.affinity()
    world.enact(_plan(snapshot, objective.STRATEGIES[name]).moves)
    assert world.affinity() == groups


@hypothesis.settings(max_examples=40, deadline=None)
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


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(clouds.snapshots(), st.integers(0, 8))
def test_budget_is_kept(snapshot, budget):
    assert len(_plan(snapshot, max_migrations=budget).moves) <= budget


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(clouds.snapshots())
def test_second_run_proposes_nothing(snapshot):
    world = replay.Replay(snapshot)
    world.enact(_plan(snapshot).moves)
    assert _plan(world.result()).moves == ()


@hypothesis.settings(max_examples=40, deadline=None)
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
