# SPDX-License-Identifier: Apache-2.0

"""Process trees: look at them, stop them, let them go on, end them.

Stopping is by SIGSTOP, whose effect outlives the agent, criu and the
connection between the two ends: a stopped tree runs again only when an
agent says so. That is what keeps two copies from running.
"""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from ecrae import exception
from ecrae import privsep
from ecrae.privsep import connections
from ecrae.privsep import files
from ecrae.privsep import namespaces


_PROC = pathlib.Path('/proc')
_STOPPED = 'Tt'


def _stat(pid: int) -> tuple[str, int, int, int]:
    """State, parent, session and start time in clock ticks."""
    text = (_PROC / str(pid) / 'stat').read_text()
    fields = text.rpartition(')')[2].split()
    return fields[0], int(fields[1]), int(fields[3]), int(fields[19])


def _alive(pid: int, start: int | None = None) -> bool:
    try:
        state, _, _, started = _stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in 'ZX' and start in (None, started)


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in (_PROC / str(pid) / 'task').iterdir():
            with contextlib.suppress(OSError):
                for child in (thread / 'children').read_text().split():
                    yield int(child)


def tree_of(root: int) -> list[int]:
    """The root and its descendants, parents first."""
    found = [root]
    for pid in found:
        found.extend(child for child in _children(pid) if child not in found)
    return [pid for pid in found if _alive(pid)]


def _link(path: pathlib.Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ''


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _memory_kib(pid: int) -> int:
    for line in (_PROC / str(pid) / 'status').read_text().splitlines():
        if line.startswith(('VmRSS:', 'VmSwap:')):
            return int(line.split()[1])
    return 0


@privsep.context.entrypoint
def describe(root: int) -> dict[str, Any]:
    """What another host must know of the tree.

    :raises NotFound: when there is no such process.
    """
    pids = tree_of(root)
    if not pids:
        raise exception.NotFound(noun='process', name=root)
    tree = []
    sizes: dict[str, int] = {}
    programs: dict[str, str] = {}
    for pid in pids:
        inside = str(_PROC / str(pid) / 'root')
        sizes |= files.sizes_at(inside, files.used(pid))
        programs |= files.prints_at(inside, files.programs(pid))
        tree.append(
            {
                'pid': pid,
                'own_pid': namespaces.own_pid(pid),
                'start': _stat(pid)[3],
                'exe': _link(_PROC / str(pid) / 'exe'),
                'threads': [
                    int(path.name)
                    for path in (_PROC / str(pid) / 'task').iterdir()
                ],
            }
        )
    session = _stat(root)[2]
    return {
        'tree': tree,
        'files': sizes,
        'programs': programs,
        'memory_kib': sum(_memory_kib(pid) for pid in pids),
        'shell_job': session not in pids,
        'namespaces': namespaces.own(root),
    }


@privsep.context.entrypoint
def usage(root: int) -> dict[str, Any]:
    """CPU seconds and memory of the tree now; empty when it is gone."""
    ticks = memory_kib = 0
    pids = tree_of(root)
    for pid in pids:
        with contextlib.suppress(OSError):
            text = (_PROC / str(pid) / 'stat').read_text()
            fields = text.rpartition(')')[2].split()
            ticks += int(fields[11]) + int(fields[12])
            memory_kib += _memory_kib(pid)
    states = [_stat(pid)[0] for pid in pids if _alive(pid)]
    return {
        'cpu_s': ticks / os.sysconf('SC_CLK_TCK'),
        'memory_kib': memory_kib,
        'is_running': any(state not in _STOPPED for state in states),
        'is_there': bool(states),
    }


@privsep.context.entrypoint
def taken(pids: list[int]) -> list[int]:
    """Those of ``pids`` that are in use here, by a process or thread."""
    return [pid for pid in pids if (_PROC / str(pid)).exists()]


@privsep.context.entrypoint
def is_alive(pid: int, start: int | None = None) -> bool:
    """Whether the process lives, and is the one that started then."""
    return _alive(pid, start)


@privsep.context.entrypoint
def now_ticks() -> int:
    """Clock ticks since boot, comparable with processes' start times."""
    with (_PROC / 'uptime').open() as uptime:
        seconds = float(uptime.read().split()[0])
    return int(seconds * os.sysconf('SC_CLK_TCK'))


@privsep.context.entrypoint
def stopped(root: int) -> list[int]:
    """Members of the tree that are stopped already."""
    return [pid for pid in tree_of(root) if _stat(pid)[0] in _STOPPED]


def _is_held(pids: list[int]) -> bool:
    """Whether somebody traces a thread of them, as criu does."""
    for pid in pids:
        for path in (_PROC / str(pid) / 'task').glob('*/status'):
            with contextlib.suppress(OSError):
                if '\nTracerPid:\t0\n' not in path.read_text():
                    return True
    return False


@privsep.context.entrypoint
def wait_released(pids: list[int], timeout_s: float = 5.0) -> bool:
    """Wait until nobody traces a thread of them; whether that is so."""
    deadline = time.monotonic() + timeout_s
    while is_held := _is_held(pids):
        if time.monotonic() > deadline:
            break
        time.sleep(0.002)
    return not is_held


@privsep.context.entrypoint
def freeze(root: int, timeout_s: float = 10.0) -> None:
    """Stop the tree, including what it forks meanwhile.

    :raises TransferFailed: when a member does not stop in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        running = [
            pid for pid in tree_of(root) if _stat(pid)[0] not in _STOPPED
        ]
        if not running:
            return
        if time.monotonic() > deadline:
            raise exception.TransferFailed(
                f'Processes {running} do not stop within {timeout_s:g} s.'
            )
        for pid in running:
            _signal(pid, signal.SIGSTOP)
        time.sleep(0.001)


@privsep.context.entrypoint
def thaw(root: int, start: int | None, keep: list[int]) -> bool:
    """Let the tree go on but for ``keep``; whether there is one.

    TCP sockets that a killed criu left in repair mode leave it first.
    """
    if not _alive(root, start):
        return False
    pids = tree_of(root)
    for pid in pids:
        connections.leave_repair(pid)
    # Children first: a parent must not see them stopped.
    for pid in reversed(pids):
        if pid not in keep:
            _signal(pid, signal.SIGCONT)
    return True


@privsep.context.entrypoint
def end(root: int, start: int | None, timeout_s: float = 10.0) -> None:
    """Kill the tree; returns when nothing of it runs.

    :raises RestoreFailed: when a member outlives ``timeout_s``.
    """
    if not _alive(root, start):
        return
    pids = tree_of(root)
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    wait_until_dead(pids, timeout_s)


@privsep.context.entrypoint
def start_of(pid: int) -> int:
    """When the process started, in clock ticks since boot.

    :raises NotFound: when there is no such process.
    """
    if not _alive(pid):
        raise exception.NotFound(noun='process', name=pid)
    return _stat(pid)[3]


@privsep.context.entrypoint
def end_restored(
    tree: list[dict[str, Any]],
    since: int,
    *,
    has_own_pids: bool = False,
    timeout_s: float = 10.0,
) -> None:
    """Kill the copy of ``tree`` that criu made, or half made, since then.

    Only processes with the tree's pids that started after ``since`` clock
    ticks and run the tree's programs, or still criu's, are touched.

    :param has_own_pids: that the tree has a pid namespace of its own: its
        first process is looked for by its own pid, and is stopped.
    """
    doomed = set()
    for member in tree[:1] if has_own_pids else tree:
        pids = [int(member['pid'])]
        if has_own_pids:
            pids = list(_namesakes(int(member['own_pid'])))
        for pid in pids:
            if _alive(pid) and _stat(pid)[3] >= since:
                exe = _link(_PROC / str(pid) / 'exe')
                if exe == member['exe'] or exe.endswith('/criu'):
                    doomed.update(tree_of(pid))
    for pid in doomed:
        _signal(pid, signal.SIGKILL)
    wait_until_dead(doomed, timeout_s)


def _namesakes(own_pid: int) -> Iterator[int]:
    """Stopped processes elsewhere that know themselves by that pid."""
    for path in _PROC.iterdir():
        if path.name.isdigit():
            pid = int(path.name)
            with contextlib.suppress(OSError):
                if (
                    _stat(pid)[0] in _STOPPED
                    and 'pid' in namespaces.own(pid)
                    and namespaces.own_pid(pid) == own_pid
                ):
                    yield pid


def wait_until_dead(pids: Iterable[int], timeout_s: float) -> None:
    """Return when none of them lives.

    :raises RestoreFailed: when one outlives ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    left = [pid for pid in pids if _alive(pid)]
    while left:
        if time.monotonic() > deadline:
            raise exception.RestoreFailed(f'Processes {left} do not die.')
        time.sleep(0.005)
        left = [pid for pid in left if _alive(pid)]
