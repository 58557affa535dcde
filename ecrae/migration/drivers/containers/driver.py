# SPDX-License-Identifier: Apache-2.0

"""Containers of LXD and Incus, moved by the daemons themselves.

Both speak the same API, which pylxd drives over the daemon's Unix socket.
``stopped`` shuts the container down and starts it at the destination: it
loses its memory, not its disk. ``live`` is the daemons' own stop-and-copy by
CRIU; they run the container as soon as it has arrived, so for them the
hand-over comes before the transfer.
"""

from collections.abc import Mapping
from typing import Any

from pylxd import exceptions as lxd

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.migration.drivers.containers import daemon as daemons
from ecrae.migration.drivers.containers import destination
from ecrae.migration.drivers.containers import source
from ecrae.privsep import criu


class ContainerDriver(base.Driver):
    """LXD or Incus between this host and others."""

    runs_on_arrival = frozenset({jobs.Mode.LIVE})

    def __init__(self, daemon: daemons.Daemon) -> None:
        self._daemon = daemon
        self.source = source.ContainerSource(daemon)
        self.destination = destination.ContainerDestination(daemon)

    def capabilities(self) -> dict[str, Any]:
        """Version, pools and modes."""
        try:
            client = self._daemon.client
        except exception.EcraeError as error:
            modes = (jobs.Mode.STOPPED, jobs.Mode.LIVE)
            return {'modes': dict.fromkeys(map(str, modes), str(error))}
        environment: Mapping[str, Any] = client.host_info['environment']
        return {
            'version': environment['server_version'],
            'storage_pools': [
                pool.name for pool in client.storage_pools.all()
            ],
            'modes': {
                str(jobs.Mode.STOPPED): '',
                str(jobs.Mode.LIVE): criu.probe(),
            },
        }

    def workloads(self) -> list[base.Workload]:
        """The daemon's containers, with their use."""
        try:
            client = self._daemon.client
        except exception.EcraeError:
            return []
        found = []
        for container in client.containers.all():
            try:
                state = container.state()
            except lxd.LXDAPIException:
                continue  # It is ending, or gone since it was listed.
            cpu_ns = max((state.cpu or {}).get('usage', 0), 0)
            found.append(
                base.Workload(
                    name=f'{self._daemon.kind}:{container.name}',
                    is_running=container.status == daemons.RUNNING,
                    memory_mib=(state.memory or {}).get('usage', 0) / 2**20,
                    cpu_s=cpu_ns / 1e9,
                )
            )
        return found
