# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from ecrae.model import pool
from ecrae.model.forecast import Forecast


def _pool(demands, host_of, *, mean=None, deviation=0.0, n=3, **columns):
    m = len(demands)
    capacity = np.full(n, 1000.0)
    expected = np.array(demands if mean is None else mean, dtype=float)
    booked = np.array(columns.get('memory', [0.0] * m)).reshape(1, m)
    return pool.Pool(
        pool.Hosts(
            capacity_cpu=capacity,
            core_cpu=np.full(n, columns.get('core', 1000.0)),
            full_load_w=np.array(columns.get('full_load_w', [1.0] * n)),
        ),
        pool.Machines(
            host=np.array(host_of),
            vcpus=np.ones(m),
            demand_cpu=np.array(demands, dtype=float),
            forecast=Forecast(
                mean=expected, variance=np.full(m, deviation**2)
            ),
            move_cost=np.array(columns.get('cost', [1.0] * m)),
            is_movable=np.array(columns.get('movable', [True] * m)),
            booked=booked,
        ),
        room=np.full((1, n), columns.get('host_memory', 1e9)),
        safety=columns.get('safety', 1.28),
    )


def test_quiet_hosts_are_left_alone():
    assert pool.relieve(_pool([500, 500, 900], [0, 0, 1])) == {}


def test_cheapest_machine_that_suffices_moves_to_the_fullest_host():
    hosts = _pool(
        [300, 450, 400, 100, 300, 200],
        [0, 0, 0, 0, 1, 2],
        cost=[9, 5, 2, 1, 1, 1],
    )
    # 250 too many: machine 3 does not suffice, of the rest 2 is cheapest.
    assert pool.relieve(hosts) == {2: 1}
    assert hosts.excess_cpu.max() <= 0


def test_two_move_where_one_is_not_enough():
    moves = pool.relieve(_pool([400] * 4, [0] * 4))
    assert len(moves) == 2
    assert 0 not in moves.values()


def test_sleeping_host_is_woken_only_when_no_other_has_room():
    demands = [600, 600, 900]
    thriftiest_last = [1.0, 1.0, 2.0, 1.5]
    moves = pool.relieve(
        _pool(demands, [0, 0, 1], n=4, full_load_w=thriftiest_last)
    )
    assert list(moves.values()) == [3]


def test_destination_keeps_room_for_noise():
    tight = [600, 600, 350]
    assert list(pool.relieve(_pool(tight, [0, 0, 1], n=2)).values()) == [1]
    noisy = _pool(tight, [0, 0, 1], n=2, deviation=50.0)
    assert pool.relieve(noisy) == {}


def test_destination_is_chosen_by_what_is_to_come():
    # Now there is room on host 1, but its machine is usually busy.
    moves = pool.relieve(
        _pool([600, 600, 100], [0, 0, 1], mean=[500, 500, 900])
    )
    assert list(moves.values()) == [2]


@pytest.mark.parametrize(
    'columns',
    [
        {'movable': [False, False, True]},
        {'memory': [5.0, 5.0, 6.0], 'host_memory': 10.0, 'n': 2},
        {'core': 500.0},
    ],
    ids=['pinned', 'memory', 'slow cores'],
)
def test_overload_stays_where_nothing_can_move(columns):
    assert pool.relieve(_pool([600, 600, 100], [0, 0, 1], **columns)) == {}
