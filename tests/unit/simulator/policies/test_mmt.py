# SPDX-License-Identifier: Apache-2.0

from ecrae.simulator.policies import mmt
from ecrae.simulator.policy import Rules
from tests.unit.simulator import worlds


def _moves(hosts, demands, host_of, **kwargs):
    world = worlds.world(hosts, [[d] for d in demands], host_of, **kwargs)
    return [tuple(move) for move in mmt.thr_mmt(0.8).rebalance(world)]


def test_overloaded_host_sheds_the_least_memory():
    moves = _moves(
        worlds.fleet(3),
        [300, 300, 300, 500, 0],
        [0, 0, 0, 1, -1],
        memory_mib=[700, 500, 600, 400, 400],
    )
    # Host 1 would be full at 800 of 1000, which is not over 80 %.
    assert moves == [(1, 1)]


def test_least_loaded_host_is_emptied_if_all_fits():
    demands = [100, 200, 400]
    assert _moves(worlds.fleet(2), demands, [0, 0, 1]) == [(1, 1), (0, 1)]


def test_host_stays_if_a_machine_of_it_fits_nowhere():
    assert _moves(worlds.fleet(2), [100, 450, 400], [0, 0, 1]) == []


def test_memory_binds_where_it_is_enforced():
    fleet = worlds.fleet(2, memory_mib=700.0)
    rules = Rules(cpu_allocation_ratio=10.0)
    assert _moves(fleet, [100, 200], [0, 1], rules=rules) == []
    rules = Rules(cpu_allocation_ratio=10.0, is_memory_enforced=False)
    assert _moves(fleet, [100, 200], [0, 1], rules=rules) == [(0, 1)]


def test_promises_bind_where_they_are_enforced():
    rules = Rules(cpu_allocation_ratio=1.0)
    assert _moves(worlds.fleet(2), [100, 200], [0, 1], rules=rules) == []
