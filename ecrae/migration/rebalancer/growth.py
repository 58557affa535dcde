# SPDX-License-Identifier: Apache-2.0

"""How much more the hosts of a pool may be used for within a time. Pure.

For every resource::

    growth(T) = m + z · √v      of the largest rise of use within T so far

``m`` and ``v`` are :mod:`ecrae.model.forecast`'s mean and variance.
"""

import dataclasses

import numpy as np

from ecrae.model import forecast
from ecrae.model.power import FloatArray


#: Samples of the history after which one counts half.
HALF_LIFE = 144.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the hosts of one pool were used for, at regular times."""

    #: Oldest first, shape (samples, r).
    used: FloatArray
    interval_s: float


def growth(
    history: History, lead_s: float, capacity: FloatArray, safety: float
) -> FloatArray:
    """How much more may be used within a time, shape (r,).

    :param capacity: of the whole pool: a rise is never expected to be more.
    """
    steps = max(1, int(np.ceil(lead_s / history.interval_s)))
    used = history.used
    # What is too short to have seen a rise tells nothing.
    steps = min(steps, len(used) - 1)
    if steps < 1:
        return np.zeros_like(capacity)
    windows = np.lib.stride_tricks.sliding_window_view(used, steps + 1, axis=0)
    rises = np.maximum(windows.max(axis=2) - windows[:, :, 0], 0.0)
    # No belief beforehand: a pool that was never seen to grow is not taken
    # to, or hosts that slept at first would be woken by the first samples.
    expected = [
        forecast.forecast(rises[:, [r]].T, np.zeros(1), HALF_LIFE)
        for r in range(used.shape[1])
    ]
    bound = [
        float(each.mean[0] + safety * np.sqrt(each.variance[0]))
        for each in expected
    ]
    return np.minimum(np.array(bound), capacity)
