# SPDX-License-Identifier: Apache-2.0

"""The supervisor as seen from a command, and what to do when it is gone."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

from testcloud_lib import supervisor
from testcloud_lib.cloud import Cloud
from testcloud_lib.errors import CloudError


#: Every process of a cloud carries its state folder under this name.
MARKER = 'ECRAE_TESTCLOUD_OF'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """A process to keep: services of a higher order stop first."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    order: int
    #: Changes when anything that the process read at its start has changed.
    fingerprint: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Status:
    """A process as it is now."""

    name: str
    pid: int
    log: str
    started_at: float
    exit_code: int | None
    fingerprint: str

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.exit_code is None


class Processes:
    """The processes of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def is_supervised(self) -> bool:
        """Whether the supervisor answers."""
        try:
            self._ask({'do': 'list'})
        except (OSError, CloudError):
            return False
        return True

    def supervise(self) -> None:
        """Make sure that the supervisor runs.

        :raises CloudError: it does not answer within ten seconds.
        """
        if self.is_supervised():
            return
        self.sweep()
        run = self._cloud.run
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._cloud.logs / 'supervisor.log').open('ab') as log:
            subprocess.Popen(
                [sys.executable, '-m', 'testcloud_lib.supervisor', str(run)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, MARKER: str(self._cloud.state)},
            )
        deadline = time.monotonic() + 10
        while not self.is_supervised():
            if time.monotonic() > deadline:
                raise CloudError('the supervisor did not start')
            time.sleep(0.05)

    def start(self, service: Service) -> bool:
        """Start or, if its fingerprint changed, restart a service.

        :returns: whether a process was started.
        """
        spec = {
            'name': service.name,
            'argv': list(service.argv),
            'env': {**service.env, MARKER: str(self._cloud.state)},
            'cwd': str(self._cloud.state),
            'log': str(self._cloud.logs / f'{service.name}.log'),
            'order': service.order,
            'fingerprint': service.fingerprint,
        }
        return bool(self._ask({'do': 'start', 'spec': spec}))

    def start_all(self, services: Iterable[Service]) -> None:
        """Start services; those that changed stop together before."""
        wanted = list(services)
        running = {
            name: status.fingerprint
            for name, status in self.statuses().items()
            if status.is_running
        }
        self.stop(
            *(
                each.name
                for each in wanted
                if running.get(each.name, each.fingerprint) != each.fingerprint
            )
        )
        for service in wanted:
            self.start(service)

    def stop(self, *names: str) -> None:
        """Stop services together."""
        self._ask({'do': 'stop', 'names': list(names)})

    def statuses(self) -> dict[str, Status]:
        """Every service that was started, by name."""
        try:
            listed = self._ask({'do': 'list'})
        except OSError:
            return {}
        return {each['name']: Status(**each) for each in listed}

    def shutdown(self) -> None:
        """Stop everything, the supervisor too."""
        with contextlib.suppress(OSError):
            self._ask({'do': 'shutdown'})
        self.sweep()

    def sweep(self) -> None:
        """Kill what a supervisor that is gone has left behind."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            left = self._leftovers()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
            deadline = time.monotonic() + 5
            while left and time.monotonic() < deadline:
                time.sleep(0.05)
                left = [pid for pid in left if supervisor.stat(pid)]

    def _leftovers(self) -> list[int]:
        marker = f'{MARKER}={self._cloud.state}'.encode()
        sessions = self._recorded_sessions()
        found = []
        for pid in supervisor.pids():
            fields = supervisor.stat(pid)
            if not fields or pid == os.getpid():
                continue
            if int(fields[3]) in sessions or marker in _environ(pid):
                found.append(pid)
        return found

    def _recorded_sessions(self) -> set[int]:
        """Sessions whose leader still is the process that was recorded."""
        found = set()
        for record in self._cloud.run.glob('*.pid'):
            pid, _, started = record.read_text().strip().partition(' ')
            if started and supervisor.start_time(int(pid)) == started:
                found.add(int(pid))
        return found

    def _ask(self, request: dict[str, Any]) -> Any:
        # Through the folder's descriptor: a socket's path must be short.
        folder = os.open(self._cloud.run, os.O_PATH)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(120)
                connection.connect(
                    f'/proc/self/fd/{folder}/{supervisor.SOCKET}'
                )
                with connection.makefile('rw') as stream:
                    stream.write(json.dumps(request) + '\n')
                    stream.flush()
                    reply = json.loads(stream.readline() or '{}')
        finally:
            os.close(folder)
        if 'error' in reply:
            raise CloudError(f'supervisor: {reply["error"]}')
        return reply.get('result')


def _environ(pid: int) -> list[bytes]:
    try:
        return pathlib.Path(f'/proc/{pid}/environ').read_bytes().split(b'\0')
    except OSError:
        return []
