# SPDX-License-Identifier: Apache-2.0

"""What this host draws and how busy it is, measured here.

RAPL counts the energy of CPU packages and memory, which is less than the
whole host's; IPMI's DCMI reads the whole host and wins where it works. A
value outside [0, ``[ecrae_agent] max_power``] is a broken sensor's and is
left out.
"""

import pathlib
import time
from collections.abc import Callable
from typing import Any

from ecrae.privsep import meters


_STAT = pathlib.Path('/proc/stat')


class Meter:
    """Averages since the reading before; the first has no averages.

    :param max_power_w: the most the host can draw.
    """

    def __init__(
        self,
        *,
        max_power_w: float,
        stat: pathlib.Path = _STAT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_power_w = max_power_w
        self._stat = stat
        self._clock = clock
        self._energy_uj: dict[str, int] = {}
        self._ticks: tuple[int, int] | None = None
        self._read_at = 0.0

    def read(self) -> dict[str, Any]:
        """``power_w``, ``power_source`` and ``utilization``, if known.

        ``power_sensors`` are those that answer, whatever they say.
        """
        now = self._clock()
        elapsed_s = now - self._read_at
        self._read_at = now
        counters_uj = meters.rapl_uj()
        ipmi_w = meters.ipmi_w()
        rapl_w = self._rapl_w(counters_uj, elapsed_s)
        sensors = (('ipmi', ipmi_w), ('rapl', counters_uj or None))
        found: dict[str, Any] = {
            'power_sensors': [n for n, value in sensors if value is not None]
        }
        for source, value in (('ipmi', ipmi_w), ('rapl', rapl_w)):
            if value is not None and 0.0 < value <= self._max_power_w:
                found |= {'power_w': value, 'power_source': source}
                break
        utilization = self._utilization()
        if utilization is not None:
            found['utilization'] = utilization
        return found

    def _rapl_w(
        self, counters_uj: dict[str, tuple[int, int]], elapsed_s: float
    ) -> float | None:
        """Watts of all packages and their memory."""
        used_uj = 0
        known = bool(self._energy_uj) and elapsed_s > 0
        for domain, (now_uj, range_uj) in counters_uj.items():
            before_uj = self._energy_uj.get(domain)
            self._energy_uj[domain] = now_uj
            if before_uj is not None:
                # The counter starts again at its range.
                used_uj += (now_uj - before_uj) % (range_uj + 1)
        return used_uj / 1e6 / elapsed_s if known else None

    def _utilization(self) -> float | None:
        """Busy part of all CPUs in [0, 1]."""
        fields = self._stat.read_text().splitlines()[0].split()[1:9]
        ticks = list(map(int, fields))
        total, idle = sum(ticks), ticks[3] + ticks[4]
        before, self._ticks = self._ticks, (total, idle)
        if before is None or total <= before[0]:
            return None
        busy = 1.0 - (idle - before[1]) / (total - before[0])
        return min(max(busy, 0.0), 1.0)
