# SPDX-License-Identifier: Apache-2.0

"""What criu changes in a process, written down: its imprint.

Only read here; :mod:`ecrae.privsep.cure` says why and puts it back. An
imprint is a dictionary that goes through JSON; bytes are packed.
"""

import base64
import json
import os
import pathlib
import signal
import struct
import zlib
from typing import Any

from ecrae import exception
from ecrae import privsep
from ecrae.privsep import criu_words
from ecrae.privsep import memory
from ecrae.privsep import processes
from ecrae.privsep import ptrace


_ALL = (1 << 64) - 1
#: What a thread blocks for as long as criu's code runs in it, or could.
_CRIU_MASK = _ALL & ~sum(
    1 << (number - 1)
    for number in (signal.SIGTRAP, signal.SIGKILL, signal.SIGSTOP)
)
#: What criu writes where its first executable mapping of a page or more
#: begins: an instruction and a name.
_CODE_BYTES = 64
_PAGE_BYTES = 4096
_FILE = 'imprint'
_PROC = pathlib.Path('/proc')


def _pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 1)).decode()


def unpack(text: str) -> bytes:
    """Bytes of an imprint."""
    return zlib.decompress(base64.b64decode(text))


def _threads(pid: int) -> list[int]:
    """The process's own thread last: what it opens, it closes."""
    tids = [int(each.name) for each in (_PROC / f'{pid}/task').iterdir()]
    return sorted(tids, key=lambda tid: (tid == pid, tid))


def descriptors(pid: int) -> list[int]:
    """Numbers of its open files."""
    return [int(each.name) for each in (_PROC / f'{pid}/fd').iterdir()]


def _describe_thread(
    pid: int, tid: int, mappings: list[memory.Mapping]
) -> dict[str, Any]:
    with ptrace.held(tid) as thread:
        registers = thread.registers()
        sequence = thread.critical_section()
    if not ptrace.is_64_bit(registers):
        raise exception.TransferFailed(
            f'Thread {tid} runs 32-bit code, which cannot be moved safely.'
        )
    address, data = memory.below(
        pid, ptrace.stack_pointer(registers), mappings
    )
    return {
        'registers': {key: _pack(each) for key, each in registers.items()},
        'below': [address, _pack(data)],
        'sequence': [sequence, _pack(memory.read(pid, sequence, 8))]
        if sequence
        else None,
    }


def _code(pid: int, mappings: list[memory.Mapping]) -> list[Any] | None:
    for each in mappings:
        if 'x' in each.modes and each.end - each.start >= _PAGE_BYTES:
            return [
                each.start,
                _pack(memory.read(pid, each.start, _CODE_BYTES)),
            ]
    return None


def describe(pid: int) -> dict[str, Any]:
    """The imprint of a stopped process.

    :raises TransferFailed: when a thread is not stopped or runs 32-bit code.
    :raises OSError: when somebody else holds it.
    """
    mappings = memory.mappings(pid)
    return {
        'pid': pid,
        'start': processes.start_of(pid),
        'threads': {
            str(tid): _describe_thread(pid, tid, mappings)
            for tid in _threads(pid)
        },
        'mappings': mappings,
        'code': _code(pid, mappings),
        'descriptors': descriptors(pid),
        # A process under seccomp may not be let make the call.
        'has_handler': ptrace.status(pid, 'Seccomp') in ('', '0'),
        'action': None,
        'went_on': False,
    }


def _path(folder: str) -> pathlib.Path:
    return pathlib.Path(criu_words.checked_folder(folder)) / _FILE


def store(
    folder: str, found: list[dict[str, Any]], *, criu_comes: bool
) -> None:
    """Replace what is written down.

    :param criu_comes: that from here on it is criu who changes them.
    """
    path = _path(folder)
    draft = path.with_suffix('.draft')
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as file:
        # dumps is many times faster than dump, and the workload waits.
        file.write(json.dumps([criu_comes, found]))
    draft.replace(path)


def load(folder: str) -> tuple[bool, list[dict[str, Any]]]:
    """What :func:`store` was given last; nothing if it never was."""
    try:
        criu_comes, found = json.loads(_path(folder).read_text())
    except FileNotFoundError:
        return False, []
    return criu_comes, found


@privsep.context.entrypoint
def forget(folder: str) -> None:
    """Drop what is written down."""
    _path(folder).with_suffix('.draft').unlink(missing_ok=True)
    _path(folder).unlink(missing_ok=True)


def look_again(saved: dict[str, Any]) -> None:
    """Find out which threads run their own code, and where they are now."""
    pid = saved['pid']
    mappings = memory.mappings(pid)
    for tid, before in list(saved['threads'].items()):
        if ptrace.state(int(tid)) in 'XZ':
            del saved['threads'][tid]
            continue
        now = _describe_thread(pid, int(tid), mappings)
        if not _is_astray(saved, before, now):
            saved['went_on'] |= now['registers'] != before['registers']
            saved['threads'][tid] = now


def registers(thread: dict[str, Any]) -> dict[str, bytes]:
    """Of a thread's part of an imprint."""
    return {key: unpack(each) for key, each in thread['registers'].items()}


def _is_astray(
    saved: dict[str, Any], before: dict[str, Any], now: dict[str, Any]
) -> bool:
    """Whether criu's code runs in the thread, or is about to."""
    found = registers(now)
    mask = struct.pack('=Q', _CRIU_MASK)
    if found['mask'] == mask != registers(before)['mask']:
        return True
    at = ptrace.instruction_pointer(found)
    start = saved['code'][0] if saved['code'] else 0
    return start <= at < start + _CODE_BYTES or not any(
        start <= at < end for start, end, *_ in saved['mappings']
    )
