# SPDX-License-Identifier: Apache-2.0

import dataclasses

import numpy as np
import pytest

from ecrae.simulator.policies import static
from ecrae.simulator.policy import Rules
from tests.unit.simulator import worlds


def _place(score, hosts, count, **kwargs):
    world = worlds.world(hosts, [[0]] * count, [-1] * count, **kwargs)
    return static.Placement(score).place(world, np.arange(count)).tolist()


@pytest.mark.parametrize(
    ('score', 'hosts'),
    [
        (static.first_fit, [0, 0, 1, 2]),
        # The smallest rest first.
        (static.best_fit, [1, 0, 0, 2]),
        # Free CPU and free memory count alike: the large host is the best
        # until its memory is taken.
        (static.spread, [2, 0, 1, 2]),
    ],
)
def test_preference(score, hosts):
    fleet = dataclasses.replace(
        worlds.fleet(3), capacity_cpu=np.array([2000.0, 1000.0, 4000.0])
    )
    rules = Rules(cpu_allocation_ratio=1.0)
    assert _place(score, fleet, 4, rules=rules) == hosts


def test_ecrae_places_where_work_adds_the_least_watts():
    fleet = worlds.fleet(4)
    curves = fleet.curves_w.copy()
    curves[2] = np.linspace(40, 90, 11)
    fleet = dataclasses.replace(fleet, curves_w=curves)
    # Requests of 1000 on 1000 at 4:1: four of the thriftiest, then the first.
    rules = Rules(cpu_allocation_ratio=4.0)
    hosts = _place(static.merit, fleet, 6, rules=rules)
    assert hosts[:3] == [2, 2, 2]
    assert 2 not in hosts[4:]


def test_memory_and_requests_are_limits():
    fleet = worlds.fleet(1, memory_mib=800.0)
    rules = Rules(cpu_allocation_ratio=10.0)
    assert _place(static.first_fit, fleet, 3, rules=rules) == [0, 0, -1]
    fleet = worlds.fleet(1)
    rules = Rules(cpu_allocation_ratio=1.0)
    assert _place(static.first_fit, fleet, 2, rules=rules) == [0, -1]


def test_running_machines_take_memory_only_where_it_is_enforced():
    fleet = worlds.fleet(1, memory_mib=400.0)
    for is_enforced, host in ((True, -1), (False, 0)):
        world = worlds.world(
            fleet,
            [[0], [0]],
            [0, -1],
            rules=Rules(
                cpu_allocation_ratio=10.0, is_memory_enforced=is_enforced
            ),
        )
        placed = static.Placement(static.first_fit).place(world, np.array([1]))
        assert placed.tolist() == [host]
