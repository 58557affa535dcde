# SPDX-License-Identifier: Apache-2.0

"""Containers of LXD and Incus, moved by the daemons themselves.

Both speak the same API, which pylxd drives over the daemon's Unix socket.
``stopped`` shuts the container down and starts it at the destination: it
loses its memory, not its disk. ``live`` is the daemons' own stop-and-copy by
CRIU; they run the container as soon as it has arrived, so for them the
hand-over comes before the transfer.
"""

import contextlib
import pathlib
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import pylxd
from pylxd import exceptions as lxd

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base


#: Marks the copy that a migration made, so that no other is deleted.
_MARK = 'user.ecrae.migration'
_RUNNING = 'Running'
#: Why no host offers ``live``: the one that was tried did not end, and why
#: is not known yet.
_LIVE = 'a live move between daemons has not been seen to end yet'
_STOP_TIMEOUT_S = 60
_SOCKETS = {
    'lxd': (
        '/var/lib/lxd/unix.socket',
        '/var/snap/lxd/common/lxd/unix.socket',
    ),
    'incus': ('/var/lib/incus/unix.socket',),
}


class Daemon:
    """The LXD or Incus of this host.

    :param kind: ``lxd`` or ``incus``.
    :param endpoint: URL at which other hosts' daemons reach this one.
    """

    def __init__(self, kind: str, host: str, endpoint: str) -> None:
        self.kind = kind
        self.host = host
        self.endpoint = endpoint

    @property
    def client(self) -> Any:
        """A connection.

        :raises ConfigError: when no daemon answers.
        """
        for path in _SOCKETS[self.kind]:
            if pathlib.Path(path).exists():
                with self.speaking():
                    return pylxd.Client(endpoint=path)
        raise exception.ConfigError(
            f'{self.host} has no {self.kind}: there is no '
            f'{" or ".join(_SOCKETS[self.kind])}.'
        )

    @contextlib.contextmanager
    def speaking(self) -> Iterator[None]:
        """Turn what the daemon refuses into our error."""
        try:
            yield
        except (lxd.LXDAPIException, lxd.ClientConnectionFailed) as error:
            raise exception.TransferFailed(
                f'{self.kind} on {self.host}: {error}'
            ) from error

    def find(self, name: str) -> Any:
        """The container; None when there is none."""
        with self.speaking():
            try:
                return self.client.instances.get(name)
            except lxd.NotFound:
                return None

    def wait(self, operation: str, timeout_s: float) -> None:
        """Return once a background operation has succeeded.

        :raises TransferFailed: when it has not, in time.
        """
        with self.speaking():
            answer = self.client.api.operations[
                operation.split('/')[3].partition('?')[0]
            ].wait.get(params={'timeout': int(timeout_s)})
        done = answer.json()['metadata']
        if done['status'] != 'Success':
            raise exception.TransferFailed(
                f'{self.kind} on {self.host}: {done["status"]}: '
                f'{done.get("err") or "not done in time"}'
            )


def _obstacle_to_live(container: Any) -> str:
    """Why CRIU could not take the container; empty when it could."""
    if container.status != _RUNNING:
        return 'it does not run'
    if 'lxc.console.path' not in container.expanded_config.get('raw.lxc', ''):
        return (
            'CRIU cannot take its console: set raw.lxc to '
            '"lxc.console.path=none"'
        )
    return ''


class ContainerSource(base.Source):
    """Gives a container away."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def check(self, job: jobs.Job) -> dict[str, Any]:
        """Profiles, networks, pool and architecture that it uses."""
        found = self._daemon.find(job.name)
        if found is None:
            raise exception.PreCheckFailed(
                f'{self._daemon.host} has no container {job.workload}.'
            )
        devices = found.expanded_devices
        return {
            'architecture': found.architecture,
            'profiles': list(found.profiles),
            'pools': sorted(
                {d['pool'] for d in devices.values() if d.get('pool')}
            ),
            'networks': sorted(
                {
                    d.get('network') or d.get('parent', '')
                    for d in devices.values()
                    if d['type'] == 'nic'
                }
                - {''}
            ),
            'disk_bytes': _disk_bytes(found),
            'was_running': found.status == _RUNNING,
            'obstacles': {str(jobs.Mode.LIVE): _obstacle_to_live(found)},
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
            if not is_live and found.status == _RUNNING:
                found.stop(timeout=_STOP_TIMEOUT_S, force=True, wait=True)
            offer = found.generate_migration_data(live=is_live)['source']
        operation = offer['operation'].rpartition('/')[2]
        url = f'{self._daemon.endpoint}/1.0/operations/{operation}'
        return {
            'name': found.name,
            'architecture': found.architecture,
            'config': {**found.config, _MARK: job.id},
            'devices': found.devices,
            'profiles': found.profiles,
            'ephemeral': found.ephemeral,
            'source': {**offer, 'operation': url, 'live': is_live},
        }

    def commit(self, job: jobs.Job) -> None:
        """Delete it here."""
        found = self._daemon.find(job.name)
        if found is None:
            return
        with self._daemon.speaking():
            if found.status == _RUNNING:
                raise exception.RestoreFailed(
                    f'{job.workload} still runs on {self._daemon.host}.'
                )
            found.delete(wait=True)

    def revert(self, job: jobs.Job) -> None:
        """Start it here again if it ran."""
        found = self._daemon.find(job.name)
        if found is None:
            raise exception.RestoreFailed(
                f'{job.workload} is not on {self._daemon.host} any more.'
            )
        if job.needs['was_running'] and found.status != _RUNNING:
            with self._daemon.speaking():
                found.start(wait=True)

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the container is here."""
        return self._daemon.find(job.name) is not None


def _disk_bytes(container: Any) -> int:
    """What its root disk holds, where the pool can tell."""
    disk = (container.state().disk or {}).get('root') or {}
    return int(disk.get('usage') or 0)


class ContainerDestination(base.Destination):
    """Takes a container in."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def check(self, job: jobs.Job) -> None:
        """Name, architecture, profiles, networks, pools and room."""
        client = self._daemon.client
        with self._daemon.speaking():
            missing = [
                *self._clashes(job),
                *_lacking(
                    'profile',
                    job.needs['profiles'],
                    {item.name for item in client.profiles.all()},
                ),
                *_lacking(
                    'network',
                    job.needs['networks'],
                    {item.name for item in client.networks.all()},
                ),
                *_lacking(
                    'storage pool',
                    job.needs['pools'],
                    {item.name for item in client.storage_pools.all()},
                ),
            ]
            missing = missing or self._lacking_room(client, job)
        known = client.host_info['environment']['architectures']
        if job.needs['architecture'] not in known:
            missing.append(
                f'its architectures are {", ".join(known)}, not '
                f'{job.needs["architecture"]}'
            )
        if missing:
            raise exception.PreCheckFailed(
                f'{self._daemon.host} cannot take {job.workload}: '
                f'{"; ".join(missing)}.'
            )

    def prepare(self, job: jobs.Job) -> dict[str, Any]:
        """The daemons prepare for themselves."""
        return {}

    def transfer(
        self, job: jobs.Job, sent: base.Facts, timeout_s: float
    ) -> None:
        """Let the daemon fetch the container from the other."""
        with self._daemon.speaking():
            answer = self._daemon.client.api.instances.post(json=dict(sent))
        self._daemon.wait(answer.json()['operation'], timeout_s)

    def commit(self, job: jobs.Job) -> None:
        """Start it if it ran before."""
        found = self._daemon.find(job.name)
        if found is None:
            raise exception.RestoreFailed(f'{job.workload} is gone.')
        if job.needs['was_running'] and found.status != _RUNNING:
            with self._daemon.speaking():
                found.start(wait=True)

    def revert(self, job: jobs.Job) -> None:
        """Delete what came of it."""
        found = self._daemon.find(job.name)
        if found is None or found.config.get(_MARK) != job.id:
            return
        with self._daemon.speaking():
            if found.status == _RUNNING:
                found.stop(force=True, wait=True)
            found.delete(wait=True)

    def is_complete(self, job: jobs.Job) -> bool:
        """Nothing is fetched on demand."""
        return True

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the container that this migration made is here."""
        found = self._daemon.find(job.name)
        return found is not None and found.config.get(_MARK) == job.id

    def finish(self, job: jobs.Job) -> None:
        """The daemons clean up for themselves."""

    def _clashes(self, job: jobs.Job) -> list[str]:
        if self._daemon.find(job.name) is None:
            return []
        return [f'it has a container {job.name} already']

    def _lacking_room(self, client: Any, job: jobs.Job) -> list[str]:
        found = []
        for name in job.needs['pools']:
            space = client.storage_pools.get(name).resources.get().space
            free = space['total'] - space['used']
            if free < job.needs['disk_bytes']:
                found.append(
                    f'storage pool {name} has {free >> 20} MiB free of the '
                    f'{job.needs["disk_bytes"] >> 20} MiB needed'
                )
        return found


def _lacking(noun: str, wanted: list[str], there: set[str]) -> list[str]:
    return [f'it has no {noun} {name}' for name in wanted if name not in there]


class ContainerDriver(base.Driver):
    """LXD or Incus between this host and others."""

    runs_on_arrival = frozenset({jobs.Mode.LIVE})

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.source = ContainerSource(daemon)
        self.destination = ContainerDestination(daemon)

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
            'modes': {str(jobs.Mode.STOPPED): '', str(jobs.Mode.LIVE): _LIVE},
        }

    def workloads(self) -> list[base.Workload]:
        """The daemon's containers, with their use."""
        try:
            client = self._daemon.client
        except exception.EcraeError:
            return []
        found = []
        for container in client.containers.all():
            state = container.state()
            cpu_ns = max((state.cpu or {}).get('usage', 0), 0)
            found.append(
                base.Workload(
                    name=f'{self._daemon.kind}:{container.name}',
                    is_running=container.status == _RUNNING,
                    memory_mib=(state.memory or {}).get('usage', 0) / 2**20,
                    cpu_s=cpu_ns / 1e9,
                )
            )
        return found
