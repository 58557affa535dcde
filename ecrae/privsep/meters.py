# SPDX-License-Identifier: Apache-2.0

"""Sensors of this host that only root may read.

RAPL's counters of the kernel, and the whole host's power by its management
controller (DCMI), which ``ipmitool`` asks.
"""

import pathlib
import re
import shutil
import subprocess

from ecrae import privsep


_POWERCAP = pathlib.Path('/sys/class/powercap')
_CONTROLLER = pathlib.Path('/dev/ipmi0')
_DCMI = re.compile(r'Instantaneous power reading:\s*([\d.]+)\s*Watts')
_TIMEOUT_S = 10


def _is_counted(domain: pathlib.Path) -> bool:
    """Packages, and the memory beside them; cores are in the package."""
    if domain.name.count(':') == 1:
        return True
    try:
        return (domain / 'name').read_text().strip() == 'dram'
    except OSError:
        return False


@privsep.context.entrypoint
def rapl_uj() -> dict[str, tuple[int, int]]:
    """Domain → microjoules counted and where the counter starts again."""
    found = {}
    for domain in sorted(_POWERCAP.glob('intel-rapl:*')):
        if not _is_counted(domain):
            continue
        try:
            found[domain.name] = (
                int((domain / 'energy_uj').read_text()),
                int((domain / 'max_energy_range_uj').read_text()),
            )
        except (OSError, ValueError):
            continue
    return found


@privsep.context.entrypoint
def ipmi_w() -> float | None:
    """Watts of the whole host; None where nothing can tell."""
    program = shutil.which('ipmitool')
    if program is None or not _CONTROLLER.exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603
            [program, 'dcmi', 'power', 'reading'],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return None
    match = _DCMI.search(done.stdout)
    return float(match.group(1)) if match else None
