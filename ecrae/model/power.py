# SPDX-License-Identifier: Apache-2.0

"""Watts of a node as a function of its CPU utilization.

A curve is the eleven readings SPECpower_ssj2008 publishes: watts at 0, 10 …
100 % load, read as a piecewise linear function. Everything else in ECRAE
that speaks of watts calls this module, so that the deployer, the scheduler
and the rebalancer cannot disagree.
"""

import dataclasses
import enum

import numpy as np
import numpy.typing as npt


FloatArray = npt.NDArray[np.float64]

#: Readings in a curve: utilization 0.0, 0.1 … 1.0.
POINTS = 11


@dataclasses.dataclass(frozen=True, slots=True)
class PowerCurve:
    """Watts at 0, 10 … 100 % utilization, and asleep.

    :raises ValueError: not eleven finite, non-negative, non-decreasing watts.
    """

    power_w: tuple[float, ...]
    sleep_w: float = 0.0

    def __post_init__(self) -> None:
        curve = np.asarray(self.power_w, dtype=np.float64)
        if curve.shape != (POINTS,):
            raise ValueError(f'a power curve has {POINTS} readings')
        if not np.isfinite(curve).all() or curve[0] < 0:
            raise ValueError('watts must be finite and not negative')
        if (np.diff(curve) < 0).any():
            raise ValueError('watts must not fall as load rises')
        if not 0 <= self.sleep_w <= curve[0]:
            raise ValueError('sleep watts must lie between 0 and idle watts')

    def at(self, utilization: float) -> float:
        """Watts at a utilization in [0, 1]."""
        curve = np.asarray([self.power_w])
        return float(watts(curve, np.asarray([utilization]))[0])


class Quality(enum.StrEnum):
    """How far the watts of a profile can be trusted."""

    #: Read from a published result, which the source names.
    PUBLISHED = 'published'
    #: Measured on the operator's own hardware.
    MEASURED = 'measured'
    #: Derived from data sheets or relatives; the source says how.
    ESTIMATED = 'estimated'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PowerProfile:
    """A power curve and where it comes from."""

    name: str
    curve: PowerCurve
    quality: Quality
    source: str


def linear(idle_w: float, max_w: float, sleep_w: float = 0.0) -> PowerCurve:
    """Curve of a node of which only idle and full-load watts are known."""
    steps = np.linspace(idle_w, max_w, POINTS)
    return PowerCurve(tuple(float(step) for step in steps), sleep_w)


def watts(curves_w: FloatArray, utilization: FloatArray) -> FloatArray:
    """Watts of each node at its utilization.

    Past full load the last segment goes on with its slope: an overloaded
    node draws no more than its maximum, but work queued on it is not free,
    and a ranking that saturated there would prefer full hosts.

    :param curves_w: watts at 0, 10 … 100 %, shape (n, 11).
    :param utilization: fraction of the CPU in use, not negative; shape (n,)
        or, for several states of the same nodes, (…, n).
    :returns: watts, in the shape of ``utilization``.
    """
    scaled = utilization * (POINTS - 1)
    segment = np.minimum(scaled.astype(np.intp), POINTS - 2)
    rows = np.arange(len(curves_w))
    low = curves_w[rows, segment]
    high = curves_w[rows, segment + 1]
    return low + (high - low) * (scaled - segment)
