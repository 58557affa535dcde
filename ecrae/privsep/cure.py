# SPDX-License-Identifier: Apache-2.0

"""What criu changes in the processes that it dumps, to be put back.

criu has each process run code of its own: it overwrites the first bytes of
an executable mapping, sets registers, blocks signals, maps its code, opens a
socket, makes memory readable. It undoes all that at its end. A criu that is
killed leaves it as it is, in processes that are stopped.

So all of it is written down when the processes have stopped and criu has not
yet started, and put back when criu is gone. Two things need care:

* criu's code, once it runs, waits for commands. When nobody is there to give
  them any more it goes back to the process's own code, which may run for a
  moment until the kernel stops it again. Where a thread has done that its
  registers are its own and stay.
* A thread whose SIGTRAP, by which criu's code says that it is done, the
  killed criu had not yet taken notice of would die of it at once. So the
  signal gets a handler for that time, which never runs: the kernel writes
  the handler's frame and then stops the thread with its group, and what that
  wrote over is put back as well. criu takes the handler into its images;
  :mod:`ecrae.migration.drivers.criu.images` undoes it there.
"""

import contextlib
import functools
import os
import signal
import struct
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from ecrae import exception
from ecrae import privsep
from ecrae.privsep import imprint
from ecrae.privsep import memory
from ecrae.privsep import processes
from ecrae.privsep import ptrace


#: Address of the handler of the tree's first process; of the next, and so
#: on, until the last that there may be.
HANDLER, HANDLER_STEP, HANDLERS = 0x7ECA00000000, 16, 1 << 20

_CLOSE, _MPROTECT, _MUNMAP, _SIGACTION = 3, 10, 11, 13
#: SA_ONSTACK and SA_RESTORER; SA_NODEFER makes it as long in an image as
#: any other flags.
_FLAGS = 0x08000000 | 0x04000000 | 0x40000000
#: struct sigaction of the kernel: handler, flags, restorer, mask.
_ACTION = struct.Struct('=QQQQ')
_MASK_BYTES = 8
_ALL = (1 << 64) - 1
#: Of the name under which criu's code is mapped.
_MEMFD = 'memfd:CRIUMFD'

_Call = Callable[..., int]


@privsep.context.entrypoint
def prepare(root: int, folder: str) -> None:
    """Write down what criu may change of a stopped tree; make it ready.

    Where :data:`ptrace.IS_SUPPORTED` is false nothing happens.

    :raises TransferFailed: when a thread is not stopped or somebody else
        holds it.
    """
    if not ptrace.IS_SUPPORTED:
        return
    try:
        found = [imprint.describe(pid) for pid in processes.tree_of(root)]
        imprint.store(folder, found, criu_comes=False)
        for saved in found:
            if saved['has_handler']:
                saved['action'] = _action(saved)
        imprint.store(folder, found, criu_comes=False)
        for number, saved in enumerate(found):
            if saved['has_handler']:
                handler = HANDLER + number * HANDLER_STEP
                with _own_thread(saved) as call:
                    _set_action(call, saved, [handler, _FLAGS, handler, _ALL])
        _wait_stopped(found)
        imprint.store(folder, found, criu_comes=True)
    except OSError as error:
        raise exception.TransferFailed(
            f'The tree of process {root} cannot be made ready: {error}'
        ) from error


@privsep.context.entrypoint
def actions(folder: str) -> list[list[int] | None]:
    """What SIGTRAP did to each process: handler, flags, restorer, mask."""
    return [saved['action'] for saved in imprint.load(folder)[1]]


@privsep.context.entrypoint
def restore(folder: str) -> None:
    """Put back what a criu that is gone has changed, if it did.

    The processes are stopped, and stay so. Nothing happens where nothing is
    written down, as after a restore that was done.
    """
    criu_came, found = imprint.load(folder)
    alive = [
        saved
        for saved in found
        if processes.is_alive(saved['pid'], saved['start'])
    ]
    if criu_came:
        for saved in alive:
            imprint.look_again(saved)
        # From here on the threads are where this says, or on their way. A
        # full disk must not be in the way: that only helps the next try.
        with contextlib.suppress(OSError):
            imprint.store(folder, alive, criu_comes=False)
    for saved in alive:
        _restore(saved)
    _wait_stopped(alive)
    imprint.forget(folder)


def _wait_stopped(found: list[dict[str, Any]]) -> None:
    for saved in found:
        ptrace.wait_stopped(map(int, saved['threads']))


def _restore(saved: dict[str, Any]) -> None:
    pid = saved['pid']
    if saved['code']:
        memory.write(pid, saved['code'][0], imprint.unpack(saved['code'][1]))
    for tid, before in saved['threads'].items():
        if int(tid) != pid:
            with ptrace.held(int(tid)) as thread:
                _put_back(pid, thread, before)
    with _own_thread(saved) as call:
        for words in _undoing(saved):
            call(*words)
        if saved['action'] is not None:
            _set_action(call, saved, saved['action'])


@contextlib.contextmanager
def _own_thread(saved: dict[str, Any]) -> Iterator[_Call]:
    """The process's first thread, for calls; it is put back at the end."""
    pid = saved['pid']
    before = saved['threads'][str(pid)]
    site = ptrace.call_site(pid)
    with ptrace.held(pid) as thread:
        _put_back(pid, thread, before)
        yield functools.partial(thread.call, site)
        _put_back(pid, thread, before)


def _put_back(pid: int, thread: ptrace.Thread, before: dict[str, Any]) -> None:
    registers = imprint.registers(before)
    thread.set_registers(registers)
    thread.drop_traps()
    thread.set_registers(registers)
    for place in (before['below'], before['sequence']):
        if place is not None:
            memory.write(pid, place[0], imprint.unpack(place[1]))


def _scratch(saved: dict[str, Any]) -> int:
    """Where there is room for two actions; ``_put_back`` cleans it."""
    address, data = saved['threads'][str(saved['pid'])]['below']
    if len(imprint.unpack(data)) < 2 * _ACTION.size:
        raise exception.TransferFailed(
            f'Process {saved["pid"]} has no room left on its stack.'
        )
    return int(address)


def _action(saved: dict[str, Any]) -> list[int]:
    """What SIGTRAP does to the process."""
    address = _scratch(saved)
    with _own_thread(saved) as call:
        _checked(call(_SIGACTION, signal.SIGTRAP, 0, address, _MASK_BYTES))
        data = memory.read(saved['pid'], address, _ACTION.size)
    return list(_ACTION.unpack(data))


def _set_action(call: _Call, saved: dict[str, Any], action: list[int]) -> None:
    address = _scratch(saved)
    memory.write(saved['pid'], address, _ACTION.pack(*action))
    _checked(call(_SIGACTION, signal.SIGTRAP, address, 0, _MASK_BYTES))


def _checked(result: int) -> None:
    if result:
        raise exception.TransferFailed(
            f'A process cannot set a handler: {os.strerror(-result)}.'
        )


def _undoing(saved: dict[str, Any]) -> Iterator[tuple[int, ...]]:
    """System calls that undo what criu's code did."""
    known = [memory.Mapping(*each) for each in saved['mappings']]
    for now in memory.mappings(saved['pid']):
        before = [each for each in known if each.overlaps(now)]
        if not before and _MEMFD in now.name:
            yield _MUNMAP, now.start, now.end - now.start
        for each in before:
            # criu only ever makes memory readable.
            if each.modes[0] == '-' and now.modes == 'r' + each.modes[1:]:
                start = max(each.start, now.start)
                size = min(each.end, now.end) - start
                yield _MPROTECT, start, size, each.protection
    # criu's code closes what it opened before it goes back.
    if not saved['went_on']:
        for descriptor in imprint.descriptors(saved['pid']):
            if descriptor not in saved['descriptors']:
                yield _CLOSE, descriptor
