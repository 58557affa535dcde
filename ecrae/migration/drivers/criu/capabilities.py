# SPDX-License-Identifier: Apache-2.0

"""What criu and the CPU of this host can do, as far as peers must know."""

import pathlib
import platform
import shutil
from collections.abc import Iterable
from typing import Any

from ecrae.migration import job as jobs
from ecrae.privsep import criu
from ecrae.privsep import network


_CPUINFO = pathlib.Path('/proc/cpuinfo')
#: /proc/cpuinfo's names of the flags' line, by architecture.
_FLAGS = ('flags', 'Features')


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


def modes() -> dict[str, str]:
    """Mode → empty, or why this host cannot do it."""
    works = criu.probe()
    if not works and shutil.which('nft') is None:
        works = "nft, which ends criu's network lock, is not installed"
    tracks = works or criu.probe('mem_dirty_track')
    lazy = works or criu.probe('uffd-noncoop') or network.pipe_obstacle()
    return {
        str(jobs.Mode.STOP_AND_COPY): works,
        str(jobs.Mode.POST_COPY): lazy,
        str(jobs.Mode.PRE_COPY): tracks,
        str(jobs.Mode.HYBRID): tracks or lazy,
    }
