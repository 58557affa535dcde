# SPDX-License-Identifier: Apache-2.0

"""``ecrae-rebalancer`` as processes of their own, without any cloud.

They lead or follow, take up what is left under way, tell the bus and serve
their metrics; each look at the cloud fails, and is tried again.
"""

import configparser
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from prometheus_client import parser


DEADLINE_S = 120

#: An address where nothing listens.
NOWHERE = 'http://127.0.0.1:9/v3'


class Service:
    """One rebalancer and its files.

    :param connection: URL of a knowledge base that has its tables.
    :param coordination_url: as of ``[ecrae_rebalancer]``.
    :param sections: more options, by group.
    """

    def __init__(self, folder, connection, coordination_url, **sections):
        folder.mkdir(exist_ok=True)
        self.port = _free_port()
        self._log = folder / 'log'
        self._process = None
        conf = configparser.ConfigParser(interpolation=None)
        conf.read_dict(
            {
                'ecrae_database': {'connection': connection},
                'ecrae_cloud': {
                    'auth_type': 'password',
                    'auth_url': NOWHERE,
                    'username': 'ecrae',
                    'password': 'secret',
                    'user_domain_name': 'Default',
                },
                'ecrae_rebalancer': {
                    'coordination_url': coordination_url,
                    'metrics_port': self.port,
                    'interval': 10,
                },
                **sections,
            }
        )
        self._file = folder / 'ecrae.conf'
        with self._file.open('w') as written:
            conf.write(written)

    def start(self):
        """Start it, without waiting for it."""
        with self._log.open('ab') as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, '-m', 'ecrae.cmd.rebalancer'),
                    *('--config-file', str(self._file)),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self):
        """End it, and the worker that it started, with nothing tidied up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def terminate(self):
        """Ask it to end; its exit code."""
        self._process.terminate()
        return self._process.wait(DEADLINE_S)

    def metrics(self):
        """Its metrics by name and labels' values; none if nobody answers."""
        url = f'http://127.0.0.1:{self.port}/metrics'
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
        }

    @property
    def leads(self):
        """Whether it says that it leads; None while it does not answer."""
        value = self.metrics().get(('ecrae_rebalancer_leader',))
        return None if value is None else bool(value)

    def log(self):
        """All that it has logged."""
        return self._log.read_text()


@contextlib.contextmanager
def running(*services):
    """Processes that live as long as the block."""
    for service in services:
        service.start()
    try:
        yield
    finally:
        for service in services:
            service.kill()


def wait_for(condition, *services):
    """Wait until something is true, or fail with what services logged."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        logs = '\n---\n'.join(each.log()[-3000:] for each in services)
        assert time.monotonic() < deadline, logs
        time.sleep(0.5)


def _free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])
