# SPDX-License-Identifier: Apache-2.0

"""Containers of LXD and Incus, moved by the daemons themselves.

Both speak the same API, which pylxd drives over the daemon's Unix socket.
``stopped`` shuts the container down and starts it at the destination: it
loses its memory, not its disk. ``live`` is the daemons' own stop-and-copy by
CRIU; they run the container as soon as it has arrived, so for them the
hand-over comes before the transfer.

Members of one cluster have one container between them, which is never in
two places: there the hand-over comes first in either mode, and the
destination has the cluster move it.
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

    def __init__(self, daemon: daemons.Daemon) -> None:
        self._daemon = daemon
        self.source = source.ContainerSource(daemon)
        self.destination = destination.ContainerDestination(daemon)

    def runs_on_arrival(self, job: jobs.Job) -> bool:
        """The daemons run what they move by themselves."""
        return job.mode is jobs.Mode.LIVE or daemons.is_within_cluster(job)

    def relate(self, here: base.Facts, there: base.Facts) -> dict[str, Any]:
        """The members' names, if both are of one cluster."""
        cluster = here.get('cluster')
        if not cluster or cluster != there.get('cluster'):
            return {}
        return {
            'members': {
                'source': here['member'],
                'destination': there['member'],
            }
        }

    def capabilities(self) -> dict[str, Any]:
        """Version, cluster, pools and modes."""
        try:
            client = self._daemon.client
        except exception.EcraeError as error:
            modes = (jobs.Mode.STOPPED, jobs.Mode.LIVE)
            return {'modes': dict.fromkeys(map(str, modes), str(error))}
        environment: Mapping[str, Any] = client.host_info['environment']
        return {
            'version': environment['server_version'],
            **daemons.membership(client),
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
            if not daemons.is_here(client, container):
                continue
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
