# SPDX-License-Identifier: Apache-2.0

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ecrae.model import power


CURVE = power.PowerCurve(
    (100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 300), sleep_w=8
)


@st.composite
def curves(draw):
    steps = draw(
        st.lists(st.floats(0, 100), min_size=11, max_size=11).filter(sum)
    )
    return power.PowerCurve(tuple(float(w) for w in np.cumsum(steps)))


@pytest.mark.parametrize(
    ('utilization', 'expected_w'),
    [(0.0, 100), (0.05, 105), (0.1, 110), (0.95, 245), (1.0, 300)],
)
def test_reads_between_published_points(utilization, expected_w):
    assert CURVE.at(utilization) == pytest.approx(expected_w)


def test_goes_on_with_the_last_slope_past_full_load():
    assert CURVE.at(1.1) == pytest.approx(410)


def test_linear_curve_knows_only_its_ends():
    curve = power.linear(50, 150, sleep_w=5)
    assert curve.at(0.25) == pytest.approx(75)
    assert curve.sleep_w == 5


@pytest.mark.parametrize(
    ('watts', 'sleep_w', 'complaint'),
    [
        ((1.0,) * 10, 0, 'has 11 readings'),
        ((float('nan'),) * 11, 0, 'finite'),
        ((-1.0,) + (1.0,) * 10, 0, 'not negative'),
        (tuple(range(11, 0, -1)), 0, 'must not fall'),
        ((10.0,) * 11, 11, 'sleep watts'),
    ],
)
def test_refuses_what_is_no_power_curve(watts, sleep_w, complaint):
    with pytest.raises(ValueError, match=complaint):
        power.PowerCurve(watts, sleep_w)


@hypothesis.given(
    curves(),
    st.lists(st.floats(0, 1.5), min_size=2, max_size=20),
)
def test_more_load_never_draws_less(curve, loads):
    loads = np.sort(loads)
    watts = power.watts(np.tile(curve.power_w, (len(loads), 1)), loads)
    assert (np.diff(watts) >= -1e-9).all()


@hypothesis.given(curves(), st.floats(0, 1), st.floats(0.5, 1000))
def test_watts_scale_with_their_unit(curve, load, factor):
    scaled = power.PowerCurve(tuple(w * factor for w in curve.power_w))
    assert scaled.at(load) == pytest.approx(curve.at(load) * factor)
