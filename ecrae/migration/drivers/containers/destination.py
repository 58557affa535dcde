# SPDX-License-Identifier: Apache-2.0

"""The half that takes a container in."""

import time
from typing import Any

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.migration.drivers.containers import daemon as daemons
from ecrae.migration.drivers.containers import volumes
from ecrae.migration.drivers.criu import capabilities


_BACK_TIMEOUT_S = 300.0
#: From the daemon's word that a live move is done to its first process.
_INIT_TIMEOUT_S = 20.0
_POLL_S = 0.2
#: What a member says for a while of a container that has just left it live.
_LINGERS = 'Instance is running'
_LINGER_TIMEOUT_S = 30.0


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
            self._move_here(job, timeout_s)
            self._take_over(job)
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
        if job.mode is jobs.Mode.LIVE:
            self._take_over(job)

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
        if job.mode is not jobs.Mode.LIVE and not daemons.is_within_cluster(
            job
        ):
            return True
        if self._daemon.is_busy_with(job.name):
            return False
        self._take_over(job)
        return True

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the container is here by this migration, or may yet be."""
        found = self._daemon.find(job.name)
        if daemons.is_within_cluster(job):
            return found is not None or self._daemon.is_busy_with(job.name)
        return found is not None and found.config.get(daemons.MARK) == job.id

    def finish(self, job: jobs.Job) -> None:
        """The daemons clean up for themselves."""

    def _move_here(self, job: jobs.Job, timeout_s: float) -> None:
        """Let the cluster move it, again while this member remembers it."""
        deadline = time.monotonic() + _LINGER_TIMEOUT_S
        while True:
            try:
                return self._daemon.move(
                    job.name,
                    job.needs['members']['destination'],
                    is_live=job.mode is jobs.Mode.LIVE,
                    timeout_s=timeout_s,
                )
            except exception.TransferFailed as error:
                is_late = time.monotonic() > deadline
                if is_late or _LINGERS not in str(error):
                    raise
            time.sleep(_POLL_S)
            while (
                self._daemon.is_busy_with(job.name)
                and time.monotonic() <= deadline
            ):
                time.sleep(_POLL_S)

    def _take_over(self, job: jobs.Job) -> None:
        """Start what was moved standing still; a live one must run.

        A daemon may say that it has moved one that it could not restore.

        :raises TransferFailed: when it is not here, or lost its memory.
        """
        if job.mode is jobs.Mode.LIVE:
            self._wait_for_init(job)
        elif not self.has_copy(job):
            raise self._not_restored(job)
        self.commit(job)

    def _wait_for_init(self, job: jobs.Job) -> None:
        """Return once it has a first process, which says more than Running.

        It is called Running for a moment even if CRIU fails to restore it.
        """
        deadline = time.monotonic() + _INIT_TIMEOUT_S
        while time.monotonic() <= deadline:
            # In a cluster the daemon may start it after the move is done.
            is_busy = self._daemon.is_busy_with(job.name)
            found = self._daemon.find(job.name)
            is_up = found is not None and found.status == daemons.RUNNING
            if is_up and self.has_copy(job):
                with self._daemon.speaking():
                    pid = found.state().pid
                if pid > 0:
                    return
            elif not is_busy:
                break
            time.sleep(_POLL_S)
        raise self._not_restored(job)

    def _not_restored(self, job: jobs.Job) -> exception.TransferFailed:
        return exception.TransferFailed(
            f'{self._daemon.kind} did not restore {job.workload}.'
        )

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
