# SPDX-License-Identifier: Apache-2.0

"""The half that takes a container in."""

from typing import Any

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.migration.drivers.containers import daemon as daemons
from ecrae.migration.drivers.containers import volumes
from ecrae.migration.drivers.criu import capabilities


_BACK_TIMEOUT_S = 300.0


class ContainerDestination(base.Destination):
    """Takes a container in."""

    def __init__(self, daemon: daemons.Daemon) -> None:
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
                    list(job.needs['room']),
                    {item.name for item in client.storage_pools.all()},
                ),
            ]
            missing = missing or [
                *volumes.in_the_way(client, job),
                *self._lacking_room(client, job),
            ]
        known = client.host_info['environment']['architectures']
        if job.needs['architecture'] not in known:
            missing.append(
                f'its architectures are {", ".join(known)}, not '
                f'{job.needs["architecture"]}'
            )
        if job.mode is jobs.Mode.LIVE:
            missing += capabilities.lacking_flags(job.needs['cpu_flags'])
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
        if daemons.is_within_cluster(job):
            self._daemon.move(
                job.name,
                job.needs['members']['destination'],
                is_live=job.mode is jobs.Mode.LIVE,
                timeout_s=timeout_s,
            )
            self.commit(job)
            return
        words = dict(sent)
        client = self._daemon.client
        for offered in words.pop('volumes'):
            with self._daemon.speaking():
                operation = volumes.fetch(client, offered)
            self._daemon.wait(operation, timeout_s)
        with self._daemon.speaking():
            answer = client.api.instances.post(json=words)
        self._daemon.wait(answer.json()['operation'], timeout_s)

    def commit(self, job: jobs.Job) -> None:
        """Start it if it ran before."""
        found = self._daemon.find(job.name)
        if found is None:
            raise exception.RestoreFailed(f'{job.workload} is gone.')
        if job.needs['was_running'] and found.status != daemons.RUNNING:
            with self._daemon.speaking():
                found.start(wait=True)

    def revert(self, job: jobs.Job) -> None:
        """Delete what came of it, or let the cluster have it back."""
        if daemons.is_within_cluster(job):
            self._move_back(job)
            return
        found = self._daemon.find(job.name)
        with self._daemon.speaking():
            if found and found.config.get(daemons.MARK) == job.id:
                if found.status == daemons.RUNNING:
                    found.stop(force=True, wait=True)
                found.delete(wait=True)
            volumes.drop_fetched(self._daemon.client, job)

    def is_complete(self, job: jobs.Job) -> bool:
        """Whether the daemon is done with what it does by itself.

        It goes on with that when the agent dies, and deletes a copy that it
        could not restore.
        """
        is_live = job.mode is jobs.Mode.LIVE
        if not is_live and not daemons.is_within_cluster(job):
            return True
        if self._daemon.is_busy_with(job.name):
            return False
        found = self._daemon.find(job.name)
        if not self.has_copy(job) or (
            is_live and found.status != daemons.RUNNING
        ):
            raise exception.TransferFailed(
                f'{self._daemon.kind} did not restore {job.workload}.'
            )
        # An agent may have died between the move and the start.
        self.commit(job)
        return True

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the container is here by this migration, or may yet be."""
        found = self._daemon.find(job.name)
        if daemons.is_within_cluster(job):
            return found is not None or self._daemon.is_busy_with(job.name)
        return found is not None and found.config.get(daemons.MARK) == job.id

    def finish(self, job: jobs.Job) -> None:
        """The daemons clean up for themselves."""

    def _move_back(self, job: jobs.Job) -> None:
        if self._daemon.is_busy_with(job.name):
            raise exception.TransferFailed(
                f'{self._daemon.kind} is still moving {job.workload}.'
            )
        found = self._daemon.find(job.name)
        if found is None:
            return
        with self._daemon.speaking():
            if found.status == daemons.RUNNING:
                found.stop(force=True, wait=True)
        self._daemon.move(
            job.name,
            job.needs['members']['source'],
            is_live=False,
            timeout_s=_BACK_TIMEOUT_S,
        )

    def _clashes(self, job: jobs.Job) -> list[str]:
        if daemons.is_within_cluster(job):
            return []
        if not self._daemon.is_taken(job.name):
            return []
        return [f'it has a container {job.name} already']

    def _lacking_room(self, client: Any, job: jobs.Job) -> list[str]:
        found = []
        for name, needed in job.needs['room'].items():
            space = client.storage_pools.get(name).resources.get().space
            # A number that is zero is not in the answer.
            free = space.get('total', 0) - space.get('used', 0)
            if free < needed:
                found.append(
                    f'storage pool {name} has {free >> 20} MiB free of the '
                    f'{needed >> 20} MiB needed'
                )
        return found


def _lacking(noun: str, wanted: list[str], there: set[str]) -> list[str]:
    return [f'it has no {noun} {name}' for name in wanted if name not in there]
