# SPDX-License-Identifier: Apache-2.0

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ecrae.model import forecast
from ecrae.model.forecast import Forecast


REQUEST = np.array([1000.0, 1000.0])


def _forecast(*rows, half_life=12.0, request=None):
    history = np.array(rows, dtype=float)
    if request is None:
        request = np.full(len(rows), 1000.0)
    return forecast.forecast(history, request, half_life)


def test_steady_demand_is_expected_to_go_on():
    found = _forecast([300] * 200, [300] * 200)
    assert found.mean == pytest.approx([300, 300])
    assert np.all(np.sqrt(found.variance) < 20)


def test_recent_samples_count_more():
    found = _forecast([100] * 50 + [500] * 12)
    # Half of the weight is in the last half-life.
    assert found.mean[0] == pytest.approx(300, rel=0.05)


def test_variance_is_that_of_the_noise():
    generator = np.random.default_rng(0)
    noise = generator.normal(500, 80, (50, 400))
    found = forecast.forecast(noise, np.full(50, 1000.0), 36.0)
    assert np.sqrt(found.variance).mean() == pytest.approx(80, rel=0.05)
    assert found.mean.mean() == pytest.approx(500, rel=0.02)


def test_unknown_machine_is_taken_for_a_common_one():
    nan = float('nan')
    found = forecast.forecast(
        np.array([[100.0, 100, 100], [nan] * 3]),
        np.array([1000.0, 2000.0]),
        12.0,
    )
    assert found.mean == pytest.approx([100, 200])
    assert found.variance[1] > found.variance[0]


def test_samples_before_a_machine_was_there_do_not_count():
    nan = float('nan')
    late = _forecast([nan, nan, 400, 400], [400, 400, 400, 400])
    assert late.mean == pytest.approx([400, 400])


def test_one_sample_is_enough():
    found = _forecast([200], [400])
    assert found.mean == pytest.approx([250, 350])
    assert np.all(found.variance > 0)


POSITIVE = st.floats(1, 1000)


@hypothesis.given(
    st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=30),
    st.floats(0, 3),
    st.floats(100, 20000),
)
def test_sizes_that_fit_keep_the_safety(machines, safety, capacity):
    mean, deviation = np.array(machines).T
    demand = Forecast(mean=mean, variance=deviation**2)
    found = forecast.sizes(demand, safety, capacity)
    assert 0 <= found.reserve <= capacity
    filled = np.cumsum(found.size) <= capacity - found.reserve
    pooled = mean[filled].sum() + safety * np.sqrt(
        (deviation[filled] ** 2).sum()
    )
    if filled.any():
        assert pooled <= capacity * (1 + 1e-9)


def test_typical_host_is_filled_to_its_safety():
    mean, variance, safety, capacity = 100.0, 80.0**2, 1.28, 5000.0
    demand = Forecast(mean=np.full(200, mean), variance=np.full(200, variance))
    found = forecast.sizes(demand, safety, capacity)
    count = (capacity - found.reserve) / found.size[0]
    exact = count * mean + safety * np.sqrt(count * variance)
    assert exact == pytest.approx(capacity)


def test_no_demand_needs_no_room():
    nothing = Forecast(mean=np.zeros(2), variance=np.zeros(2))
    found = forecast.sizes(nothing, 1.28, 1000.0)
    assert (found.size.tolist(), found.reserve) == ([0, 0], 0)


@hypothesis.given(
    st.floats(0.01, 0.5), st.floats(0.01, 2.0), st.floats(0.05, 20.0)
)
def test_hosts_of_every_size_keep_their_own_noise_free(mean, spread, scale):
    demand = Forecast(
        mean=np.full(50, mean), variance=np.full(50, mean * spread)
    )
    safety, capacity = 1.28, 40.0
    found = forecast.sizes(demand, safety, capacity)
    other = capacity * scale
    room = float(found.room(np.array([other]))[0])
    # As much of a uniform crowd as the room takes just fills the host.
    taken = room / float(found.size[0])
    needed = taken * mean + safety * np.sqrt(taken * mean * spread)

    assert needed == pytest.approx(other)
    assert float(found.room(np.array([capacity]))[0]) == pytest.approx(
        capacity - found.reserve
    )
