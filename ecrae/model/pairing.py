# SPDX-License-Identifier: Apache-2.0

"""Two metrics of one subject at the same moments."""

from collections.abc import Sequence

import numpy as np

from ecrae.model.power import FloatArray
from ecrae.model.reading import Reading


def pair(
    first: Sequence[Reading], second: Sequence[Reading]
) -> tuple[FloatArray, FloatArray]:
    """Values of two series that were measured at one moment.

    Each reading of the sparser series takes the nearest of the other, if
    that lies within half the sparser one's usual interval; readings without
    such a partner are left out.

    :returns: values of ``first`` and of ``second``, both of shape (n,).
    """
    _at, *values = moments(first, second)
    return values[0], values[1]


def moments(
    first: Sequence[Reading], second: Sequence[Reading]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As :func:`pair`, with the moments in seconds before the values."""
    if min(len(first), len(second)) < 2:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    columns = [_columns(first), _columns(second)]
    gaps_s = [float(np.median(np.diff(at))) for at, _ in columns]
    sparse = int(gaps_s[1] > gaps_s[0])
    at, values = columns[sparse]
    other_at, other_values = columns[1 - sparse]
    nearest = _nearest(other_at, at)
    is_close = np.abs(other_at[nearest] - at) <= gaps_s[sparse] / 2
    pairs = [values[is_close], other_values[nearest[is_close]]]
    return at[is_close], pairs[sparse], pairs[1 - sparse]


def _columns(readings: Sequence[Reading]) -> tuple[FloatArray, FloatArray]:
    held = sorted(readings, key=lambda reading: reading.measured_at)
    return (
        np.array([reading.measured_at for reading in held]),
        np.array([reading.value for reading in held]),
    )


def _nearest(sorted_at: FloatArray, at: FloatArray) -> np.ndarray:
    """Index of the nearest of ``sorted_at`` to each of ``at``."""
    after = np.clip(np.searchsorted(sorted_at, at), 1, len(sorted_at) - 1)
    is_before = at - sorted_at[after - 1] <= sorted_at[after] - at
    return after - is_before.astype(np.intp)
