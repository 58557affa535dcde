# SPDX-License-Identifier: Apache-2.0

import dataclasses
import pathlib

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ecrae.simulator import bound
from ecrae.simulator import csv_trace
from ecrae.simulator import engine
from ecrae.simulator import planetlab
from ecrae.simulator.policies import static
from ecrae.simulator.policy import Rules
from tests.unit.simulator import worlds


CPU_ONLY = Rules(is_memory_enforced=False, is_request_enforced=False)
DAY = (
    pathlib.Path(__file__).parents[3]
    / 'benchmarks/data/planetlab/20110303.csv.gz'
)


def test_full_host_does_the_work():
    # 500 of CPU is half of a host of 200 W.
    found = bound.energy_kwh(
        worlds.trace([500, 500]), worlds.fleet(2), CPU_ONLY
    )
    assert found == pytest.approx(0.100)


def test_thrifty_hosts_are_used_up_first():
    fleet = worlds.fleet(3)
    curves = fleet.curves_w.copy()
    curves[1] = np.linspace(20, 100, 11)
    fleet = dataclasses.replace(fleet, curves_w=curves)
    found = bound.energy_kwh(
        worlds.trace([800, 800], [800, 800]), fleet, CPU_ONLY
    )
    assert found == pytest.approx(0.100 + 0.6 * 0.200)


def test_memory_keeps_hosts_on_where_it_is_enforced():
    trace = worlds.trace([0, 0], [0, 0], memory_mib=4096.0)
    fleet = worlds.fleet(4, sleep_w=2.0)
    assert bound.energy_kwh(trace, fleet, Rules()) == pytest.approx(0.204)
    assert bound.energy_kwh(trace, fleet, CPU_ONLY) == pytest.approx(0.008)


def test_planetlab_bound_is_work_at_the_best_rate():
    scenario = planetlab.scenario(csv_trace.read(DAY))
    demand = scenario.trace.demand_cpu.sum(axis=0)[1:]
    best = 135.0 / 5320.0
    joules = np.trapezoid(demand) * 300.0 * best
    assert scenario.bound_kwh() == pytest.approx(joules / 3.6e6)


@hypothesis.settings(max_examples=25)
@hypothesis.given(
    st.lists(
        st.lists(st.integers(0, 1000), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
)
def test_no_policy_that_serves_everything_is_below(demands, is_enforced):
    trace = worlds.trace(*demands)
    rules = Rules(is_memory_enforced=is_enforced, cpu_allocation_ratio=1.0)
    fleet = worlds.fleet(8, sleep_w=3.0)
    for score in (static.first_fit, static.spread):
        outcome = engine.run(trace, fleet, static.Placement(score), rules)
        assert outcome.refused == outcome.unserved == 0
        least = bound.energy_kwh(trace, fleet, rules)
        assert least <= outcome.energy_kwh * (1 + 1e-9)


def test_promises_keep_hosts_on_where_they_are_enforced():
    rules = Rules(is_memory_enforced=False, cpu_allocation_ratio=1.0)
    idle = worlds.trace([0, 0], [0, 0], [0, 0])
    found = bound.energy_kwh(idle, worlds.fleet(4), rules)
    assert found == pytest.approx(0.300)
