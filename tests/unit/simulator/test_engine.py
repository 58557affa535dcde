# SPDX-License-Identifier: Apache-2.0

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ecrae import exception
from ecrae.simulator import engine
from ecrae.simulator.policy import Rules
from tests.unit.simulator import worlds
from tests.unit.simulator.worlds import Script


def test_one_half_loaded_host_and_one_asleep():
    outcome = engine.run(
        worlds.trace([500, 500, 500]), worlds.fleet(2), Script([0])
    )
    assert outcome.energy_kwh == pytest.approx(2 * 0.150)
    assert outcome.hosts_on.tolist() == [1, 1]
    assert outcome.watts.tolist() == pytest.approx([150, 150])
    assert (outcome.slatah, outcome.pdm, outcome.migrations) == (0, 0, 0)


def test_host_without_machines_idles_where_nothing_sleeps():
    outcome = engine.run(
        worlds.trace([500, 500]), worlds.fleet(2), Script([0], sleeps=False)
    )
    assert outcome.energy_kwh == pytest.approx(0.150 + 0.100)
    assert outcome.host_hours == pytest.approx(2)


def test_sleeping_hosts_draw_their_sleep_watts():
    outcome = engine.run(
        worlds.trace([500, 500]), worlds.fleet(3, sleep_w=5.0), Script([0])
    )
    assert outcome.energy_kwh == pytest.approx(0.150 + 2 * 0.005)


def test_demand_runs_in_a_straight_line_between_samples():
    outcome = engine.run(worlds.trace([0, 1000]), worlds.fleet(1), Script([0]))
    assert outcome.energy_kwh == pytest.approx(0.150)


def test_migration_loads_both_hosts_and_slows_the_machine():
    # 360 MiB at 1 MiB/s: a tenth of the second of two hours.
    outcome = engine.run(
        worlds.trace([500, 500, 500]),
        worlds.fleet(2),
        Script([0], {1: [(0, 1)]}),
    )
    moving_j = 360 * (150 + 105)
    assert outcome.energy_kwh == pytest.approx(
        (3600 * 150 + moving_j + 3240 * 150) / 3.6e6
    )
    assert outcome.migrations == 1
    # A tenth of its CPU for a twentieth of the time.
    assert outcome.pdm == pytest.approx(0.1 * 0.05)
    # The destination is asked for all and gives a tenth for 360 s, of 7200 s
    # of one host and 360 s of another.
    assert outcome.slatah == pytest.approx(360 / (7200 + 360))
    assert outcome.slav == pytest.approx(outcome.slatah * outcome.pdm)
    assert outcome.unserved == pytest.approx(outcome.pdm)


def test_migration_longer_than_an_interval_goes_on():
    outcome = engine.run(
        worlds.trace([500, 500, 500, 500], memory_mib=5400.0),
        worlds.fleet(2, memory_mib=8192.0),
        Script([0], {1: [(0, 1)]}),
    )
    assert outcome.hosts_on.tolist() == [1, 2, 1.5]
    assert outcome.migrations_begun.tolist() == [0, 1, 0]


def test_machine_that_leaves_while_migrating_is_gone():
    outcome = engine.run(
        worlds.trace([500, 500, None, None], memory_mib=5400.0),
        worlds.fleet(2, memory_mib=8192.0),
        Script([0], {1: [(0, 1)]}),
    )
    assert outcome.hosts_on.tolist() == [1, 2, 0]


def test_overloaded_host_serves_what_it_has():
    outcome = engine.run(
        worlds.trace([800, 800], [800, 800]), worlds.fleet(1), Script([0, 0])
    )
    assert outcome.energy_kwh == pytest.approx(0.200)
    assert outcome.slatah == 1
    assert outcome.unserved == pytest.approx(600 / 1600)
    assert outcome.pdm == 0


def test_arrival_departure_and_refusal():
    outcome = engine.run(
        worlds.trace([500, None, None], [None, 500, 500], [500, 500, 500]),
        worlds.fleet(3),
        Script([0, 1, -1]),
    )
    assert outcome.energy_kwh == pytest.approx(2 * 0.150)
    assert outcome.hosts_on.tolist() == [1, 1]
    assert outcome.refused == 1


def test_first_interval_can_go_unmetered():
    outcome = engine.run(
        worlds.trace([500, 500, 500]),
        worlds.fleet(1),
        Script([0]),
        metered_from=1,
    )
    assert outcome.energy_kwh == pytest.approx(0.150)


def test_of_two_orders_for_a_machine_the_last_decides():
    outcome = engine.run(
        worlds.trace([500, 500, 500, 500]),
        worlds.fleet(3),
        Script([0], {1: [(0, 1), (0, 2)]}),
    )
    assert outcome.migrations == 2
    assert outcome.hosts_on[1] == pytest.approx(1 + 2 * 0.1)
    assert outcome.hosts_on[2] == 1


def test_absent_machine_cannot_migrate():
    with pytest.raises(exception.Conflict, match=r'm0.*not running'):
        engine.run(
            worlds.trace([500, None, None], [1, 1, 1]),
            worlds.fleet(2),
            Script([0, 0], {1: [(0, 1)]}),
        )


def test_policies_see_the_past_only():
    seen = []

    class Spy(Script):
        def rebalance(self, world):
            seen.append(world.history_cpu.tolist())
            return []

    engine.run(worlds.trace([1, 2, 3, 4]), worlds.fleet(1), Spy([0]), Rules())
    assert seen == [[[1, 2]], [[1, 2, 3]]]


DEMANDS = st.lists(
    st.lists(st.integers(0, 900), min_size=4, max_size=4),
    min_size=1,
    max_size=6,
)


@hypothesis.given(DEMANDS, st.randoms(use_true_random=False))
def test_energy_of_a_cloud_is_that_of_its_hosts(demands, random):
    hosts = [random.randrange(3) for _ in demands]
    whole = engine.run(worlds.trace(*demands), worlds.fleet(3), Script(hosts))
    parts = [
        engine.run(
            worlds.trace(*np.array(demands)[np.array(hosts) == host]),
            worlds.fleet(1),
            Script([0] * hosts.count(host)),
        )
        for host in set(hosts)
    ]
    assert whole.energy_kwh == pytest.approx(
        sum(part.energy_kwh for part in parts)
    )
    assert whole.host_hours == pytest.approx(
        sum(part.host_hours for part in parts)
    )


@hypothesis.given(DEMANDS, st.randoms(use_true_random=False))
def test_every_machine_stays_somewhere_whatever_moves(demands, random):
    m = len(demands)
    start = [random.randrange(3) for _ in demands]
    moves = {
        instant: [
            (machine, random.randrange(3))
            for machine in range(m)
            if random.random() < 0.5
        ]
        for instant in (1, 2)
    }
    places = []

    class Watched(Script):
        def rebalance(self, world):
            places.append(world.host_of.tolist())
            return super().rebalance(world)

    outcome = engine.run(
        worlds.trace(*demands), worlds.fleet(3), Watched(start, moves)
    )
    expected = list(start)
    assert places[0] == expected
    for machine, host in moves[1]:
        expected[machine] = host
    assert places[1] == expected
    assert outcome.migrations == len(moves[1]) + len(moves[2])
    assert 0 <= outcome.pdm <= outcome.unserved <= 1
    assert np.all(outcome.watts >= 0)
