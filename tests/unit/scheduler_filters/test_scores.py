# SPDX-License-Identifier: Apache-2.0

import hypothesis
import numpy as np
from hypothesis import strategies as st

from ecrae.scheduler_filters import scores


def _weights(efficiency, preference=None, known=None, allowed=None):
    count = len(efficiency)
    return scores.weights(
        np.array(efficiency, float),
        np.array(preference or [1] * count, float),
        np.array([True] * count if known is None else known),
        np.array([True] * count if allowed is None else allowed),
    )


def test_more_efficient_is_heavier():
    assert np.argsort(_weights([0.2, 0.1, 0.4])).tolist() == [1, 0, 2]


def test_rounding_errors_do_not_make_a_difference():
    assert len(set(_weights([0.1 + 0.2, 0.3, 0.3 * (1 + 1e-12)]))) == 1


def test_one_huge_efficiency_does_not_flatten_the_others():
    weights = _weights([500.0, 0.02, 0.01])

    normalized = (weights - weights.min()) / (weights.max() - weights.min())
    assert normalized[1] - normalized[2] > 0.05


def test_preference_decides_between_equals_only():
    assert np.argmax(_weights([0.3, 0.3], preference=[2, 1])) == 1
    assert np.argmax(_weights([0.31, 0.3], preference=[99, 1])) == 0


def test_unknown_host_ranks_with_the_worst_known():
    weights = _weights([9.9, 0.1, 0.2], known=[False, True, True])

    assert weights[0] == weights[1]


def test_host_that_cannot_serve_comes_last():
    weights = _weights(
        [0.0, 0.1, 5.0, 7.0],
        known=[True, True, True, False],
        allowed=[True, True, False, False],
    )

    assert weights[0] == weights[2] < weights[1]
    assert weights[3] == weights[1]


def test_nothing_known_says_nothing():
    assert set(_weights([1.0, 2.0], known=[False, False])) == {0.0}


@hypothesis.given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=True, allow_infinity=True),
            st.integers(1, 1000),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
    )
)
def test_weights_are_finite_whatever_comes(hosts):
    columns = [list(column) for column in zip(*hosts, strict=True)]

    assert np.isfinite(_weights(*columns)).all()
