# SPDX-License-Identifier: Apache-2.0

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ecrae.model import attribution


def test_busy_instance_draws_the_dynamic_part():
    watts = attribution.attribute(
        200, 100, np.array([3.0, 1.0]), np.array([4.0, 4.0])
    )
    assert list(watts) == [50 + 75, 50 + 25]


def test_idle_instances_share_by_what_they_hold():
    watts = attribution.attribute(120, 100, np.zeros(2), np.array([1.0, 3.0]))
    assert list(watts) == [30, 90]


def test_nobody_there():
    assert attribution.attribute(80, 80, np.zeros(0), np.zeros(0)).size == 0


@hypothesis.given(
    st.floats(0, 1000),
    st.floats(0, 1000),
    st.lists(st.tuples(st.floats(0, 64), st.integers(1, 64)), min_size=1),
)
def test_parts_add_up_and_none_is_negative(power_w, idle_w, instances):
    used, vcpus = np.array(instances, dtype=float).T
    watts = attribution.attribute(power_w, idle_w, used, vcpus)
    assert watts.sum() == pytest.approx(power_w)
    assert (watts >= 0).all()
