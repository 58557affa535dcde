# SPDX-License-Identifier: Apache-2.0

"""What an agent does when it is called: the server side of ``AgentAPI``."""

import dataclasses
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from oslo_log import log

from ecrae import exception
from ecrae import rpc
from ecrae.migration import destination
from ecrae.migration import job as jobs
from ecrae.migration import journal as journals
from ecrae.migration import modes
from ecrae.migration import progress
from ecrae.migration import rpcapi
from ecrae.migration import source
from ecrae.migration.drivers import base
from ecrae.privsep import machine


LOG = log.getLogger(__name__)


class AgentManager:
    """Answers calls; moves workloads in threads of its own.

    :param driven: name → driver.
    :param bmc_file: other hosts' management controllers.
    :param sleep_method: how this host sleeps.
    """

    target = rpc.Target(version=rpcapi.VERSION)

    def __init__(
        self,
        *,
        host: str,
        driven: Mapping[str, base.Driver],
        going: source.SourceEnd,
        coming: destination.DestinationEnd,
        api: rpcapi.AgentAPI,
        max_outgoing: int = 2,
        bmc_file: str = '',
        sleep_method: str = 'suspend',
    ) -> None:
        self._host = host
        self._driven = driven
        self._going = going
        self._coming = coming
        self._api = api
        self._max_outgoing = max_outgoing
        self._bmc_file = bmc_file
        self._sleep_method = sleep_method
        self._work: dict[str, progress.Work] = {}
        self._lock = threading.Lock()

    @rpc.answers
    def get_agent(self, _context: Any) -> dict[str, Any]:
        """What this host can move, and what is on it."""
        return {
            'host': self._host,
            'drivers': {
                name: driver.capabilities()
                for name, driver in self._driven.items()
            },
            'workloads': [
                dataclasses.asdict(workload)
                for driver in self._driven.values()
                for workload in driver.workloads()
            ],
        }

    @rpc.answers
    def plan_migration(
        self, _context: Any, workload: str, destination: str, mode: str
    ) -> dict[str, Any]:
        """The job as it would be done."""
        return self._plan(workload, destination, mode).to_dict()

    @rpc.answers
    def migrate(
        self, _context: Any, workload: str, destination: str, mode: str
    ) -> dict[str, Any]:
        """Begin to move a workload; the job."""
        job = self._plan(workload, destination, mode)
        with self._lock:
            if len(self._work) >= self._max_outgoing:
                raise exception.PreCheckFailed(
                    f'{self._host} moves {self._max_outgoing} workloads at '
                    f'once, and does so now.'
                )
            self._going.begin(job)
            self._start(job)
        return job.to_dict()

    @rpc.answers
    def list_migrations(self, _context: Any) -> list[dict[str, Any]]:
        """Every migration in the journal."""
        return [self._show(entry) for entry in self._going.journal.entries()]

    @rpc.answers
    def get_migration(
        self, _context: Any, migration_id: str
    ) -> dict[str, Any]:
        """One migration, with its progress."""
        return self._show(self._going.journal.read(migration_id))

    @rpc.answers
    def cancel_migration(self, _context: Any, migration_id: str) -> None:
        """Stop a migration that can still be stopped."""
        work = self._work.get(migration_id)
        if work is None:
            entry = self._going.journal.read(migration_id)
            raise exception.Conflict(
                f'Migration {migration_id} is {entry.phase} and nothing of '
                f'it is under way here.'
            )
        work.cancel.set()

    @rpc.answers
    def give_back(self, _context: Any, migration_id: str, reason: str) -> None:
        """Run the frozen copy here."""
        if migration_id in self._work:
            raise exception.Conflict(
                f'Migration {migration_id} is under way: cancel it instead.'
            )
        self._going.give_back(migration_id, reason)

    @rpc.answers
    def get_offers(self, _context: Any, driver: str) -> dict[str, Any]:
        """What one driver can do here; nothing without it."""
        found = self._driven.get(driver)
        return found.capabilities() if found else {}

    @rpc.answers
    def check(self, _context: Any, job: Mapping[str, Any]) -> None:
        """Refuse what could not run here."""
        self._coming.check(jobs.Job.from_dict(job))

    @rpc.answers
    def prepare(self, _context: Any, job: Mapping[str, Any]) -> dict[str, Any]:
        """Be ready for a workload."""
        return self._coming.prepare(jobs.Job.from_dict(job))

    @rpc.answers
    def restore(
        self, _context: Any, migration_id: str, sent: Mapping[str, Any]
    ) -> str:
        """Make the copy."""
        return self._coming.restore(migration_id, sent)

    @rpc.answers
    def activate(self, _context: Any, migration_id: str) -> str:
        """Run the copy."""
        return self._coming.activate(migration_id)

    @rpc.answers
    def status(self, _context: Any, migration_id: str) -> str:
        """The phase here."""
        return self._coming.status(migration_id)

    @rpc.answers
    def yield_workload(
        self, _context: Any, migration_id: str, reason: str
    ) -> str:
        """Give an incomplete copy up."""
        return self._coming.yield_workload(migration_id, reason)

    @rpc.answers
    def finish(self, _context: Any, migration_id: str) -> None:
        """Close the journal."""
        self._coming.finish(migration_id)

    @rpc.answers
    def control_power(self, _context: Any, of_host: str, verb: str) -> str:
        """Ask another host's management controller."""
        return machine.control_power(self._bmc_file, of_host, verb)

    @rpc.answers
    def suspend_host(self, _context: Any) -> None:
        """Go to sleep, unless something is here or on its way."""
        here = [
            workload.name
            for driver in self._driven.values()
            for workload in driver.workloads()
        ]
        moving = [e.id for e in self._going.journal.entries() if e.is_open]
        if here or moving:
            raise exception.Conflict(
                f'{self._host} stays awake: it has '
                f'{", ".join([*here, *moving])}.'
            )
        LOG.info('Going to sleep by %s', self._sleep_method)
        machine.sleep(self._sleep_method)

    def _plan(self, workload: str, destination: str, mode: str) -> jobs.Job:
        try:
            wanted = jobs.Mode(mode)
        except ValueError:
            raise exception.UsageError(
                f'{mode!r} is no mode; there are {", ".join(jobs.Mode)}.'
            ) from None
        job = jobs.Job(
            id=str(uuid.uuid4()),
            workload=workload,
            source=self._host,
            destination=destination,
            mode=wanted,
        )
        if destination == self._host:
            raise exception.UsageError(f'{workload} is on {self._host}.')
        driver = self._driven.get(job.driver)
        if driver is None:
            raise exception.PreCheckFailed(
                f'{self._host} has no driver {job.driver}; it has '
                f'{", ".join(sorted(self._driven))}.'
            )
        self._going.journal.refuse_second(workload)
        needs = driver.source.check(job)
        ends = {
            self._host: driver.capabilities(),
            destination: self._api.get_offers(destination, job.driver),
        }
        needs |= driver.relate(ends[self._host], ends[destination])
        obstacles = needs.get('obstacles', {})
        if obstacles:
            # What is in the workload's own way counts as an end's would.
            ends[workload] = {
                'modes': dict.fromkeys(ends[self._host]['modes'], '')
                | obstacles
            }
        chosen, reason = modes.choose(wanted, ends)
        job = dataclasses.replace(job, mode=chosen, reason=reason, needs=needs)
        self._api.check(destination, job.to_dict())
        return job

    def _start(self, job: jobs.Job) -> None:
        work = progress.Work(threading.Event())
        work.thread = threading.Thread(
            target=self._run, args=(job, work), name=f'migration {job.id}'
        )
        self._work[job.id] = work
        work.thread.start()

    def _run(self, job: jobs.Job, work: progress.Work) -> None:
        try:
            phase = self._going.migrate(job, work.cancel)
            LOG.info('Migration %s of %s: %s', job.id, job.workload, phase)
        except Exception:
            # The journal is open: the next reconcile takes it up again.
            LOG.exception('Migration %s of %s', job.id, job.workload)
        finally:
            del self._work[job.id]

    def report(self, migration_id: str, told: base.Progress) -> None:
        """Remember how far a migration is."""
        work = self._work.get(migration_id)
        if work is not None:
            work.reach(told)

    def recover_arrivals(self) -> None:
        """At the start: copies that the process before this one left."""
        self._coming.recover()

    def reconcile(self) -> None:
        """Take up what nobody works on; safe at any time."""
        self._coming.reconcile(self._source_phase)
        for entry in self._going.journal.entries():
            if entry.role is not journals.Role.SOURCE or not entry.is_open:
                continue
            with self._lock:
                if entry.id in self._work:
                    continue
                self._work[entry.id] = progress.Work(threading.Event())
            try:
                phase = self._going.recover(entry.id)
                LOG.info('Migration %s taken up: %s', entry.id, phase)
            except exception.EcraeError as error:
                LOG.warning('Migration %s stays open: %s', entry.id, error)
            except OSError as error:
                LOG.error('Migration %s stays open: %s', entry.id, error)
            finally:
                del self._work[entry.id]

    def _source_phase(self, host: str, migration_id: str) -> str:
        return str(self._api.get_migration(host, migration_id)['phase'])

    def _show(self, entry: journals.Entry) -> dict[str, Any]:
        work = self._work.get(entry.id)
        done = 0
        if work is not None:
            job = jobs.Job.from_dict(entry.facts)
            done = self._driven[job.driver].source.bytes_sent(job)
        return progress.show(entry, work, done)
