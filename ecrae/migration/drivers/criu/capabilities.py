# SPDX-License-Identifier: Apache-2.0

"""What criu and the CPU of this host can do, as far as peers must know."""

import pathlib
import platform
import shutil
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from ecrae.migration import job as jobs
from ecrae.privsep import criu
from ecrae.privsep import network


_CPUINFO = pathlib.Path('/proc/cpuinfo')
#: /proc/cpuinfo's names of the flags' line, by architecture.
_FLAGS = ('flags', 'Features')
#: What modes depend on; the rest says why something may fail.
_FEATURES = (
    'mem_dirty_track',
    'uffd-noncoop',
    'network_lock_nftables',
    'timens',
)


def cpu() -> dict[str, Any]:
    """Architecture and instruction set extensions."""
    flags: list[str] = []
    for line in _CPUINFO.read_text().splitlines():
        name, _, value = line.partition(':')
        if name.strip() in _FLAGS:
            flags = sorted(value.split())
            break
    return {'architecture': platform.machine(), 'flags': flags}


def lacking_flags(wanted: Iterable[str]) -> list[str]:
    """What is to be said of flags that this host's CPU has not.

    A program that runs has looked at the flags once, when it started.
    """
    lacking = sorted(set(wanted) - set(cpu()['flags']))
    return [f'its CPU lacks {", ".join(lacking)}'] if lacking else []


def features() -> dict[str, str]:
    """Feature, as ``criu check`` names it → empty, or what criu says of it.

    ``basic`` is what every mode needs.
    """
    works = criu.probe()
    return {
        'basic': works,
        **{name: works or criu.probe(name) for name in _FEATURES},
    }


def modes(found: Mapping[str, str]) -> dict[str, str]:
    """Mode → empty, or why this host cannot do it, by its features."""
    works = found['basic']
    if not works and shutil.which('nft') is None:
        works = "nft, which ends criu's network lock, is not installed"
    tracks = works or found['mem_dirty_track']
    lazy = works or found['uffd-noncoop'] or network.pipe_obstacle()
    return {
        str(jobs.Mode.STOP_AND_COPY): works,
        str(jobs.Mode.POST_COPY): lazy,
        str(jobs.Mode.PRE_COPY): tracks,
        str(jobs.Mode.HYBRID): tracks or lazy,
    }
