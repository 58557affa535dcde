# SPDX-License-Identifier: Apache-2.0

"""What an agent reports of its host to the knowledge base."""

import datetime
import pathlib
import platform
from collections.abc import Callable
from typing import Any

from ecrae.kb import agents
from ecrae.kb import db
from ecrae.migration import power
from ecrae.migration.drivers.criu import capabilities
from ecrae.model import agent as agent_model


def incarnation() -> str:
    """Changes when everything that ran on this host is gone.

    That is when the kernel starts anew or, in a container, its first
    process.
    """
    boot = pathlib.Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    first = pathlib.Path('/proc/1/stat').read_text()
    return f'{boot}/{first.rpartition(")")[2].split()[19]}'


class Registry:
    """Keeps the host's row in the knowledge base fresh.

    :param describe: drivers and workloads, as ``get_agent`` has them.
    """

    def __init__(
        self,
        database: db.Database,
        host: str,
        describe: Callable[[], dict[str, Any]],
        meter: power.Meter,
    ) -> None:
        self._database = database
        self._host = host
        self._describe = describe
        self._meter = meter
        self._started_at = datetime.datetime.now(datetime.UTC)

    def report(self) -> None:
        """Write what the host can do and does now.

        :raises ConfigError: when the knowledge base cannot be reached.
        """
        value = agent_model.Agent(
            hostname=self._host,
            capabilities={
                **self._describe(),
                'kernel': platform.release(),
                'cpu': capabilities.cpu(),
                'use': self._meter.read(),
            },
            started_at=self._started_at,
            heartbeat_at=datetime.datetime.now(datetime.UTC),
        )
        with self._database.writer() as session:
            agents.record(session, value)
