# SPDX-License-Identifier: Apache-2.0

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ecrae.model import accelerators
from ecrae.model import attribution
from ecrae.model import fitness
from ecrae.model import host_arrays
from ecrae.model import power
from ecrae.model import ranking
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Host
from ecrae.model.cluster import HostState
from ecrae.model.fleet import FleetServer
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import PowerCurve
from ecrae.model.tariff import Tariff
from tests import hardware


FLAVOR = Flavor(name='gpu', vcpus=4, memory_mib=1024, disk_gib=1)
L4 = power.linear(16.0, 72.0)
A100 = power.linear(45.0, 300.0)
CURVES = st.lists(st.floats(0, 500), min_size=11, max_size=11).map(
    lambda watts: PowerCurve(tuple(sorted(watts)))
)
LOADS = st.floats(0, 1)


def node_type(*boards, name='box', idle_w=100, max_w=300):
    """A node of 32 cores with these boards."""
    plain = hardware.node_type(name, idle_w, max_w)
    return dataclasses.replace(
        plain,
        curve=accelerators.whole(plain.curve, boards),
        accelerators=boards,
    )


def gpus(count=4, curve=L4, kind='gpu'):
    return Accelerator(kind, 'any', count, curve, 'board')


def host(hardware_type, **facts):
    return Host(
        name=facts.pop('name', 'h'),
        node_type=hardware_type,
        vcpus_free=100,
        memory_free_mib=10000,
        disk_free_gib=100,
        **facts,
    )


def target(hardware_type, busy=1.0, kind='gpu', **facts):
    return TagTarget(
        node_type=hardware_type,
        flavor=FLAVOR,
        preference=1,
        accelerator=kind,
        accelerators_busy=busy,
        **facts,
    )


def marginal(hardware_type, busy=1.0, tariff=None, **facts):
    return ranking.marginal_of(
        HostArrays.of([host(hardware_type, **facts)], tariff or Tariff()),
        target(hardware_type, busy),
    )


def test_a_component_adds_the_hosts_watts_and_its_boards():
    box = node_type(gpus())
    result = marginal(box, 1.5)

    # 4 vCPUs half busy on 32 cores of 200 W; one and a half boards of 56 W.
    assert result.accelerator_w[0] == pytest.approx(1.5 * 56)
    assert result.power_w[0] == pytest.approx(200 * 2 / 32 + 1.5 * 56)


def test_a_node_draws_its_boards_idle_and_asleep():
    box = node_type(gpus(2, PowerCurve((20.0,) * 11, sleep_w=3.0)))
    assert box.curve.power_w[0] == 100 + 2 * 20
    assert box.curve.sleep_w == 5 + 2 * 3


def test_without_curves_of_their_own_boards_count_nothing():
    """What they draw is in the node's curve, as the operator put it there."""
    plain = hardware.node_type('box', 100, 300)
    with_boards = dataclasses.replace(
        plain, accelerators=(Accelerator('gpu', 'any', 4),)
    )
    arrays = HostArrays.of([host(plain, utilization=0.3, power_w=200.0)])
    before = ranking.marginal(arrays, 4, 0.5, 1.0)

    assert accelerators.whole(plain.curve, with_boards.accelerators) is (
        plain.curve
    )
    after = marginal(with_boards, utilization=0.3, power_w=200.0)
    for column in dataclasses.fields(before):
        assert getattr(after, column.name) == pytest.approx(
            getattr(before, column.name)
        ), column.name


def test_efficient_boards_win_where_processors_are_alike():
    """The same work is one A100 or two and a half of the smaller board."""
    small, large = node_type(gpus()), node_type(gpus(4, A100))
    assert marginal(small, 2.58).merit[0] > marginal(large, 1.0).merit[0]


def test_boards_without_time_to_spare_do_not_look_cheap():
    box = node_type(gpus(2))
    free, nearly, full = (
        marginal(box, 1.0, accelerator_utilization=load).merit[0]
        for load in (0.0, 0.75, 1.0)
    )
    assert free > nearly > full == 0.0


def test_another_kind_of_board_is_not_used():
    box = node_type(gpus(), gpus(1, A100, 'fpga'))
    arrays = HostArrays.of([host(box)])

    on_fpga = ranking.marginal_of(arrays, target(box, 0.5, 'fpga'))
    on_none = ranking.marginal_of(arrays, target(box, 0.0, ''))

    assert on_fpga.accelerator_w[0] == pytest.approx(0.5 * 255)
    assert on_none.accelerator_w[0] == 0.0


def test_measured_watts_calibrate_host_and_boards_together():
    box = node_type(gpus())
    # 200 W by the processors, half of 4 * 56 W by the boards, and 64 W idle.
    expected_w = 200 + 64 + 2 * 56
    usual = marginal(box, utilization=0.5, accelerator_utilization=0.5)
    thirsty = marginal(
        box,
        utilization=0.5,
        accelerator_utilization=0.5,
        power_w=1.5 * expected_w,
    )
    assert thirsty.power_w[0] == pytest.approx(1.5 * usual.power_w[0])


def test_boards_of_a_sleeping_host_are_woken_with_it():
    box = node_type(gpus())
    asleep = marginal(box, state=HostState.ASLEEP)
    awake = marginal(box)
    assert asleep.power_w[0] == pytest.approx(awake.power_w[0] + 100 + 64 - 5)
    assert (
        host_arrays.accelerator_w(
            host(box, state=HostState.ASLEEP, accelerator_utilization=1.0)
        )
        == 0.0
    )


def test_components_that_fill_boards_share_their_idle_watts():
    box = node_type(gpus(4))
    parts = [
        marginal(box, 1.0, accelerator_utilization=n / 4) for n in range(4)
    ]
    plain = ranking.marginal(HostArrays.of([host(box)]), 4, 0.5, 1.0)
    more_w = sum(part.charged_w[0] - plain.charged_w[0] for part in parts)
    # The boards' idle watts by the boards in use, and no more by the CPU's.
    assert more_w == pytest.approx(4 * 56 + 64 - 4 * 64 * 2 / 32)


def test_hosts_show_what_their_boards_draw():
    box = node_type(gpus())
    [seen] = fitness.of_hosts([host(box, accelerator_utilization=0.5)], {})
    assert seen.accelerator_power_w == pytest.approx(64 + 0.5 * 224)
    assert seen.power_w == pytest.approx(100 + 64 + 0.5 * 224)


def test_who_holds_devices_draws_what_boards_draw():
    box = node_type(gpus())

    def server(name, **extra_specs):
        return FleetServer(
            id=name,
            name=name,
            host='h',
            status='ACTIVE',
            task='',
            is_locked=False,
            vcpus=2,
            memory_mib=1,
            disk_gib=1,
            extra_specs=extra_specs,
            metadata={},
        )

    here = host(box, accelerator_utilization=1.0)
    holders = [server('x', **{'resources:VGPU': '1'}), server('y')]
    found = {
        part.server.name: part.power_w
        for part in attribution.of_servers([here], holders, {})
    }
    assert found['x'] - found['y'] == pytest.approx(224)
    assert sum(found.values()) == pytest.approx(100 + 64 + 224)
    # Nobody holds them: what they draw is divided as all else is.
    found = attribution.of_servers([here], [server('y')], {})
    assert found[0].power_w == pytest.approx(100 + 64 + 224)


@hypothesis.given(CURVES, st.integers(1, 8), LOADS, LOADS)
def test_more_load_never_draws_less(curve, count, first, second):
    boards = [gpus(count, curve)]
    low, high = sorted((first, second))
    assert accelerators.busy_w(boards, low) <= (
        accelerators.busy_w(boards, high) + 1e-9
    )


@hypothesis.given(CURVES, CURVES, LOADS)
def test_boards_add_up(first, second, load):
    both = [gpus(2, first), gpus(3, second, 'fpga')]
    assert accelerators.draw_w(both, load) == pytest.approx(
        2 * first.at(load) + 3 * second.at(load)
    )


@hypothesis.given(
    st.floats(0, 0.4), st.floats(0.01, 0.8), st.floats(0.01, 0.8)
)
def test_two_components_cost_what_they_cost_at_once(load, first, second):
    bent = PowerCurve(tuple(50 + 2.0 * step**2 for step in range(11)))
    box = node_type(gpus(4, bent))

    def added_w(before, boards_busy):
        result = marginal(box, boards_busy, accelerator_utilization=before)
        return result.accelerator_w[0]

    one = added_w(load, first)
    two = added_w(load + first / 4, second)
    assert one + two == pytest.approx(added_w(load, first + second))


@hypothesis.given(
    st.lists(st.tuples(LOADS, LOADS), min_size=2, max_size=5),
    st.floats(1e-3, 1e3),
)
def test_the_unit_of_power_does_not_change_the_ranking(loads, unit):
    def merits(factor):
        def scale(curve):
            return PowerCurve(tuple(watt * factor for watt in curve.power_w))

        box = dataclasses.replace(
            node_type(),
            curve=scale(node_type(gpus()).curve),
            accelerators=(gpus(4, scale(L4)),),
        )
        hosts = [
            host(box, utilization=cpu, accelerator_utilization=boards)
            for cpu, boards in loads
        ]
        return ranking.marginal_of(HostArrays.of(hosts), target(box)).merit

    assert merits(unit) * unit == pytest.approx(merits(1.0), rel=1e-6)


def test_hosts_of_many_types_are_ranked_at_once():
    """As nova-scheduler does it, with a row for each node type."""
    boxes = [
        node_type(gpus(), name='small'),
        node_type(name='plain'),
        node_type(gpus(2, A100), name='large'),
    ]
    targets = {each.name: target(each, 0.7) for each in boxes}
    arrays = HostArrays.of([host(each) for each in boxes])

    boards = ranking.boards_on(boxes, targets)
    together = ranking.marginal(arrays, 4, 0.5, 1.0, boards)

    alone = [
        ranking.marginal_of(HostArrays.of([host(each)]), targets[each.name])
        for each in boxes
    ]
    assert together.merit.tolist() == pytest.approx(
        [each.merit[0] for each in alone]
    )
    assert ranking.boards_on(boxes[1:2], targets) is None
    assert np.array_equal(
        boards.at(np.array([2, 0])).growth, boards.growth[[2, 0]]
    )
