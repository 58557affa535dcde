# SPDX-License-Identifier: Apache-2.0

"""What this host draws and how busy it is, measured here.

RAPL counts the energy of CPU packages and memory, which is less than the
whole host's; IPMI's DCMI reads the whole host and wins where it works. A
value outside [0, ``[ecrae_agent] max_power``] is a broken sensor's and is
left out.
"""

import pathlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any


_POWERCAP = pathlib.Path('/sys/class/powercap')
_STAT = pathlib.Path('/proc/stat')
_DCMI = re.compile(r'Instantaneous power reading:\s*([\d.]+)\s*Watts')


class Meter:
    """Averages since the reading before; the first has no averages.

    :param powercap: the kernel's folder of RAPL domains.
    :param max_power_w: the most the host can draw.
    """

    def __init__(
        self,
        *,
        max_power_w: float,
        powercap: pathlib.Path = _POWERCAP,
        stat: pathlib.Path = _STAT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_power_w = max_power_w
        self._powercap = powercap
        self._stat = stat
        self._clock = clock
        self._energy_uj: dict[str, int] = {}
        self._ticks: tuple[int, int] | None = None
        self._read_at = 0.0

    def read(self) -> dict[str, Any]:
        """``power_w``, ``power_source`` and ``utilization``, if known."""
        now = self._clock()
        elapsed_s = now - self._read_at
        self._read_at = now
        found: dict[str, Any] = {}
        rapl_w = self._rapl_w(elapsed_s)
        ipmi_w = _ipmi_w()
        for source, value in (('ipmi', ipmi_w), ('rapl', rapl_w)):
            if value is not None and 0.0 < value <= self._max_power_w:
                found |= {'power_w': value, 'power_source': source}
                break
        utilization = self._utilization()
        if utilization is not None:
            found['utilization'] = utilization
        return found

    def _rapl_w(self, elapsed_s: float) -> float | None:
        """Watts of all packages and their memory."""
        used_uj = 0
        known = bool(self._energy_uj) and elapsed_s > 0
        for domain in sorted(self._powercap.glob('intel-rapl:*')):
            if not _is_counted(domain):
                continue
            try:
                now_uj = int((domain / 'energy_uj').read_text())
                range_uj = int((domain / 'max_energy_range_uj').read_text())
            except (OSError, ValueError):
                continue
            before_uj = self._energy_uj.get(domain.name)
            self._energy_uj[domain.name] = now_uj
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


def _is_counted(domain: pathlib.Path) -> bool:
    """Packages, and the memory beside them; cores are in the package."""
    if domain.name.count(':') == 1:
        return True
    try:
        return (domain / 'name').read_text().strip() == 'dram'
    except OSError:
        return False


def _ipmi_w() -> float | None:
    """Watts of the whole host by its management controller."""
    program = shutil.which('ipmitool')
    if program is None or not pathlib.Path('/dev/ipmi0').exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603
            [program, 'dcmi', 'power', 'reading'],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except subprocess.TimeoutExpired:
        return None
    match = _DCMI.search(done.stdout)
    return float(match.group(1)) if match else None
