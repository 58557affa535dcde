# SPDX-License-Identifier: Apache-2.0

"""The half that gives a container away."""

import time
from typing import Any

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.migration.drivers.containers import daemon as daemons
from ecrae.migration.drivers.containers import volumes
from ecrae.migration.drivers.criu import capabilities


STOP_TIMEOUT_S = 60
_POLL_S = 0.2


def _obstacle_to_live(client: Any, container: Any, attached: list[Any]) -> str:
    """Why it cannot move while it runs; empty when it can."""
    if container.status != daemons.RUNNING:
        return 'it does not run'
    if attached:
        names = ', '.join(volume['name'] for volume in attached)
        return f'its volumes ({names}) do not move while it runs'
    config = container.expanded_config
    features = client.host_info['environment'].get('kernel_features') or {}
    if (
        config.get('security.privileged') != 'true'
        and features.get('idmapped_mounts') == 'true'
    ):
        return (
            'it is unprivileged, and CRIU cannot restore its idmapped mounts'
        )
    if 'lxc.console.path' not in config.get('raw.lxc', ''):
        return (
            'CRIU cannot take its console: set raw.lxc to '
            '"lxc.console.path=none"'
        )
    return ''


class ContainerSource(base.Source):
    """Gives a container away."""

    def __init__(self, daemon: daemons.Daemon) -> None:
        self._daemon = daemon

    def check(self, job: jobs.Job) -> dict[str, Any]:
        """Profiles, networks, pool and architecture that it uses."""
        found = self._daemon.find(job.name)
        if found is None:
            raise exception.PreCheckFailed(
                f'{self._daemon.host} has no container {job.workload}.'
            )
        devices = found.expanded_devices
        client = self._daemon.client
        attached = volumes.attached(found)
        with self._daemon.speaking():
            shared = volumes.used_elsewhere(client, job.name, attached)
            room = volumes.room(self._daemon.kind, client, found, attached)
        if shared:
            raise exception.PreCheckFailed(
                f'{job.workload} cannot leave: {"; ".join(shared)}.'
            )
        return {
            'architecture': found.architecture,
            'cpu_flags': capabilities.cpu()['flags'],
            'profiles': list(found.profiles),
            'volumes': attached,
            'room': room,
            'networks': sorted(
                {
                    d.get('network') or d.get('parent', '')
                    for d in devices.values()
                    if d['type'] == 'nic'
                }
                - {''}
            ),
            'was_running': found.status == daemons.RUNNING,
            'obstacles': {
                str(jobs.Mode.LIVE): _obstacle_to_live(client, found, attached)
            },
        }

    def prepare(
        self, job: jobs.Job, ticket: base.Facts, report: base.Report
    ) -> None:
        """The daemons prepare for themselves."""

    def transfer(
        self,
        job: jobs.Job,
        ticket: base.Facts,
        timeout_s: float,
        report: base.Report,
    ) -> dict[str, Any]:
        """Shut it down, if so asked, and offer it to the other daemon."""
        found = self._daemon.find(job.name)
        is_live = job.mode is jobs.Mode.LIVE
        with self._daemon.speaking():
            if not is_live and found.status == daemons.RUNNING:
                found.stop(timeout=STOP_TIMEOUT_S, force=True, wait=True)
            if daemons.is_within_cluster(job):
                return {}
            brought = volumes.offer(
                self._daemon.client, self._daemon.endpoint, job
            )
            offer = found.generate_migration_data(live=is_live)['source']
        operation = offer['operation'].rpartition('/')[2]
        url = f'{self._daemon.endpoint}/1.0/operations/{operation}'
        return {
            'name': found.name,
            'architecture': found.architecture,
            'config': {**found.config, daemons.MARK: job.id},
            'devices': found.devices,
            'profiles': found.profiles,
            'ephemeral': found.ephemeral,
            'source': {**offer, 'operation': url, 'live': is_live},
            'volumes': brought,
        }

    def commit(self, job: jobs.Job) -> None:
        """Delete it here; the only one there is in a cluster stays."""
        if daemons.is_within_cluster(job):
            return
        # The daemon goes on saying Running for some seconds after a live
        # move has taken the container's processes away.
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while found := self._daemon.find(job.name):
            if found.status != daemons.RUNNING:
                with self._daemon.speaking():
                    found.delete(wait=True)
                break
            if time.monotonic() > deadline:
                raise exception.RestoreFailed(
                    f'{job.workload} still runs on {self._daemon.host}.'
                )
            time.sleep(_POLL_S)
        client = self._daemon.client
        with self._daemon.speaking():
            for volume in job.needs['volumes']:
                volumes.drop(client, volume)

    def revert(self, job: jobs.Job) -> None:
        """Start it here again if it ran."""
        found = self._daemon.find(job.name)
        if found is None:
            raise exception.RestoreFailed(
                f'{job.workload} is not on {self._daemon.host} any more.'
            )
        if job.needs['was_running'] and found.status != daemons.RUNNING:
            with self._daemon.speaking():
                found.start(wait=True)

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the container is here."""
        return self._daemon.find(job.name) is not None
