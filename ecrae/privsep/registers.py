# SPDX-License-Identifier: Apache-2.0

"""Undo what a killed criu left half done in the processes it was dumping.

To look into a process criu makes it run code of its own: it overwrites the
first bytes of an executable mapping, sets the registers, and puts all back.
Killed in between, it leaves a process that would run astray as soon as it
is let go on. So what criu touches is written down before it starts: for
each thread its registers and blocked signals, for each process those bytes.

Once criu's code runs and waits for commands it puts everything back by
itself when nobody is there to give them; such a thread is left alone.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import platform
import time
from collections.abc import Iterator
from typing import Any

from ecrae import exception
from ecrae import privsep
from ecrae.privsep import criu
from ecrae.privsep import processes


_GETREGSET, _SETREGSET, _SEIZE, _DETACH = 0x4204, 0x4205, 0x4206, 17
_GETSIGMASK, _SETSIGMASK = 0x420A, 0x420B
_SIGMASK_BYTES = 8
_WALL = 0x40000000
#: elf.h: general registers; floating point and vector registers.
_GENERAL = 1
_EXTENDED = {'x86_64': (0x202,)}.get(platform.machine(), (2,))
_REGSET_BYTES = 16 << 10
#: Where criu puts its call: the start of a mapping of at least a page.
_CODE_BYTES = 4096
#: recvmsg, in which criu's code waits for commands, by architecture.
_RECVMSG = {'x86_64': 47, 'aarch64': 212, 'ppc64le': 342}
_STOP_S = 5.0
_FILE = 'registers'
_PROC = pathlib.Path('/proc')

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [
    ctypes.c_long,
    ctypes.c_long,
    ctypes.c_void_p,
    ctypes.c_void_p,
]
_libc.ptrace.restype = ctypes.c_long


class _Vector(ctypes.Structure):
    _fields_ = (('base', ctypes.c_void_p), ('size', ctypes.c_size_t))


def _ptrace(request: int, tid: int, address: int = 0, data: Any = 0) -> None:
    if _libc.ptrace(request, tid, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _state(tid: int) -> str:
    text = (_PROC / str(tid) / 'stat').read_text()
    return text.rpartition(')')[2].split()[0]


@contextlib.contextmanager
def _seized(tid: int) -> Iterator[None]:
    """Hold a stopped thread; it is as stopped afterwards.

    :raises TransferFailed: when it is not stopped.
    """
    if _state(tid) != 'T':
        raise exception.TransferFailed(f'Thread {tid} is not stopped.')
    _ptrace(_SEIZE, tid)
    try:
        deadline = time.monotonic() + _STOP_S
        while os.waitpid(tid, os.WNOHANG | _WALL) == (0, 0):
            if time.monotonic() > deadline:
                raise exception.TransferFailed(f'Thread {tid} runs on.')
            time.sleep(0.0005)
        yield
    finally:
        _ptrace(_DETACH, tid)
        # It stops again by itself, but not before it is scheduled.
        while _state(tid) not in 'TZX':
            time.sleep(0.0005)


def _read(tid: int, kind: int) -> bytes:
    buffer = ctypes.create_string_buffer(_REGSET_BYTES)
    vector = _Vector(ctypes.addressof(buffer), _REGSET_BYTES)
    _ptrace(_GETREGSET, tid, kind, ctypes.addressof(vector))
    return buffer.raw[: vector.size]


def _write(tid: int, kind: int, value: bytes) -> None:
    buffer = ctypes.create_string_buffer(value, len(value))
    vector = _Vector(ctypes.addressof(buffer), len(value))
    _ptrace(_SETREGSET, tid, kind, ctypes.addressof(vector))


def _describe(tid: int) -> dict[str, str]:
    mask = ctypes.create_string_buffer(_SIGMASK_BYTES)
    with _seized(tid):
        _ptrace(_GETSIGMASK, tid, _SIGMASK_BYTES, ctypes.addressof(mask))
        found = {
            str(kind): _read(tid, kind).hex()
            for kind in (_GENERAL, *_EXTENDED)
        }
    return {**found, 'mask': mask.raw.hex()}


def _put_back(tid: int, saved: dict[str, str]) -> None:
    mask = ctypes.create_string_buffer(
        bytes.fromhex(saved['mask']), _SIGMASK_BYTES
    )
    with _seized(tid):
        for kind in (_GENERAL, *_EXTENDED):
            _write(tid, kind, bytes.fromhex(saved[str(kind)]))
        _ptrace(_SETSIGMASK, tid, _SIGMASK_BYTES, ctypes.addressof(mask))


def _code(pid: int) -> dict[str, str]:
    """Start of each executable mapping that criu could choose."""
    found = {}
    lines = (_PROC / str(pid) / 'maps').read_text().splitlines()
    with (_PROC / str(pid) / 'mem').open('rb', buffering=0) as memory:
        for line in lines:
            span, mode = line.split()[:2]
            start, end = (int(each, 16) for each in span.split('-'))
            if 'x' in mode and end - start >= _CODE_BYTES:
                with contextlib.suppress(OSError, OverflowError):
                    memory.seek(start)
                    found[str(start)] = memory.read(_CODE_BYTES).hex()
                    break
    return found


def _threads(pid: int) -> list[int]:
    return [int(path.name) for path in (_PROC / str(pid) / 'task').iterdir()]


def _path(folder: str) -> pathlib.Path:
    return pathlib.Path(criu.checked_folder(folder)) / _FILE


@privsep.context.entrypoint
def save(root: int, folder: str) -> None:
    """Write down what criu may change of a stopped tree.

    :raises TransferFailed: when one of them is not stopped.
    """
    found = {
        str(pid): {
            'code': _code(pid),
            'threads': {str(tid): _describe(tid) for tid in _threads(pid)},
        }
        for pid in processes.tree_of(root)
    }
    path = _path(folder)
    draft = path.with_suffix('.draft')
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as file:
        json.dump(found, file)
    draft.replace(path)


def _cures_itself(pid: int, tid: int) -> bool:
    """Whether it waits in criu's code for commands that never come."""
    with contextlib.suppress(OSError, ValueError):
        words = (_PROC / f'{pid}/task/{tid}/syscall').read_text().split()
        return int(words[0]) == _RECVMSG.get(platform.machine())
    return False


@privsep.context.entrypoint
def restore(folder: str) -> None:
    """Put back what a criu that is gone has changed, if it did.

    The processes are stopped, and stay so. Nothing happens where nothing was
    written down.
    """
    path = _path(folder)
    if not path.exists():
        return
    for process, saved in json.loads(path.read_text()).items():
        pid = int(process)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            _restore_process(pid, saved)
    path.unlink()


def _restore_process(pid: int, saved: dict[str, Any]) -> None:
    astray = {
        int(tid): before
        for tid, before in saved['threads'].items()
        if not _cures_itself(pid, int(tid)) and _describe(int(tid)) != before
    }
    for tid, before in astray.items():
        _put_back(tid, before)
    with (_PROC / str(pid) / 'mem').open('r+b', buffering=0) as memory:
        for start, code in saved['code'].items():
            before = bytes.fromhex(code)
            memory.seek(int(start))
            if memory.read(len(before)) != before:
                memory.seek(int(start))
                memory.write(before)


@privsep.context.entrypoint
def forget(folder: str) -> None:
    """Delete what was written down; it may be gone already."""
    _path(folder).unlink(missing_ok=True)
