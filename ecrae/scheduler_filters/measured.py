# SPDX-License-Identifier: Apache-2.0

"""Load and draw of hosts as telemetry measured them, brought up to now.

A measurement is minutes old when the next server is placed, and Nova may
have placed others since: what it has given out since the measurement was
first used is added, as :func:`ecrae.model.load.with_added` says.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Self

import numpy as np

from ecrae.model import host_arrays
from ecrae.model import load
from ecrae.model.power import FloatArray
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.scheduler_filters.arrays import IntArray


class Measured:
    """Newest measurements of k hosts; columns have k + 1 rows, NaN unknown.

    :param rows: row of each host, by name.
    :param now: seconds since the epoch.
    :param max_age_s: older readings are left out.
    """

    def __init__(
        self,
        rows: Mapping[str, int],
        readings: Iterable[Reading],
        now: float,
        max_age_s: float,
    ) -> None:
        self._rows = rows
        size = len(rows) + 1
        self.utilization: FloatArray = np.full(size, np.nan)
        self.power_w: FloatArray = np.full(size, np.nan)
        accelerators: FloatArray = np.full(size, np.nan)
        self._measured_at: FloatArray = np.full(size, np.nan)
        #: vCPUs in use when the measurement was first used.
        self._vcpus: FloatArray = np.full(size, np.nan)
        columns = {
            Metric.UTILIZATION: self.utilization,
            Metric.POWER_W: self.power_w,
            Metric.ACCELERATOR_UTILIZATION: accelerators,
        }
        #: How many readings were too old.
        self.stale = 0
        for reading in readings:
            row = rows.get(reading.name)
            if (
                row is None
                or reading.subject is not Subject.HOST
                or reading.metric not in columns
            ):
                continue
            if now - reading.measured_at > max_age_s:
                self.stale += 1
                continue
            columns[reading.metric][row] = reading.value
            self._measured_at[row] = np.fmax(
                self._measured_at[row], reading.measured_at
            )
        #: Nought where nothing measures it.
        self.accelerator_utilization = np.nan_to_num(accelerators)

    def follow(self, earlier: Self) -> None:
        """Keep counting from where ``earlier`` did, for old measurements."""
        for name, row in self._rows.items():
            before = earlier._rows.get(name)
            if (
                before is not None
                and earlier._measured_at[before] == self._measured_at[row]
            ):
                self._vcpus[row] = earlier._vcpus[before]

    def now(
        self,
        rows: IntArray,
        vcpus_used: FloatArray,
        cores: FloatArray,
        curves_w: FloatArray,
        accelerator_w: float | FloatArray,
    ) -> tuple[FloatArray, FloatArray | None]:
        """Utilization and calibration of n hosts at this moment.

        :param rows: shape (n,).
        :param vcpus_used: as Nova has it now, shape (n,).
        :param curves_w: of these hosts, shape (n, 11).
        :param accelerator_w: what accelerators draw above idle, shape (n,).
        :returns: utilization in [0, 1], shape (n,), and the proportion of
            the measured watts to the curves', shape (n,); None where no
            watts are measured.
        """
        first = self._vcpus[rows]
        first = np.where(np.isnan(first), vcpus_used, first)
        self._vcpus[rows] = first
        measured = self.utilization[rows]
        is_estimated = np.isnan(measured)
        then = np.where(
            is_estimated, load.allocated_utilization(first, cores), measured
        )
        measured_w = self.power_w[rows]
        factor = None
        if not np.isnan(measured_w).all():
            factor = host_arrays.calibration(
                curves_w, then, measured_w, accelerator_w
            )
        utilization = np.where(
            is_estimated,
            load.allocated_utilization(vcpus_used, cores),
            load.with_added(measured, vcpus_used - first, cores),
        )
        return utilization, factor
