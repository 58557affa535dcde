# SPDX-License-Identifier: Apache-2.0

"""Moves files that stand for workloads; for tests and rehearsals.

``directory/HOST/NAME`` holds what that host's copy does: ``running`` or
``stopped``. All hosts share the directory, so agents on one machine can
migrate between each other without touching any process.
"""

import pathlib
from typing import Any

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base


RUNNING = 'running'
STOPPED = 'stopped'


class _Copies:
    """This host's copies."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def get(self, name: str) -> str | None:
        """What the copy does; None when there is none."""
        path = self.folder / name
        return path.read_text() if path.exists() else None

    def put(self, name: str, state: str) -> None:
        """Make, stop or run the copy."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(state)

    def drop(self, name: str) -> None:
        """Destroy the copy."""
        (self.folder / name).unlink(missing_ok=True)


class FakeSource(base.Source):
    """Stops a file's workload and lets it run again."""

    def __init__(self, copies: _Copies) -> None:
        self._copies = copies

    def check(self, job: jobs.Job) -> dict[str, Any]:
        """Only that there is such a workload."""
        if self._copies.get(job.name) != RUNNING:
            raise exception.PreCheckFailed(
                f'{job.workload} does not run on {job.source}.'
            )
        return {}

    def prepare(
        self, job: jobs.Job, ticket: base.Facts, report: base.Report
    ) -> None:
        """Nothing to prepare."""

    def transfer(
        self,
        job: jobs.Job,
        ticket: base.Facts,
        timeout_s: float,
        report: base.Report,
    ) -> dict[str, Any]:
        """Stop the workload."""
        self._copies.put(job.name, STOPPED)
        report(base.Progress(phase='transfer', bytes_done=1, bytes_total=1))
        return {}

    def commit(self, job: jobs.Job) -> None:
        """Drop the stopped copy."""
        self._copies.drop(job.name)

    def revert(self, job: jobs.Job) -> None:
        """Run it again, if the host did not lose it."""
        if self._copies.get(job.name) is not None:
            self._copies.put(job.name, RUNNING)

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the file is here."""
        return self._copies.get(job.name) is not None


class FakeDestination(base.Destination):
    """Makes a stopped copy and runs it."""

    def __init__(self, copies: _Copies) -> None:
        self._copies = copies

    def check(self, job: jobs.Job) -> None:
        """Refuse a name that is taken."""
        if self._copies.get(job.name) is not None:
            raise exception.PreCheckFailed(
                f'{job.destination} already has a {job.workload}.'
            )

    def prepare(self, job: jobs.Job) -> dict[str, Any]:
        """Nothing to prepare."""
        return {}

    def transfer(
        self, job: jobs.Job, sent: base.Facts, timeout_s: float
    ) -> None:
        """Make the copy; by ``live`` it runs at once."""
        on_arrival = job.mode is jobs.Mode.LIVE
        self._copies.put(job.name, RUNNING if on_arrival else STOPPED)

    def commit(self, job: jobs.Job) -> None:
        """Run the copy."""
        if not self.has_copy(job):
            raise exception.RestoreFailed('The copy is gone.')
        self._copies.put(job.name, RUNNING)

    def revert(self, job: jobs.Job) -> None:
        """Drop the copy."""
        self._copies.drop(job.name)

    def is_complete(self, job: jobs.Job) -> bool:
        """A fake copy runs or is lost."""
        if self._copies.get(job.name) != RUNNING:
            raise exception.TransferFailed('The copy is gone.')
        return True

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the file is here."""
        return self._copies.get(job.name) is not None

    def finish(self, job: jobs.Job) -> None:
        """Nothing is left over."""


class FakeDriver(base.Driver):
    """The two halves over one shared folder."""

    completes_later = frozenset({jobs.Mode.POST_COPY})

    def __init__(self, directory: pathlib.Path, host: str) -> None:
        self._copies = _Copies(directory / host)
        self.source = FakeSource(self._copies)
        self.destination = FakeDestination(self._copies)

    def runs_on_arrival(self, job: jobs.Job) -> bool:
        """As container managers do it."""
        return job.mode is jobs.Mode.LIVE

    def capabilities(self) -> dict[str, Any]:
        """Everything works on files."""
        modes = (
            jobs.Mode.STOP_AND_COPY,
            jobs.Mode.POST_COPY,
            jobs.Mode.LIVE,
        )
        return {'version': '1', 'modes': dict.fromkeys(map(str, modes), '')}

    def workloads(self) -> list[base.Workload]:
        """One for each file."""
        if not self._copies.folder.is_dir():
            return []
        return [
            base.Workload(
                name=f'fake:{path.name}',
                is_running=path.read_text() == RUNNING,
                memory_mib=0.0,
                cpu_s=0.0,
            )
            for path in sorted(self._copies.folder.iterdir())
        ]
