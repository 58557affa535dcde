# SPDX-License-Identifier: Apache-2.0

"""The end of a migration that gives the workload away, and leads.

Before the journal says *handed over* the source alone decides, and every
failure lets the workload run on here. From then on it runs where the
destination says: it comes back only when the destination has sworn, on its
disk, that its copy does not run and never will. Until one of the two is
certain the frozen copy is kept.
"""

import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import Protocol

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration import journal as journals
from ecrae.migration import steps
from ecrae.migration.drivers import base


Phase = journals.Phase


class Peer(Protocol):
    """The destination's agent, as the source needs it.

    Every method raises :class:`ecrae.exception.Unreachable` when the agent
    does not answer.
    """

    def prepare(self, job: jobs.Job) -> dict[str, Any]:
        """Be ready to receive; the ticket."""

    def restore(self, migration_id: str, sent: Mapping[str, Any]) -> str:
        """Make a copy that does not run; the phase after it."""

    def activate(self, migration_id: str) -> str:
        """Run the copy; the phase after it."""

    def status(self, migration_id: str) -> str:
        """The phase there."""

    def yield_workload(self, migration_id: str, reason: str) -> str:
        """Give an incomplete copy up; the phase after it."""

    def finish(self, migration_id: str) -> None:
        """Close the journal there."""


class SourceEnd:
    """Moves workloads off this host.

    :param peer: host name → the agent there.
    :param timeouts_s: step name → seconds; ``complete`` is how long a
        running copy may go on needing this host.
    """

    def __init__(
        self,
        journal: journals.Journal,
        drivers: Mapping[str, base.Driver],
        *,
        peer: Callable[[str], Peer],
        incarnation: Callable[[], str],
        timeouts_s: Mapping[str, float],
        report: Callable[[str, base.Progress], None],
        poll_s: float = 0.2,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.journal = journal
        self._drivers = drivers
        self._peer = peer
        self._incarnation = incarnation
        self._timeouts_s = timeouts_s
        self._report = report
        self._poll_s = poll_s
        self._pause = pause
        self._clock = clock

    def begin(self, job: jobs.Job) -> None:
        """Open the journal: from here on the migration is known.

        :raises Conflict: when the workload is already moving.
        """
        facts = {**job.to_dict(), 'incarnation': self._incarnation()}
        self.journal.open(job.id, journals.Role.SOURCE, facts)

    def migrate(self, job: jobs.Job, cancel: threading.Event) -> Phase:
        """Do a begun migration; *released* or *returned* at the end of it.

        *Handed over* means that the destination does not answer and the
        workload waits, frozen, for a :meth:`recover` that reaches it.
        """
        try:
            steps.run(self._steps(job), self._announce(job), cancel)
        except Exception as error:
            if self._phase(job) is not Phase.HANDED_OVER:
                self._take_back(job, _sentence(error))
                return Phase.RETURNED
            self.journal.note(job.id, problem=_sentence(error))
        return self._settle(job, cancel)

    def recover(self, migration_id: str) -> Phase:
        """Bring a migration that nobody works on to its end."""
        entry = self.journal.read(migration_id)
        job = jobs.Job.from_dict(entry.facts)
        if not entry.is_open:
            return entry.phase
        if entry.phase is not Phase.HANDED_OVER:
            if not self._survives_only_there(entry, job):
                self._take_back(job, 'the agent was restarted')
                return Phase.RETURNED
            self.journal.note(job.id, Phase.HANDED_OVER, step='hand-over')
        return self._settle(job, threading.Event())

    def give_back(self, migration_id: str, reason: str) -> None:
        """Run the workload here on the operator's word.

        The operator vouches that the destination's copy does not run and
        will not: a host that is off, or wiped.

        :raises Conflict: when the workload has already left for good.
        """
        entry = self.journal.read(migration_id)
        if entry.role is not journals.Role.SOURCE or not entry.is_open:
            raise exception.Conflict(
                f'Migration {migration_id} is {entry.phase} here: there is '
                f'no frozen copy to run.'
            )
        self._run_here(jobs.Job.from_dict(entry.facts), reason)

    def _steps(self, job: jobs.Job) -> list[steps.Step]:
        driver = self._drivers[job.driver]
        peer = self._peer(job.destination)

        def tell(progress: base.Progress) -> None:
            self._report(job.id, progress)

        def prepare(_timeout_s: float) -> None:
            ticket = peer.prepare(job)
            self.journal.note(job.id, ticket=ticket)
            driver.source.prepare(job, ticket, tell)

        def transfer(timeout_s: float) -> None:
            ticket = self.journal.read(job.id).facts['ticket']
            self.journal.note(job.id, Phase.TRANSFERRING)
            sent = driver.source.transfer(job, ticket, timeout_s, tell)
            self.journal.note(job.id, sent=sent)

        def restore(_timeout_s: float) -> None:
            tell(base.Progress(phase='restore'))
            peer.restore(job.id, self.journal.read(job.id).facts['sent'])

        def hand_over(_timeout_s: float) -> None:
            self.journal.note(job.id, Phase.HANDED_OVER)

        actions = [('prepare', prepare), ('transfer', transfer)]
        if driver.runs_on_arrival(job):
            actions += [('hand-over', hand_over), ('restore', restore)]
        else:
            actions += [('restore', restore), ('hand-over', hand_over)]
        return [
            steps.Step(name, action, self._timeouts_s[name])
            for name, action in actions
        ]

    def _announce(self, job: jobs.Job) -> Callable[[str], None]:
        def announce(step: str) -> None:
            if step != 'hand-over':
                # The hand-over is one line, or the crash between two lines
                # would be told as one of them.
                self.journal.note(job.id, step=step)

        return announce

    def _settle(self, job: jobs.Job, cancel: threading.Event) -> Phase:
        """Ask the destination until it is certain where the workload is."""
        peer = self._peer(job.destination)
        deadline = self._clock() + self._timeouts_s['complete']
        try:
            phase = peer.activate(job.id)
            while phase == Phase.ACTIVE:
                self._report(job.id, base.Progress(phase='complete'))
                if cancel.is_set() or self._clock() > deadline:
                    phase = peer.yield_workload(job.id, 'cancelled or late')
                    break
                self._pause(self._poll_s)
                phase = peer.status(job.id)
            if phase in (Phase.EXPECTED, Phase.RESTORED):
                phase = peer.yield_workload(job.id, 'nothing to run')
            if phase == Phase.YIELDED:
                self._run_here(job, 'the destination gave it back')
                return Phase.RETURNED
            # In this order: once its journal is closed the destination can
            # no longer give back what is about to be destroyed here.
            peer.finish(job.id)
            self._drivers[job.driver].source.commit(job)
            self.journal.note(job.id, Phase.RELEASED)
            return Phase.RELEASED
        except (exception.Unreachable, exception.NotFound) as error:
            self.journal.note(job.id, problem=_sentence(error))
            return Phase.HANDED_OVER

    def _take_back(self, job: jobs.Job, reason: str) -> None:
        self._run_here(job, reason)
        try:
            self._peer(job.destination).yield_workload(job.id, reason)
        except (exception.Unreachable, exception.NotFound):
            return  # It asks us when it is back, and drops its copy then.

    def _run_here(self, job: jobs.Job, reason: str) -> None:
        self._drivers[job.driver].source.revert(job)
        self.journal.note(job.id, Phase.RETURNED, reason_returned=reason)

    def _phase(self, job: jobs.Job) -> Phase:
        return self.journal.read(job.id).phase

    def _survives_only_there(
        self, entry: journals.Entry, job: jobs.Job
    ) -> bool:
        """Whether this host lost the workload and the other has all of it."""
        if entry.facts['incarnation'] == self._incarnation():
            return False
        if self._drivers[job.driver].source.has_copy(job):
            return False
        try:
            phase = self._peer(job.destination).status(job.id)
        except exception.NotFound:
            return False
        return phase == Phase.RESTORED


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__
