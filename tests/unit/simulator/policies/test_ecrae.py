# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from ecrae.simulator.policies.ecrae import Ecrae
from ecrae.simulator.policies.ecrae import Settings
from ecrae.simulator.policy import Rules
from tests.unit.simulator import worlds


REPACKS = 1
RELIEVES_ONLY = 2


def _steady(*demands, samples):
    return [[demand] * samples for demand in demands]


def _moves(world, **settings):
    return dict(Ecrae(Settings(**settings)).rebalance(world))


def test_half_empty_hosts_are_packed():
    world = worlds.world(
        worlds.fleet(3),
        _steady(200, 200, 200, samples=REPACKS + 1),
        [0, 1, 2],
    )
    moves = _moves(world, repack_every_s=3600.0)
    after = world.host_of.copy()
    for machine, host in moves.items():
        after[machine] = host
    assert len(set(after)) == 1
    # A second run finds nothing to do.
    again = worlds.world(
        worlds.fleet(3),
        _steady(200, 200, 200, samples=REPACKS + 1),
        after.tolist(),
    )
    assert _moves(again) == {}


def test_between_repacks_only_full_hosts_are_touched():
    demands = _steady(200, 200, 200, samples=RELIEVES_ONLY + 1)
    world = worlds.world(worlds.fleet(3), demands, [0, 1, 2])
    assert _moves(world) == {}


def test_overloaded_host_is_relieved_at_once():
    demands = _steady(100, 500, 500, 100, samples=RELIEVES_ONLY + 1)
    demands[1][-1] = 600
    world = worlds.world(worlds.fleet(2), demands, [0, 0, 0, 1])
    moves = _moves(world)
    assert list(moves.values()) == [1]
    load = world.demand_cpu.copy()
    left = load[world.host_of == 0].sum() - load[list(moves)].sum()
    assert left <= 1000


def test_relief_respects_memory():
    demands = _steady(600, 600, 100, samples=RELIEVES_ONLY + 1)
    fleet = worlds.fleet(2, memory_mib=800.0)
    world = worlds.world(fleet, demands, [0, 0, 1], memory_mib=400.0)
    assert len(_moves(world)) == 1
    world = worlds.world(fleet, demands, [0, 0, 1], memory_mib=401.0)
    assert _moves(world) == {}


def test_noisy_machines_keep_more_room():
    generator = np.random.default_rng(1)
    quiet = _steady(230, 230, 230, 230, samples=50)
    noisy = [
        [230 + int(x) for x in generator.normal(0, 120, 50).clip(-229)]
        for _ in quiet
    ]
    for demands, hosts in ((quiet, 1), (noisy, 2)):
        for row in demands:
            row[-1] = 230
        world = worlds.world(worlds.fleet(4), demands, [0, 1, 2, 3])
        # Sample 49 is the first after four hours: time to repack.
        moves = _moves(world, repack_every_s=48 * 300.0)
        after = world.host_of.copy()
        for machine, host in moves.items():
            after[machine] = host
        assert len(set(after)) == hosts


@pytest.mark.parametrize('is_enforced', [True, False])
def test_promises_bind_repacks_where_they_are_enforced(is_enforced):
    world = worlds.world(
        worlds.fleet(2),
        _steady(100, 100, samples=REPACKS + 1),
        [0, 1],
        rules=Rules(cpu_allocation_ratio=1.0, is_request_enforced=is_enforced),
    )
    assert len(_moves(world)) == (0 if is_enforced else 1)
