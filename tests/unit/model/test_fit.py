# SPDX-License-Identifier: Apache-2.0

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ecrae.model import fit
from ecrae.model import power


PUBLISHED = power.PowerCurve(
    (50, 80, 95, 105, 115, 125, 140, 160, 185, 215, 250), sleep_w=8
)
#: The node itself: older fans, a second power supply, a steeper end.
NODE = power.PowerCurve((72, 101, 118, 130, 142, 155, 173, 196, 226, 262, 305))


def samples(curve, utilization, noise_w=0.0, seed=0):
    rng = np.random.default_rng(seed)
    watts = power.watts(
        np.tile(curve.power_w, (len(utilization), 1)), utilization
    )
    return watts + rng.normal(0, noise_w, len(utilization))


def loads(low=0.0, high=1.0, count=2000):
    return np.linspace(low, high, count)


def error_w(curve, other):
    return np.abs(np.subtract(curve.power_w, other.power_w))


def test_finds_the_nodes_own_curve():
    u = loads()
    found = fit.fit(PUBLISHED, u, samples(NODE, u, noise_w=3))
    assert error_w(found.curve, NODE).max() < 2.5
    assert found.mean_error_w < 3
    assert found.observed == (0.0, 1.0)
    assert found.curve.sleep_w == 8


def test_a_third_of_glitches_does_no_harm():
    u = loads()
    watts = samples(NODE, u, noise_w=3)
    watts[::3] = 5000
    found = fit.fit(PUBLISHED, u, watts)
    assert error_w(found.curve, NODE).max() < 5


def test_what_was_never_visited_follows_its_neighbour():
    u = loads(0.2, 0.4)
    found = fit.fit(PUBLISHED, u, samples(NODE, u))
    assert found.observed == (0.2, 0.4)
    before = error_w(PUBLISHED, NODE)
    assert (error_w(found.curve, NODE) < before).all()


def test_too_little_is_refused():
    with pytest.raises(ValueError, match='got 3 in all'):
        fit.fit(PUBLISHED, loads(count=3), np.ones(3))


@hypothesis.given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1000)),
        min_size=60,
        max_size=200,
    )
)
def test_any_samples_give_a_valid_curve(pairs):
    u, watts = np.array(pairs).T
    found = fit.fit(PUBLISHED, u, watts)
    assert (np.diff(found.curve.power_w) >= 0).all()


@hypothesis.given(st.floats(0.1, 50), st.integers(0, 99))
def test_unit_of_power_does_not_matter(factor, seed):
    u = loads(count=300)
    watts = samples(NODE, u, noise_w=5, seed=seed)
    scaled = power.PowerCurve(tuple(w * factor for w in PUBLISHED.power_w))
    one = fit.fit(PUBLISHED, u, watts).curve.power_w
    other = fit.fit(scaled, u, watts * factor).curve.power_w
    assert np.asarray(other) == pytest.approx(np.asarray(one) * factor)
