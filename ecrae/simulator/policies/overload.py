# SPDX-License-Identifier: Apache-2.0

"""How CloudSim 3.0.3 finds that a host is, or will be, overloaded."""

from typing import Protocol

import numpy as np

from ecrae.model.power import FloatArray
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.policy import World
from ecrae.simulator.trace import BoolArray
from ecrae.simulator.trace import IntArray


class Detector(Protocol):
    """Says whether hosts are overloaded, from sums over their machines."""

    def features(self, world: World) -> tuple[FloatArray, IntArray]:
        """Additive feature and length of the history of each machine."""

    def is_over(
        self,
        fleet: Fleet,
        asked_cpu: FloatArray,
        feature: FloatArray,
        span: IntArray,
    ) -> BoolArray:
        """Which hosts are overloaded, shapes (n,)."""


class StaticThreshold:
    """Overloaded is what is asked for more than a part of its CPU."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def features(self, world: World) -> tuple[FloatArray, IntArray]:
        """Nothing but the present demand counts."""
        m = len(world.host_of)
        return np.zeros(m), np.zeros(m, dtype=np.intp)

    def is_over(
        self,
        fleet: Fleet,
        asked_cpu: FloatArray,
        feature: FloatArray,
        span: IntArray,
    ) -> BoolArray:
        """Which hosts are asked for too much."""
        return asked_cpu > self._threshold * fleet.capacity_cpu


class LocalRegression:
    """Overloaded is what a regression over ten samples says will be.

    The estimate is linear in the history, hence a sum over machines. With
    less history a static threshold decides.
    """

    _LENGTH = 10
    #: Samples that the estimate looks ahead: one, as migrations are shorter.
    _AHEAD = 1
    #: Samples of a machine's history that are kept.
    _KEPT = 30

    def __init__(self, safety: float, fallback_threshold: float) -> None:
        self._safety = safety
        self._fallback = StaticThreshold(fallback_threshold)
        self._weights = self._estimate_weights()

    @classmethod
    def _estimate_weights(cls) -> FloatArray:
        """Weights of the history, oldest first, in the estimate.

        CloudSim computes tricube weights but applies them only when 40 % of
        them are zero, which ten points never have: an unweighted line.
        """
        x = np.arange(1.0, cls._LENGTH + 1)
        centred = x - x.mean()
        slope = centred / (centred**2).sum()
        return 1.0 / len(x) + slope * (cls._LENGTH + cls._AHEAD - x.mean())

    def features(self, world: World) -> tuple[FloatArray, IntArray]:
        """Estimated demand of each machine, and its history's length."""
        # The sample of the first instant is not metered.
        known = world.history_cpu[:, 1:][:, -self._KEPT :]
        recent = known[:, -self._LENGTH :]
        estimate = recent @ self._weights[-recent.shape[1] :]
        is_busy = known > 0
        span = np.where(
            is_busy.any(axis=1),
            is_busy.shape[1] - is_busy.argmax(axis=1),
            0,
        )
        return estimate, span

    def is_over(
        self,
        fleet: Fleet,
        asked_cpu: FloatArray,
        feature: FloatArray,
        span: IntArray,
    ) -> BoolArray:
        """Which hosts are going to be full."""
        return np.where(
            span < self._LENGTH,
            self._fallback.is_over(fleet, asked_cpu, feature, span),
            feature * self._safety >= fleet.capacity_cpu,
        )
