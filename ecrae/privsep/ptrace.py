# SPDX-License-Identifier: Apache-2.0

"""Hold a stopped thread, look at its state, change it, run a system call.

All of it is for threads in a group stop (``SIGSTOP``). The kernel puts such
a thread back into that stop when its tracer ends, in whatever way, before it
runs one instruction: no stop that is made here ends in a signal if this
process is killed half-way. (Linux, kernel/ptrace.c: ``__ptrace_unlink``;
kernel/signal.c: ``get_signal``.) x86_64 only.
"""

import contextlib
import ctypes
import os
import pathlib
import platform
import signal
import struct
import time
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from ecrae import exception


#: Where the functions of this module work.
IS_SUPPORTED = platform.machine() == 'x86_64'

_POKEUSER, _CONT, _DETACH, _SYSCALL = 6, 7, 17, 24
_SETOPTIONS, _GETREGSET, _SETREGSET, _SEIZE = 0x4200, 0x4204, 0x4205, 0x4206
_GETSIGMASK, _SETSIGMASK, _GET_RSEQ = 0x420A, 0x420B, 0x420F
#: System call stops must differ from SIGTRAP: an unwaited one does nothing.
_TRACESYSGOOD = 1
_SYSCALL_STOP = signal.SIGTRAP | 0x80
_WALL = 0x40000000

#: elf.h: general registers; floating point and vector registers.
_GENERAL, _XSTATE = 1, 0x202
_REGSET_BYTES = 32 << 10
_MASK_BYTES = 8
_RSEQ = struct.Struct('=QIIII')
#: Of linux/rseq.h's struct rseq.
_RSEQ_CS_AT = 8
#: Of struct user: u_debugreg[7], which turns breakpoints on and off.
_DEBUG_CONTROL_AT = 848 + 7 * 8
#: Of struct user_regs_struct, in words of 8 bytes.
_R10, _R9, _R8, _RAX, _RDX, _RSI, _RDI = 7, 8, 9, 10, 12, 13, 14
_ORIG_RAX, _RIP, _CS, _RSP = 15, 16, 17, 19
_ARGUMENTS = (_RDI, _RSI, _RDX, _R10, _R8, _R9)
_CODE_64_BIT = 0x33
_SYSCALL_CODE = b'\x0f\x05'
_STOP_S = 5.0
_POLL_S = 0.0003
_PROC = pathlib.Path('/proc')

_libc = ctypes.CDLL(None, use_errno=True)


class _Vector(ctypes.Structure):
    _fields_ = (('base', ctypes.c_void_p), ('size', ctypes.c_size_t))


def _ptrace(request: int, tid: int, address: int = 0, data: Any = 0) -> int:
    call = _libc.ptrace
    call.argtypes = [ctypes.c_long, ctypes.c_long] + [ctypes.c_void_p] * 2
    call.restype = ctypes.c_long
    result = int(call(request, tid, address, data))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def status(tid: int, name: str) -> str:
    """One line of the thread's status file; empty when it has none."""
    for line in (_PROC / str(tid) / 'status').read_text().splitlines():
        key, _, value = line.partition(':')
        if key == name:
            return value.strip()
    return ''


def state(tid: int) -> str:
    """The letter of its state; ``X`` when it is gone."""
    try:
        text = (_PROC / str(tid) / 'stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 'X'
    return text.rpartition(')')[2].split()[0]


def _until(what: str, tid: int, timeout_s: float = _STOP_S) -> None:
    """Return once its state is one of ``what``."""
    deadline = time.monotonic() + timeout_s
    while state(tid) not in what:
        if time.monotonic() > deadline:
            raise exception.TransferFailed(
                f'Thread {tid} is not stopped but {state(tid)!r}.'
            )
        time.sleep(_POLL_S)


def wait_stopped(tids: Iterable[int]) -> None:
    """Return once they are stopped, or gone.

    :raises TransferFailed: when one is not within some seconds.
    """
    for tid in tids:
        _until('TZX', tid)


class Thread:
    """A thread that this one holds, see :func:`held`."""

    def __init__(self, tid: int) -> None:
        self.tid = tid

    def wait(self) -> int:
        """The signal of its next stop.

        :raises TransferFailed: when it ends or does not stop.
        """
        deadline = time.monotonic() + _STOP_S
        while True:
            pid, word = os.waitpid(self.tid, os.WNOHANG | _WALL)
            if pid and os.WIFSTOPPED(word):
                return os.WSTOPSIG(word)
            if pid or time.monotonic() > deadline:
                raise exception.TransferFailed(
                    f'Thread {self.tid} does not stop: {word:#x}.'
                )
            time.sleep(0.0)

    def _read(self, kind: int) -> bytes:
        buffer = ctypes.create_string_buffer(_REGSET_BYTES)
        vector = _Vector(ctypes.addressof(buffer), _REGSET_BYTES)
        _ptrace(_GETREGSET, self.tid, kind, ctypes.addressof(vector))
        return buffer.raw[: vector.size]

    def _write(self, kind: int, value: bytes) -> None:
        buffer = ctypes.create_string_buffer(value, len(value))
        vector = _Vector(ctypes.addressof(buffer), len(value))
        _ptrace(_SETREGSET, self.tid, kind, ctypes.addressof(vector))

    def registers(self) -> dict[str, bytes]:
        """Its registers and blocked signals."""
        mask = ctypes.create_string_buffer(_MASK_BYTES)
        address = ctypes.addressof(mask)
        _ptrace(_GETSIGMASK, self.tid, _MASK_BYTES, address)
        return {
            'general': self._read(_GENERAL),
            'extended': self._read(_XSTATE),
            'mask': mask.raw,
        }

    def set_registers(self, saved: dict[str, bytes]) -> None:
        """Put registers and blocked signals back; drop breakpoints."""
        _ptrace(_POKEUSER, self.tid, _DEBUG_CONTROL_AT, 0)
        self._write(_GENERAL, saved['general'])
        self._write(_XSTATE, saved['extended'])
        self._set_mask(saved['mask'])

    def _set_mask(self, signals: bytes) -> None:
        mask = ctypes.create_string_buffer(signals, _MASK_BYTES)
        address = ctypes.addressof(mask)
        _ptrace(_SETSIGMASK, self.tid, _MASK_BYTES, address)

    def critical_section(self) -> int:
        """Where it says in which restartable sequence it is; 0: nowhere."""
        buffer = ctypes.create_string_buffer(_RSEQ.size)
        try:
            address = ctypes.addressof(buffer)
            _ptrace(_GET_RSEQ, self.tid, _RSEQ.size, address)
        except OSError:
            return 0  # A kernel without them.
        area = int(_RSEQ.unpack(buffer.raw)[0])
        return area + _RSEQ_CS_AT if area else 0

    def drop_traps(self) -> None:
        """Take a pending SIGTRAP from it: the kernel delivers it first."""
        bit = 1 << (signal.SIGTRAP - 1)
        while int(status(self.tid, 'SigPnd'), 16) & bit:
            _ptrace(_CONT, self.tid)
            if self.wait() != signal.SIGTRAP:
                raise exception.TransferFailed(
                    f'Thread {self.tid} stops for another signal than its '
                    'SIGTRAP.'
                )

    def call(self, site: int, number: int, *arguments: int) -> int:
        """Have it make a system call; its registers are lost by that.

        :param site: address of a system call instruction, see
            :func:`call_site`.
        """
        words = list(struct.unpack('=27Q', self._read(_GENERAL)))
        words[_RIP], words[_RAX] = site, number
        # It is in no system call that would have to be made again.
        words[_ORIG_RAX] = (1 << 64) - 1
        for register, value in zip(_ARGUMENTS, arguments, strict=False):
            words[register] = value
        self._write(_GENERAL, struct.pack('=27Q', *words))
        self._set_mask(b'\xff' * _MASK_BYTES)
        _ptrace(_SETOPTIONS, self.tid, 0, _TRACESYSGOOD)
        for _ in ('enter', 'leave'):
            # A second SIGSTOP, as criu sends one, cannot be blocked and adds
            # nothing to the first.
            while True:
                _ptrace(_SYSCALL, self.tid)
                if (stop := self.wait()) != signal.SIGSTOP:
                    break
            if stop != _SYSCALL_STOP:
                raise exception.TransferFailed(
                    f'Thread {self.tid} stops by signal {stop}, not at its '
                    'system call.'
                )
        (result,) = struct.unpack_from('=q', self._read(_GENERAL), _RAX * 8)
        return int(result)


def stack_pointer(registers: dict[str, bytes]) -> int:
    """Of the general registers."""
    return int(struct.unpack_from('=Q', registers['general'], _RSP * 8)[0])


def instruction_pointer(registers: dict[str, bytes]) -> int:
    """Of the general registers."""
    return int(struct.unpack_from('=Q', registers['general'], _RIP * 8)[0])


def is_64_bit(registers: dict[str, bytes]) -> bool:
    """Whether the thread runs code of this architecture's own width."""
    general = registers['general']
    if len(general) != 27 * 8:
        return False
    return bool(struct.unpack_from('=Q', general, _CS * 8)[0] == _CODE_64_BIT)


def call_site(pid: int) -> int:
    """Address of a system call instruction in its vDSO; 0: it has none."""
    for line in (_PROC / str(pid) / 'maps').read_text().splitlines():
        if line.endswith('[vdso]'):
            start, end = (int(x, 16) for x in line.split()[0].split('-'))
            with (_PROC / str(pid) / 'mem').open('rb', buffering=0) as memory:
                memory.seek(start)
                at = memory.read(end - start).find(_SYSCALL_CODE)
            return start + at if at >= 0 else 0
    return 0


@contextlib.contextmanager
def held(tid: int) -> Iterator[Thread]:
    """Hold a thread of a stopped process.

    Afterwards it stops again by itself, but not before it is scheduled: see
    :func:`wait_stopped`.

    :raises TransferFailed: when it is not stopped.
    :raises OSError: when it is gone or somebody else holds it.
    """
    _until('T', tid)
    _ptrace(_SEIZE, tid)
    thread = Thread(tid)
    try:
        thread.wait()
        yield thread
    finally:
        with contextlib.suppress(ProcessLookupError):
            _ptrace(_DETACH, tid)
