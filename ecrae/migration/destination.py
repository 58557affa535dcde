# SPDX-License-Identifier: Apache-2.0

"""The end of a migration that takes the workload in.

It only answers the source's agent, which leads. Its copy runs after
``activate`` and never before, and never again once it was given up: that
promise is on the disk before it is made.
"""

import contextlib
import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration import journal as journals
from ecrae.migration.drivers import base


#: Phases in which the source may still lose interest without telling.
_WAITING = (journals.Phase.EXPECTED, journals.Phase.RESTORED)

Phase = journals.Phase


class DestinationEnd:
    """Answers for the workloads that come to this host.

    :param incarnation: changes when the host starts anew, when everything
        that ran on it is gone.
    :param limit: most workloads coming in at once.
    """

    def __init__(
        self,
        journal: journals.Journal,
        drivers: Mapping[str, base.Driver],
        *,
        host: str,
        incarnation: Callable[[], str],
        limit: int = 2,
        restore_timeout_s: float = 300.0,
    ) -> None:
        self.journal = journal
        self._drivers = drivers
        self._host = host
        self._incarnation = incarnation
        self._limit = limit
        self._restore_timeout_s = restore_timeout_s
        self._locks: dict[str, threading.Lock] = {}

    def check(self, job: jobs.Job) -> None:
        """Refuse what could not run here; touches nothing.

        :raises PreCheckFailed: with the reasons.
        """
        if job.destination != self._host:
            raise exception.PreCheckFailed(
                f'This is {self._host}, not {job.destination}.'
            )
        coming = [
            entry
            for entry in self.journal.entries()
            if entry.is_open and entry.role is journals.Role.DESTINATION
        ]
        if len(coming) >= self._limit:
            raise exception.PreCheckFailed(
                f'{self._host} takes {self._limit} workloads at once and is '
                f'taking {", ".join(e.facts["workload"] for e in coming)}.'
            )
        self._driver(job).destination.check(job)

    def prepare(self, job: jobs.Job) -> dict[str, Any]:
        """Be ready to receive; where and how is in the ticket."""
        with self._locked(job.id):
            self.check(job)
            facts = {**job.to_dict(), 'incarnation': self._incarnation()}
            self.journal.open(job.id, journals.Role.DESTINATION, facts)
            try:
                ticket = self._driver(job).destination.prepare(job)
                self.journal.note(job.id, ticket=ticket)
            except Exception as error:
                self._give_up(job, str(error))
                raise
            return ticket

    def restore(self, migration_id: str, sent: Mapping[str, Any]) -> str:
        """Make the copy; it does not run yet unless the mode says so."""
        with self._locked(migration_id) as entry:
            if entry.phase is not Phase.EXPECTED:
                return str(entry.phase)
            job = jobs.Job.from_dict(entry.facts)
            driver = self._driver(job)
            on_arrival = driver.runs_on_arrival(job)
            try:
                if on_arrival:
                    self.journal.note(migration_id, Phase.ACTIVE)
                driver.destination.transfer(job, sent, self._restore_timeout_s)
                if on_arrival:
                    return self._complete(job)
                self.journal.note(migration_id, Phase.RESTORED)
            except Exception as error:
                self._give_up(job, str(error))
                raise
            return str(Phase.RESTORED)

    def activate(self, migration_id: str) -> str:
        """Run the copy, if there is one that may run; the phase after it."""
        with self._locked(migration_id) as entry:
            job = jobs.Job.from_dict(entry.facts)
            promised = entry.phase is Phase.ACTIVE and not self._driver(
                job
            ).runs_on_arrival(job)
            if entry.phase is Phase.RESTORED or promised:
                self._run(job)
            return self._refresh(migration_id)

    def status(self, migration_id: str) -> str:
        """The phase, looked up in the world and not only in the journal."""
        with self._locked(migration_id):
            return self._refresh(migration_id)

    def yield_workload(self, migration_id: str, reason: str) -> str:
        """Give the copy up if it still needs the source; the phase after it.

        A copy that is complete is kept: the answer says so.
        """
        entry = self.journal.read(migration_id)
        if entry.phase is Phase.EXPECTED:
            # Makes a transfer that holds the lock fail soon.
            job = jobs.Job.from_dict(entry.facts)
            if not self._driver(job).runs_on_arrival(job):
                self._driver(job).destination.revert(job)
        with self._locked(migration_id) as entry:
            phase = Phase(self._refresh(migration_id))
            if phase in (*_WAITING, Phase.ACTIVE):
                self._give_up(jobs.Job.from_dict(entry.facts), reason)
                return str(Phase.YIELDED)
            return str(phase)

    def finish(self, migration_id: str) -> None:
        """The source's copy is gone: close the journal."""
        with self._locked(migration_id) as entry:
            if entry.phase is Phase.COMPLETE:
                job = jobs.Job.from_dict(entry.facts)
                self._driver(job).destination.finish(job)
                self.journal.note(migration_id, Phase.KEPT)

    def recover(self) -> None:
        """After a start of the agent: nobody works on these any more."""
        for entry in self._open():
            job = jobs.Job.from_dict(entry.facts)
            with self._locked(entry.id):
                if entry.phase in _WAITING and self._is_lost(entry):
                    self._give_up(job, 'the host was restarted')
                elif entry.phase is Phase.EXPECTED:
                    self._give_up(job, 'the agent was restarted')
                elif entry.phase is Phase.ACTIVE:
                    self._resume(job)
                else:
                    self._refresh(entry.id)

    def reconcile(self, source_phase: Callable[[str, str], str]) -> None:
        """Drop copies whose source has taken its workload back.

        :param source_phase: (host, migration id) → the phase there; raises
            NotFound when the source does not know it, Unreachable when it
            does not answer, which decides nothing.
        """
        for entry in self._open():
            if entry.phase not in _WAITING:
                continue
            try:
                phase = source_phase(entry.facts['source'], entry.id)
            except exception.NotFound:
                phase = Phase.RETURNED
            except exception.Unreachable:
                continue
            if phase == Phase.RETURNED:
                self.yield_workload(entry.id, 'the source has it back')

    def _open(self) -> list[journals.Entry]:
        return [
            entry
            for entry in self.journal.entries()
            if entry.is_open and entry.role is journals.Role.DESTINATION
        ]

    def _resume(self, job: jobs.Job) -> None:
        """Killed between the promise to run and the end of it."""
        driver = self._driver(job)
        if not driver.destination.has_copy(job):
            self._give_up(job, 'the copy is gone')
        else:
            if not driver.runs_on_arrival(job):
                self._run(job)
            self._refresh(job.id)

    def _run(self, job: jobs.Job) -> None:
        self.journal.note(job.id, Phase.ACTIVE)
        driven = self._driver(job).destination
        try:
            driven.commit(job)
        except exception.RestoreFailed:
            if driven.has_copy(job):
                raise
            # It died before it ran; the source still has the workload.
            self._give_up(job, 'the copy is gone')
        else:
            self.journal.note(job.id, runs=True)

    def _refresh(self, migration_id: str) -> str:
        entry = self.journal.read(migration_id)
        job = jobs.Job.from_dict(entry.facts)
        if entry.phase is Phase.ACTIVE:
            if self._is_lost(entry):
                self._give_up(job, 'the host was restarted')
                return str(Phase.YIELDED)
            driver = self._driver(job)
            # What runs on arrival is the manager's to finish; it may be at
            # it still when an agent that died meanwhile is back.
            is_run = entry.facts.get('runs') or driver.runs_on_arrival(job)
            try:
                if is_run and driver.destination.is_complete(job):
                    return self._complete(job)
            except exception.TransferFailed as error:
                self._give_up(job, str(error))
                return str(Phase.YIELDED)
        elif entry.phase is Phase.COMPLETE and self._is_lost(entry):
            self._give_up(job, 'the host was restarted')
            return str(Phase.YIELDED)
        return str(entry.phase)

    def _is_lost(self, entry: journals.Entry) -> bool:
        job = jobs.Job.from_dict(entry.facts)
        return entry.facts[
            'incarnation'
        ] != self._incarnation() and not self._driver(
            job
        ).destination.has_copy(job)

    def _complete(self, job: jobs.Job) -> str:
        self.journal.note(job.id, Phase.COMPLETE)
        return str(Phase.COMPLETE)

    def _give_up(self, job: jobs.Job, reason: str) -> None:
        # First the deed, then the word: who reads "yielded" may rely on it.
        self._driver(job).destination.revert(job)
        self.journal.note(job.id, Phase.YIELDED, reason_yielded=reason)

    def _driver(self, job: jobs.Job) -> base.Driver:
        try:
            return self._drivers[job.driver]
        except KeyError:
            raise exception.PreCheckFailed(
                f'{self._host} has no driver {job.driver}; it has '
                f'{", ".join(sorted(self._drivers))}.'
            ) from None

    @contextlib.contextmanager
    def _locked(self, migration_id: str) -> Iterator[Any]:
        lock = self._locks.setdefault(migration_id, threading.Lock())
        with lock:
            try:
                entry = self.journal.read(migration_id)
            except exception.NotFound:
                entry = None
            yield entry
