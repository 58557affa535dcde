# SPDX-License-Identifier: Apache-2.0

"""A node's own power curve, out of what was measured on it.

The published curve of a node type is a good start and a poor end: firmware,
fans, disks and age move a node's draw by tens of watts. Given watts and
utilization over time, :func:`fit` corrects the curve it starts from by the
median difference near each of the eleven points. The median shrugs off
outliers (fan bursts, a BMC's glitches) up to half of a point's samples;
points that were never visited take the correction of their neighbours; and
the result is made monotone by pooling adjacent violators (Ayer et al. 1955).
"""

import dataclasses

import numpy as np

from ecrae.model import power
from ecrae.model.power import FloatArray
from ecrae.model.power import PowerCurve


#: Fewer samples than this near a point say nothing of it.
MIN_SAMPLES_PER_POINT = 5

#: Corrections converge after a few rounds; each uses the last curve's slope
#: to move the samples to their point.
ROUNDS = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A measured curve and how far to trust it."""

    curve: PowerCurve
    #: Mean distance of the samples from the curve.
    mean_error_w: float
    #: 95 % of the samples lie nearer than this.
    p95_error_w: float
    samples: int
    #: Lowest and highest utilization that has enough samples near it.
    observed: tuple[float, float]


def fit(
    start: PowerCurve, utilization: FloatArray, power_w: FloatArray
) -> Fit:
    """Correct a curve by measurements.

    :param start: the curve believed so far, such as the node type's.
    :param utilization: in [0, 1], shape (n,).
    :param power_w: watts at the same moments, shape (n,).
    :raises ValueError: too few samples near every point.
    """
    point = np.rint(utilization * (power.POINTS - 1)).astype(np.intp)
    counts = np.bincount(point, minlength=power.POINTS)
    visited = np.flatnonzero(counts >= MIN_SAMPLES_PER_POINT)
    if visited.size == 0:
        raise ValueError(
            f'needs {MIN_SAMPLES_PER_POINT} samples near one of the '
            f'{power.POINTS} points of the curve, got {len(power_w)} in all'
        )
    curve = np.asarray(start.power_w, dtype=np.float64)
    for _ in range(ROUNDS):
        residual_w = power_w - _at(curve, utilization)
        correction_w = np.interp(
            np.arange(power.POINTS),
            visited,
            [np.median(residual_w[point == k]) for k in visited],
        )
        curve = np.maximum(
            _monotone(curve + correction_w, counts.astype(np.float64) + 1.0),
            0.0,
        )
    error_w = np.abs(power_w - _at(curve, utilization))
    last = power.POINTS - 1
    return Fit(
        curve=PowerCurve(
            tuple(float(w) for w in curve),
            min(start.sleep_w, float(curve[0])),
        ),
        mean_error_w=float(error_w.mean()),
        p95_error_w=float(np.percentile(error_w, 95)),
        samples=len(power_w),
        observed=(float(visited[0] / last), float(visited[-1] / last)),
    )


def _at(curve: FloatArray, utilization: FloatArray) -> FloatArray:
    return np.interp(utilization * (power.POINTS - 1), np.arange(11), curve)


def _monotone(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Nearest non-decreasing sequence in weighted least squares."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pool = (float(value), float(weight), 1)
        while pools and pools[-1][0] > pool[0]:
            mean, mass, size = pools.pop()
            total = mass + pool[1]
            pool = (
                (mean * mass + pool[0] * pool[1]) / total,
                total,
                size + pool[2],
            )
        pools.append(pool)
    return np.repeat([p[0] for p in pools], [p[2] for p in pools])
