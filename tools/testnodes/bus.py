# SPDX-License-Identifier: Apache-2.0

"""RabbitMQ, as a process of this machine in the site's network."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

from testnodes import nodes
from testnodes import roots


_URL = 'rabbit://guest:guest@{address}:5672/'
_RABBITMQ = pathlib.Path('/usr/lib/rabbitmq/bin/rabbitmq-server')


class Bus:
    """A RabbitMQ of our own in the site's network."""

    def __init__(self, site: nodes.Site) -> None:
        self._site = site
        self._folder = site.scratch / 'rabbitmq'
        self._process: subprocess.Popen[bytes] | None = None
        self._names: subprocess.Popen[bytes] | None = None
        self.url = _URL.format(address=nodes.CONTROL)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        if not _RABBITMQ.exists():
            roots.install('rabbitmq-server', program=str(_RABBITMQ))
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / 'rabbitmq.conf'
        config.write_text(
            f'listeners.tcp.1 = {nodes.CONTROL}:5672\nloopback_users = none\n'
        )
        environment = {
            **os.environ,
            'HOME': str(self._folder),
            'RABBITMQ_NODENAME': 'ecrae@localhost',
            'RABBITMQ_CONFIG_FILE': str(config),
            'RABBITMQ_MNESIA_BASE': str(self._folder / 'db'),
            'RABBITMQ_LOG_BASE': str(self._folder / 'log'),
            'RABBITMQ_ENABLED_PLUGINS_FILE': str(self._folder / 'plugins'),
            'RABBITMQ_PID_FILE': str(self._folder / 'pid'),
            'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '+S 1:1 +sbwt none',
        }
        with (self._folder / 'out').open('ab') as out:
            # RabbitMQ would start one that outlives it.
            self._names = subprocess.Popen(
                self._site.command('epmd'),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
            self._process = subprocess.Popen(
                self._site.command(str(_RABBITMQ)),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        nodes.wait_for(self._answers, 'RabbitMQ', 90.0)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f'RabbitMQ ended: see {self._folder / "out"}')
        done = subprocess.run(
            self._site.command(
                sys.executable,
                '-c',
                'import socket; socket.create_connection('
                f'("{nodes.CONTROL}", 5672), 1).recv(0)',
            ),
            check=False,
            capture_output=True,
        )
        time.sleep(0.3)
        return done.returncode == 0

    def stop(self) -> None:
        """Kill it, with what it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._names is not None:
            self._names.kill()
            self._names.wait()
            self._names = None

    def restart(self) -> None:
        """Lose every connection, and come back."""
        self.stop()
        self.start()
