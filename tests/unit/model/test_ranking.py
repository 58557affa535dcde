# SPDX-License-Identifier: Apache-2.0

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ecrae.model import cluster
from ecrae.model import power
from ecrae.model import ranking


def host(name='n', *, cores=10, idle_w=100, max_w=200, sleep_w=10, **state):
    node_type = cluster.NodeType(
        name=f'type-of-{name}',
        architecture='x86_64',
        cpu='any',
        cores=cores,
        threads=cores,
        memory_mib=1024,
        disk_gib=10,
        hypervisor_type='qemu',
        curve=power.linear(idle_w, max_w, sleep_w),
    )
    return cluster.Host(
        name=name,
        node_type=node_type,
        vcpus_free=100,
        memory_free_mib=1024,
        disk_free_gib=10,
        **state,
    )


def marginal(*hosts, vcpus=2, busy=0.5, speed=1.0):
    return ranking.marginal(ranking.HostArrays.of(hosts), vcpus, busy, speed)


def test_formula_on_an_awake_host():
    result = marginal(host(utilization=0.2))
    assert result.utilization[0] == pytest.approx(0.1)
    assert result.power_w[0] == pytest.approx(10)
    assert result.efficiency[0] == pytest.approx(0.1)


def test_waking_a_host_is_part_of_its_cost():
    asleep = host(state=cluster.HostState.ASLEEP, utilization=0.9)
    assert marginal(asleep).power_w[0] == pytest.approx(10 + 100 - 10)


def test_fast_cores_are_loaded_less():
    result = marginal(host('slow'), host('fast'), speed=np.array([1.0, 2.0]))
    assert result.utilization == pytest.approx([0.1, 0.05])
    assert result.efficiency[1] == pytest.approx(2 * result.efficiency[0])


def test_host_without_cpu_to_spare_does_not_look_cheap():
    result = marginal(
        host('idle'),
        host('nearly', utilization=0.95),
        host('full', utilization=1.0),
    )
    assert result.efficiency[0] > result.efficiency[1] > 0
    assert result.efficiency[2] == 0


def test_no_work_and_flat_curves_never_give_nan():
    flat = host(idle_w=100, max_w=100)
    for busy in (0.0, 0.5):
        assert np.isfinite(marginal(flat, busy=busy).efficiency).all()


def test_no_hosts_give_empty_columns():
    assert marginal().efficiency.shape == (0,)


@hypothesis.given(st.floats(0, 0.4), st.floats(0.1, 2), st.floats(0.1, 2))
def test_watts_of_two_components_add_up(load, first, second):
    """Placing a then b costs what placing both at once costs."""
    both = marginal(host(utilization=load), vcpus=first + second)
    one = marginal(host(utilization=load), vcpus=first)
    after = min(1.0, load + one.utilization[0])
    two = marginal(host(utilization=after), vcpus=second)
    assert one.power_w[0] + two.power_w[0] == pytest.approx(both.power_w[0])


@hypothesis.given(st.permutations(range(5)))
def test_order_of_hosts_does_not_matter(order):
    hosts = [
        host(
            str(i),
            cores=4 + i,
            idle_w=50 * i,
            max_w=100 + 70 * i,
            sleep_w=0,
            utilization=i / 10,
        )
        for i in range(5)
    ]
    straight = marginal(*hosts).efficiency
    shuffled = marginal(*(hosts[i] for i in order)).efficiency
    assert shuffled == pytest.approx(straight[list(order)])


def test_host_that_draws_more_than_its_curve_says_costs_more():
    plain, thirsty, broken = (
        host('plain', utilization=0.5),
        host('thirsty', utilization=0.5, power_w=300),
        host('broken', utilization=0.5, power_w=30000),
    )
    costs = marginal(plain, thirsty, broken).power_w
    assert costs[1] == pytest.approx(2 * costs[0])
    assert costs[2] == pytest.approx(ranking.MAX_CALIBRATION * costs[0])
