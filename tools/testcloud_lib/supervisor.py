# SPDX-License-Identifier: Apache-2.0

"""The parent of all processes of a cloud.

It starts and stops what it is told over a socket, reaps what ends (not
every PID 1 does), and never restarts by itself: in a test cloud a crash is
to be seen. Run as ``python -m testcloud_lib.supervisor RUN_DIR``.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import Any


SOCKET = 'supervisor.sock'
PR_SET_CHILD_SUBREAPER = 36
#: Seconds a process gets between SIGTERM and SIGKILL.
PATIENCE_S = 8.0


@dataclasses.dataclass
class Child:
    """A process that was started, and how it ended."""

    spec: dict[str, Any]
    process: subprocess.Popen[bytes]
    started_at: float
    exit_code: int | None = None

    def describe(self) -> dict[str, Any]:
        """What ``list`` answers for it."""
        return {
            'name': self.spec['name'],
            'pid': self.process.pid,
            'fingerprint': self.spec['fingerprint'],
            'log': self.spec['log'],
            'started_at': self.started_at,
            'exit_code': self.exit_code,
        }


class Supervisor:
    """Children by name, in the order they were first started."""

    def __init__(self, run_dir: pathlib.Path) -> None:
        self._run_dir = run_dir
        self._children: dict[str, Child] = {}

    def handle(self, request: dict[str, Any]) -> Any:
        """Do what one request asks; its answer is JSON."""
        match request['do']:
            case 'start':
                return self._start(request['spec'])
            case 'stop':
                return self._stop(request['names'])
            case 'list':
                return [child.describe() for child in self._children.values()]
            case 'shutdown':
                return self._shutdown()
            case other:
                raise ValueError(f'cannot {other}')

    def reap(self) -> None:
        """Take note of every process that has ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                for child in self._children.values():
                    if child.process.pid == pid:
                        child.exit_code = os.waitstatus_to_exitcode(status)
                        child.process.returncode = child.exit_code

    def _start(self, spec: dict[str, Any]) -> bool:
        """Start a service; true if it was not running like that before."""
        current = self._children.get(spec['name'])
        if current and current.exit_code is None:
            if current.spec['fingerprint'] == spec['fingerprint']:
                return False
            self._stop([spec['name']])
        with pathlib.Path(spec['log']).open('ab') as log:
            process = subprocess.Popen(
                spec['argv'],
                env=spec['env'],
                cwd=spec['cwd'],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[spec['name']] = Child(spec, process, time.time())
        record = self._run_dir / f'{spec["name"]}.pid'
        record.write_text(f'{process.pid} {start_time(process.pid)}\n')
        return True

    def _stop(self, names: list[str]) -> None:
        """Stop services together; returns when all are gone."""
        chosen = [self._children[name] for name in names]
        for sign, patience_s in (
            (signal.SIGTERM, PATIENCE_S),
            (signal.SIGKILL, PATIENCE_S),
        ):
            for child in chosen:
                kill_session(child.process.pid, sign)
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                self.reap()
                if not any(session(child.process.pid) for child in chosen):
                    return
                time.sleep(0.05)

    def _shutdown(self) -> None:
        """Stop all, what others depend on last."""
        orders = {child.spec['order'] for child in self._children.values()}
        for order in sorted(orders, reverse=True):
            self._stop(
                [
                    name
                    for name, child in self._children.items()
                    if child.spec['order'] == order
                ]
            )
        for pid in children(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.reap()


def start_time(pid: int) -> str:
    """When a process started, in ticks since boot; empty if it is gone."""
    fields = stat(pid)
    return fields[19] if fields else ''


def stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; none for the dead."""
    try:
        text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return []
    fields = text.rpartition(')')[2].split()
    return [] if fields[0] in 'ZX' else fields


def pids() -> list[int]:
    """Every process there is."""
    return [int(name) for name in os.listdir('/proc') if name.isdigit()]


def session(sid: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for pid in pids():
        fields = stat(pid)
        if fields and int(fields[3]) == sid:
            found.append(pid)
    return found


def children(parent: int) -> list[int]:
    """Living direct children of a process."""
    found = []
    for pid in pids():
        fields = stat(pid)
        if fields and int(fields[1]) == parent:
            found.append(pid)
    return found


def kill_session(sid: int, sign: signal.Signals) -> None:
    """Signal every living process of a session."""
    for pid in session(sid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)


def serve(run_dir: pathlib.Path) -> None:
    """Answer requests until one says ``shutdown``."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Relative, because a socket's path must be short.
    os.chdir(run_dir)
    pathlib.Path(SOCKET).unlink(missing_ok=True)
    supervisor = Supervisor(run_dir)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(SOCKET)
        listener.listen()
        selector = selectors.DefaultSelector()
        selector.register(listener, selectors.EVENT_READ)
        while True:
            ready = selector.select(timeout=0.5)
            supervisor.reap()
            if ready and answer(listener, supervisor) == 'shutdown':
                break
    pathlib.Path(SOCKET).unlink(missing_ok=True)


def answer(listener: socket.socket, supervisor: Supervisor) -> str:
    """Serve one connection, which is one request; returns what it asked."""
    connection, _ = listener.accept()
    with connection, connection.makefile('rw') as stream:
        request: dict[str, Any] = {'do': ''}
        try:
            request = json.loads(stream.readline())
            reply = {'result': supervisor.handle(request)}
        except Exception as exc:  # the next request must still be served
            reply = {'error': f'{type(exc).__name__}: {exc}'}
        with contextlib.suppress(OSError):
            stream.write(json.dumps(reply) + '\n')
            stream.flush()
    return str(request['do'])


if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(pathlib.Path(sys.argv[1]))
