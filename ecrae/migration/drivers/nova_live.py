# SPDX-License-Identifier: Apache-2.0

"""Virtual machines, moved by Nova.

Nova has its own agents, checks, journal and point of no return, so this
driver has a source's half only, and runs wherever Nova's API can be reached
rather than on the two hosts. Post-copy is Nova's to do: when a migration
takes long it is asked to force completion, which switches to post-copy where
``[libvirt] live_migration_permit_post_copy`` is set and the hosts can, and
pauses the server where not.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import migrations
from ecrae.clients.session import Connection
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.model.cluster import HostState


_ACTIVE = 'ACTIVE'
_ERROR = 'ERROR'
#: How long Nova may take to abort.
_SETTLE_S = 600.0
#: Nova's server status that a live migration starts from.
_MOVABLE = (_ACTIVE, 'PAUSED')


class NovaSource(base.Source):
    """Lets Nova move a server.

    :param force_after_s: when to ask Nova to force completion; None never.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        force_after_s: float | None = None,
        poll_s: float = 1.0,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._force_after_s = force_after_s
        self._poll_s = poll_s
        self._pause = pause
        self._clock = clock

    def check(self, job: jobs.Job) -> dict[str, Any]:
        """That the server can leave and the host is up; the rest is Nova's."""
        place = migrations.get_place(self._connection, job.name)
        obstacles = []
        if place.host != job.source:
            obstacles.append(f'it is on {place.host}, not on {job.source}')
        if place.status not in _MOVABLE or place.task:
            obstacles.append(f'it is {place.status} {place.task}'.strip())
        if place.is_locked:
            obstacles.append('it is locked')
        states = {
            found.host: found.state
            for found in compute.list_hypervisors(self._connection)
        }
        state = states.get(job.destination)
        if state is not HostState.AWAKE:
            known = state or 'not a compute host'
            obstacles.append(f'{job.destination} is {known}')
        if obstacles:
            raise exception.PreCheckFailed(
                f'{job.workload} cannot move: {"; ".join(obstacles)}.'
            )
        return {}

    def prepare(
        self, job: jobs.Job, ticket: base.Facts, report: base.Report
    ) -> None:
        """Nova prepares for itself."""

    def transfer(
        self,
        job: jobs.Job,
        ticket: base.Facts,
        timeout_s: float,
        report: base.Report,
    ) -> dict[str, Any]:
        """Start the migration and follow it to its end."""
        migrations.start(self._connection, job.name, job.destination)
        begun = self._clock()
        is_forced = False
        while self._is_moving(job):
            elapsed_s = self._clock() - begun
            if elapsed_s > timeout_s:
                raise exception.TransferFailed(
                    f'Nova has not moved {job.workload} within '
                    f'{timeout_s:g} s.'
                )
            progress = migrations.get_progress(self._connection, job.name)
            if progress is not None:
                _tell(progress, report)
                if not is_forced and self._is_late(elapsed_s, progress):
                    migrations.force_complete(
                        self._connection, job.name, progress.id
                    )
                    is_forced = True
            self._pause(self._poll_s)
        return {}

    def commit(self, job: jobs.Job) -> None:
        """Nova has cleaned up; make sure that the server moved and runs.

        :raises TransferFailed: when Nova left it where it was, or broken.
        """
        place = migrations.get_place(self._connection, job.name)
        if place.host != job.destination or place.status == _ERROR:
            raise exception.TransferFailed(
                f'Nova left {job.workload} on {place.host} ({place.status}): '
                f'see "openstack server event list {job.name}".'
            )

    def revert(self, job: jobs.Job) -> None:
        """Abort what is under way; returns when the server is settled.

        Nova does not abort what has switched over to the other host.

        :raises TransferFailed: when Nova is at it for too long.
        """
        progress = migrations.get_progress(self._connection, job.name)
        if progress is not None:
            with contextlib.suppress(exception.CloudError):
                migrations.abort(self._connection, job.name, progress.id)
        begun = self._clock()
        while self._is_moving(job):
            if self._clock() - begun > _SETTLE_S:
                raise exception.TransferFailed(
                    f'Nova is still moving {job.workload} after '
                    f'{_SETTLE_S:g} s: see "openstack server migration list '
                    f'--server {job.name}".'
                )
            self._pause(self._poll_s)

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether Nova has it at the source."""
        place = migrations.get_place(self._connection, job.name)
        return place.host == job.source

    def _is_moving(self, job: jobs.Job) -> bool:
        place = migrations.get_place(self._connection, job.name)
        return bool(place.task)

    def _is_late(
        self, elapsed_s: float, progress: migrations.Progress
    ) -> bool:
        return (
            self._force_after_s is not None
            and elapsed_s >= self._force_after_s
            and progress.status == 'running'
        )


def _tell(progress: migrations.Progress, report: base.Report) -> None:
    total = progress.memory_bytes
    report(
        base.Progress(
            phase=progress.status,
            bytes_done=total - progress.memory_bytes_left,
            bytes_total=total,
        )
    )


def migrate(
    source: base.Source,
    job: jobs.Job,
    *,
    timeout_s: float,
    report: base.Report,
) -> None:
    """Move a server and return when it runs at its destination.

    :raises PreCheckFailed: nothing was touched.
    :raises TransferFailed: the server stays where it was.
    """
    source.check(job)
    try:
        source.transfer(job, {}, timeout_s, report)
        source.commit(job)
    except exception.EcraeError:
        source.revert(job)
        raise
