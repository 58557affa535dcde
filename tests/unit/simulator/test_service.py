# SPDX-License-Identifier: Apache-2.0

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ecrae.simulator import service
from tests.unit.simulator import worlds


NOBODY = np.empty(0, dtype=np.intp)


def _serve(fleet, demand, host_of, movers=NOBODY, destinations=NOBODY):
    return service.serve(
        fleet,
        np.ones(len(demand)),
        np.array(demand, dtype=float),
        np.array(host_of),
        np.array(movers, dtype=np.intp),
        np.array(destinations, dtype=np.intp),
    )


def test_machine_gets_at_most_a_core():
    got = _serve(worlds.fleet(1, capacity=2000, cores=2), [1500], [0])
    assert got.served_cpu.tolist() == [1000]
    assert got.used_cpu.tolist() == [1000]
    assert got.is_short.tolist() == [True]


def test_full_host_scales_everybody_down():
    got = _serve(worlds.fleet(1), [900, 600], [0, 0])
    assert got.served_cpu == pytest.approx([600, 400])
    assert got.used_cpu == pytest.approx([1000])


def test_absent_machine_gets_nothing_and_keeps_nothing_on():
    got = _serve(worlds.fleet(2), [500], [-1])
    assert got.served_cpu.tolist() == [0]
    assert got.is_on.tolist() == [False, False]


def test_migrating_machine_loses_a_tenth_and_costs_a_tenth():
    got = _serve(worlds.fleet(2), [500], [0], [0], [1])
    assert got.served_cpu == pytest.approx([450])
    assert got.used_cpu == pytest.approx([500, 50])
    assert got.is_short.tolist() == [False, True]
    assert got.is_on.tolist() == [True, True]


@hypothesis.given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(-1, 2)), min_size=1)
)
def test_hosts_give_what_machines_get(machines):
    demand, host_of = zip(*machines, strict=True)
    fleet = worlds.fleet(3)
    got = _serve(fleet, demand, host_of)
    assert np.all(got.used_cpu <= fleet.capacity_cpu * (1 + 1e-9))
    assert np.all(got.served_cpu <= np.array(demand) * (1 + 1e-9))
    assert got.served_cpu.sum() == pytest.approx(got.used_cpu.sum())
