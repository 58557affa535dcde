# SPDX-License-Identifier: Apache-2.0

"""Adds up energy and service level violations.

SLATAH is the part of the time of active hosts during which they served less
than they were asked for; PDM is the part of the CPU asked for that machines
lost while migrating; SLAV is their product (Beloglazov and Buyya 2012). As in
CloudSim, the state at the beginning of a segment stands for the segment, and
power runs in a straight line from its beginning to its end.
"""

import dataclasses

import numpy as np

from ecrae.model.power import FloatArray
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.service import Service
from ecrae.simulator.trace import IntArray


_JOULES_PER_KWH = 3.6e6


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay cost; fractions in [0, 1]."""

    energy_kwh: float
    migrations: int
    #: Machines that found no host when they were created.
    refused: int
    slatah: float
    pdm: float
    #: Part of all CPU asked for that was not served, for any reason.
    unserved: float
    host_hours: float
    #: Over the metered intervals, shapes (intervals,).
    watts: FloatArray
    hosts_on: FloatArray
    migrations_begun: FloatArray

    @property
    def slav(self) -> float:
        """Service level agreement violation, SLATAH × PDM."""
        return self.slatah * self.pdm


class Meter:
    """Accumulates segments of constant placement."""

    def __init__(self, fleet: Fleet, interval_s: float, sleeps: bool) -> None:
        self._fleet = fleet
        self._interval_s = interval_s
        self._sleeps = sleeps
        self._refused = 0
        self._active_s = 0.0
        self._short_s = 0.0
        self._asked = 0.0
        self._lost_migrating = 0.0
        self._lost = 0.0
        #: Joules, host seconds and migrations of each interval.
        self._intervals: list[FloatArray] = []

    def refuse(self, machines: int) -> None:
        """Count machines that found no host."""
        self._refused += machines

    def begin(self, migrations: int) -> None:
        """Start an interval."""
        self._intervals.append(np.array([0.0, 0.0, float(migrations)]))

    def segment(
        self,
        seconds: float,
        begin: Service,
        end: Service,
        asked_cpu: FloatArray,
        movers: IntArray,
    ) -> None:
        """Add a stretch of time during which nothing moves house.

        :param asked_cpu: what each machine asks at the beginning.
        :param movers: machines that are migrating.
        """
        is_on = begin.is_on | (not self._sleeps)
        mean_w = 0.5 * (
            self._fleet.watts(begin.used_cpu, is_on)
            + self._fleet.watts(end.used_cpu, is_on)
        )
        self._intervals[-1][:2] += (
            mean_w.sum() * seconds,
            is_on.sum() * seconds,
        )
        self._active_s += begin.is_on.sum() * seconds
        self._short_s += (begin.is_on & begin.is_short).sum() * seconds
        lost = asked_cpu - begin.served_cpu
        self._asked += asked_cpu.sum() * seconds
        self._lost += lost.sum() * seconds
        self._lost_migrating += lost[np.unique(movers)].sum() * seconds

    def outcome(self) -> Outcome:
        """Totals over all segments so far."""
        series = np.array(self._intervals).reshape(-1, 3)
        joules, host_s, migrations = series.T
        return Outcome(
            energy_kwh=float(joules.sum()) / _JOULES_PER_KWH,
            migrations=int(migrations.sum()),
            refused=self._refused,
            slatah=_part(self._short_s, self._active_s),
            pdm=_part(self._lost_migrating, self._asked),
            unserved=_part(self._lost, self._asked),
            host_hours=float(host_s.sum()) / 3600.0,
            watts=joules / self._interval_s,
            hosts_on=host_s / self._interval_s,
            migrations_begun=migrations,
        )


def _part(amount: float, whole: float) -> float:
    return float(amount / whole) if whole > 0 else 0.0
