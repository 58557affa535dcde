# SPDX-License-Identifier: Apache-2.0

"""Keeps ``criu lazy-pages`` honest; also a program of its own.

usage: python -IS keeper.py FOLDER SINCE PID[,PID...] COMMAND...

When the daemon that fetches missing pages dies, the kernel would fill the
workload's remaining holes with zeros: memory corrupted without a word. So
this process holds duplicates of the daemon's userfaultfds, which makes the
workload wait instead, and when the daemon ends badly it kills the workload
(the PIDs and what they forked, if they started after SINCE clock ticks)
before it lets go. It outlives the agent; the daemon's end is in the file
``FOLDER/pages`` (``complete`` or ``failed``), flushed to the disk.

It imports the standard library only: it starts while the workload waits.
"""

import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import sys


#: pidfd_getfd, which Python lacks; the same number on every architecture.
_PIDFD_GETFD = 438
_POLL_S = 0.01

STATUS = 'pages'
COMPLETE = 'complete'
FAILED = 'failed'

_libc = ctypes.CDLL(None, use_errno=True)


def duplicate(pid: int, descriptor: int) -> int:
    """This process's own copy of ``descriptor`` of ``pid``.

    :raises OSError: when the process or descriptor is gone, or may not be
        looked into.
    """
    handle = os.pidfd_open(pid)
    try:
        own = _libc.syscall(_PIDFD_GETFD, handle, descriptor, 0)
        if own < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return int(own)
    finally:
        os.close(handle)


def _is_userfault(path: pathlib.Path) -> bool:
    with contextlib.suppress(OSError):
        return os.readlink(path) == 'anon_inode:[userfaultfd]'
    return False


def hold(pid: int, held: dict[int, int]) -> None:
    """Duplicate the process's userfaultfds that are not yet ``held``."""
    with contextlib.suppress(OSError):
        for path in pathlib.Path(f'/proc/{pid}/fd').iterdir():
            number = int(path.name)
            if number not in held and _is_userfault(path):
                held[number] = duplicate(pid, number)


def _started(pid: int) -> int:
    text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    return int(text.rpartition(')')[2].split()[19])


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in pathlib.Path(f'/proc/{pid}/task').iterdir():
            children += map(int, (thread / 'children').read_text().split())
    return children


def kill(roots: list[int], since: int) -> None:
    """Kill the restored processes and what they forked."""
    doomed = list(roots)
    for pid in doomed:
        doomed += [child for child in _children(pid) if child not in doomed]
    for pid in doomed:
        with contextlib.suppress(OSError):
            if _started(pid) >= since:
                os.kill(pid, signal.SIGKILL)


def _write(status: pathlib.Path, word: str) -> None:
    draft = status.with_suffix('.draft')
    with draft.open('w') as file:
        file.write(word)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(status)


def run(
    command: list[str], folder: pathlib.Path, roots: list[int], since: int
) -> int:
    """Run the daemon to its end; 0 when every page has come."""
    held: dict[int, int] = {}
    # It inherits the pipe over which it says that it is ready.
    with subprocess.Popen(command, close_fds=False) as daemon:  # noqa: S603
        while True:
            hold(daemon.pid, held)
            with contextlib.suppress(subprocess.TimeoutExpired):
                result = daemon.wait(_POLL_S)
                break
    if result:
        kill(roots, since)
    _write(folder / STATUS, FAILED if result else COMPLETE)
    return result


def main() -> int:
    """Entry point of the program."""
    folder, since, roots, *command = sys.argv[1:]
    pids = [int(pid) for pid in roots.split(',')]
    return run(command, pathlib.Path(folder), pids, int(since))


if __name__ == '__main__':
    sys.exit(main())
