# SPDX-License-Identifier: Apache-2.0

"""Another process's memory: what is mapped, and its bytes."""

import pathlib
from collections.abc import Iterable
from typing import NamedTuple


#: Below the stack pointer nothing is written but from there on.
_RED_ZONE = 128
#: A signal handler's frame with all of a CPU's registers.
_FRAME_BYTES = 16 << 10
_PROTECTIONS = {'r': 1, 'w': 2, 'x': 4}
_PROC = pathlib.Path('/proc')


class Mapping(NamedTuple):
    """One line of a process's ``maps``."""

    start: int
    end: int
    #: As ``rwxp``.
    modes: str
    name: str

    @property
    def protection(self) -> int:
        """As mprotect has it."""
        return sum(b for mode, b in _PROTECTIONS.items() if mode in self.modes)

    def overlaps(self, other: 'Mapping') -> bool:
        """Whether they have an address in common."""
        return self.start < other.end and self.end > other.start


def mappings(pid: int) -> list[Mapping]:
    """Each mapping, but for what no process can change."""
    found = []
    for line in (_PROC / str(pid) / 'maps').read_text().splitlines():
        span, modes, *rest = line.split(maxsplit=5)
        start, end = (int(each, 16) for each in span.split('-'))
        if end < 1 << 63:
            name = rest[3] if len(rest) == 4 else ''
            found.append(Mapping(start, end, modes, name))
    return found


def read(pid: int, address: int, size: int) -> bytes:
    """Bytes of it, fewer if the mapping ends before."""
    with (_PROC / str(pid) / 'mem').open('rb', buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)


def write(pid: int, address: int, data: bytes) -> None:
    """Write if it differs; a page that is the same stays shared."""
    with (_PROC / str(pid) / 'mem').open('r+b', buffering=0) as memory:
        memory.seek(address)
        if memory.read(len(data)) != data:
            memory.seek(address)
            memory.write(data)


def below(
    pid: int, stack: int, mapped: Iterable[Mapping]
) -> tuple[int, bytes]:
    """(address, bytes) that a signal handler's frame would overwrite."""
    end = stack - _RED_ZONE
    for each in mapped:
        if each.start <= end < each.end and each.modes.startswith('rw'):
            start = max(each.start, end - _FRAME_BYTES)
            return start, read(pid, start, end - start)
    return end, b''
