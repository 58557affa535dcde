# SPDX-License-Identifier: Apache-2.0

"""Files that processes use, and whether this host has the same."""

import contextlib
import hashlib
import os
import pathlib
import stat
from collections.abc import Iterable
from collections.abc import Iterator

from ecrae import privsep
from ecrae.privsep import memory


_PROC = pathlib.Path('/proc')
#: Where a linker puts the number that tells one build from another.
_HEAD_BYTES = 4096


def _opened(pid: int) -> Iterator[str]:
    for path in (_PROC / str(pid) / 'fd').iterdir():
        with contextlib.suppress(OSError):
            yield os.readlink(path)


def used(pid: int) -> set[str]:
    """Paths of what the process has open or mapped, but for devices."""
    mapped = {each.name for each in memory.mappings(pid)}
    return {
        path
        for path in mapped.union(_opened(pid))
        if path.startswith('/') and not path.startswith('/dev/')
    }


def programs(pid: int) -> set[str]:
    """Paths of the program and the libraries that it runs."""
    return {
        each.name
        for each in memory.mappings(pid)
        if 'x' in each.modes and each.name.startswith('/')
    }


def sizes_at(root: str, paths: Iterable[str]) -> dict[str, int]:
    """Sizes of those that are regular files below a root."""
    found = {}
    for path in sorted(paths):
        with contextlib.suppress(OSError):
            status = os.stat(root + path)
            if stat.S_ISREG(status.st_mode):
                found[path] = status.st_size
    return found


def prints_at(root: str, paths: Iterable[str]) -> dict[str, str]:
    """What tells a program from another, or another build, of that name."""
    found = {}
    for path, size in sizes_at(root, paths).items():
        with contextlib.suppress(OSError), open(root + path, 'rb') as file:
            digest = hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
            found[path] = f'{size}-{digest[:16]}'
    return found


@privsep.context.entrypoint
def sizes(paths: list[str]) -> dict[str, int]:
    """Sizes of those of ``paths`` that are files here."""
    return sizes_at('', paths)


@privsep.context.entrypoint
def prints(paths: list[str]) -> dict[str, str]:
    """Of those of ``paths`` that are files here, see :func:`prints_at`."""
    return prints_at('', paths)
