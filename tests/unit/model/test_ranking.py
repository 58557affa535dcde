# SPDX-License-Identifier: Apache-2.0

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ecrae.model import cluster
from ecrae.model import host_arrays
from ecrae.model import power
from ecrae.model import ranking
from ecrae.model.host_arrays import HostArrays
from ecrae.model.tariff import Tariff


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
    return ranking.marginal(HostArrays.of(hosts), vcpus, busy, speed)


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


@hypothesis.given(st.floats(0.5, 2.0), st.floats(0, 0.5))
def test_what_busy_cores_draw_counts_and_the_cpu_they_take_does_not(
    draw, utilization
):
    hosts = HostArrays.of([host(utilization=utilization)])
    plain = ranking.marginal(hosts, 2, 0.5, 1.0)
    found = ranking.marginal(hosts, 2, 0.5, 1.0, relative_draw=draw)
    assert found.power_w == pytest.approx(draw * plain.power_w)
    assert found.utilization == plain.utilization
    # The part of the idle watts goes by the CPU.
    assert found.charged_w - found.power_w == pytest.approx(
        plain.charged_w - plain.power_w
    )


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
    assert costs[2] == pytest.approx(host_arrays.MAX_CALIBRATION * costs[0])


ADDED_ONLY = Tariff(standing_share=0.0, wake_share=1.0)
LOADS = st.floats(0.0, 1.0)


def _marginal(tariff, *hosts, vcpus=2):
    return ranking.marginal(HostArrays.of(hosts, tariff), vcpus, 0.5, 1.0)


def test_component_answers_for_its_part_of_the_idle_watts():
    result = marginal(host(utilization=0.2))

    # A tenth of the host: 10 W that it adds, and a tenth of 100 - 10 W.
    assert result.charged_w[0] == pytest.approx(10 + 9)
    assert result.merit[0] == pytest.approx(1 / 19)


def test_who_wakes_a_host_answers_for_a_little_more():
    asleep = host(state=cluster.HostState.ASLEEP)

    assert marginal(asleep).charged_w[0] == pytest.approx(
        10 + 9 + 0.05 * (90 - 9)
    )


@hypothesis.given(load=LOADS, idle_w=st.floats(10, 300), asleep=st.booleans())
def test_added_watts_alone_can_be_charged(load, idle_w, asleep):
    state = cluster.HostState.ASLEEP if asleep else cluster.HostState.AWAKE
    result = _marginal(
        ADDED_ONLY,
        host(idle_w=idle_w, max_w=400, utilization=load, state=state),
    )

    assert result.charged_w == pytest.approx(result.power_w)
    assert result.merit == pytest.approx(result.efficiency)


def test_components_that_fill_a_host_share_all_that_it_draws():
    parts = [
        marginal(host(utilization=u / 10)).charged_w[0] for u in range(10)
    ]

    # 200 W busy, of which 10 W would be drawn asleep.
    assert sum(parts) == pytest.approx(200 - 10)


def test_watts_count_by_their_zone_and_stay_watts():
    hosts = (host('clean', zone='hydro'), host('dirty', zone='coal'))
    tariff = Tariff(
        carbon_g_per_kwh={'hydro': 50.0, 'coal': 150.0}, carbon_weight=1.0
    )

    result = _marginal(tariff, *hosts)

    assert result.power_w[0] == result.power_w[1]
    assert result.efficiency[0] == result.efficiency[1]
    assert result.merit[0] == pytest.approx(3 * result.merit[1])


@hypothesis.given(
    loads=st.lists(LOADS, min_size=2, max_size=2),
    unit=st.floats(1e-3, 1e3),
    weight=LOADS,
)
def test_units_of_carbon_do_not_change_the_ranking(loads, unit, weight):
    hosts = [
        host(zone, utilization=load, zone=zone)
        for zone, load in zip(('a', 'b'), loads, strict=True)
    ]

    def merit(factor):
        tariff = Tariff(
            carbon_g_per_kwh={'a': 90.0 * factor, 'b': 400.0 * factor},
            carbon_weight=weight,
        )
        return _marginal(tariff, *hosts).merit

    assert merit(unit) == pytest.approx(merit(1.0), rel=1e-9)
