# SPDX-License-Identifier: Apache-2.0

"""What a way of moving workloads must be able to do.

A driver has two halves with the same five verbs, one for each end:

=========== ============================== ===============================
verb        at the source                  at the destination
=========== ============================== ===============================
check       say what the destination needs refuse what cannot work
prepare     what can be done while running open the doors, say where
transfer    freeze the workload, send it   make a copy that does not run
commit      destroy the frozen copy        run the copy
revert      run the frozen copy again      destroy whatever came
=========== ============================== ===============================

``check`` touches nothing. Every verb may be called again after a crash at
any point of it. ``revert`` and ``commit`` must hold even when the process
that called ``transfer`` was killed half-way.
"""

import abc
import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from ecrae.migration import job as jobs


#: What ends tell each other: JSON primitives.
Facts = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a transfer is."""

    phase: str
    bytes_done: int = 0
    bytes_total: int = 0


Report = Callable[[Progress], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Something on this host that a driver could move."""

    #: With the driver: ``criu:web``.
    name: str
    is_running: bool
    memory_mib: float
    #: Seconds of CPU used since it started.
    cpu_s: float


class Source(abc.ABC):
    """The half that gives a workload away."""

    @abc.abstractmethod
    def check(self, job: jobs.Job) -> dict[str, Any]:
        """What the destination must have for this workload.

        :raises PreCheckFailed: when the workload cannot leave.
        """

    @abc.abstractmethod
    def prepare(self, job: jobs.Job, ticket: Facts, report: Report) -> None:
        """Do what needs no freezing; ``ticket`` is the destination's."""

    @abc.abstractmethod
    def transfer(
        self, job: jobs.Job, ticket: Facts, timeout_s: float, report: Report
    ) -> dict[str, Any]:
        """Freeze the workload and send it; what the other half must know.

        :raises TransferFailed: when it did not get over in time.
        """

    @abc.abstractmethod
    def commit(self, job: jobs.Job) -> None:
        """Destroy the frozen copy: it runs elsewhere."""

    @abc.abstractmethod
    def revert(self, job: jobs.Job) -> None:
        """Stop whatever transfers and let the workload run here."""

    @abc.abstractmethod
    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the workload, frozen or not, is still on this host."""

    def bytes_sent(self, job: jobs.Job) -> int:
        """How much has gone over by now; 0 where nobody can tell."""
        return 0


class Destination(abc.ABC):
    """The half that takes a workload in."""

    @abc.abstractmethod
    def check(self, job: jobs.Job) -> None:
        """Refuse what could not run here.

        :raises PreCheckFailed: names each thing that is missing.
        """

    @abc.abstractmethod
    def prepare(self, job: jobs.Job) -> dict[str, Any]:
        """Be ready to receive; the ticket says where and how."""

    @abc.abstractmethod
    def transfer(self, job: jobs.Job, sent: Facts, timeout_s: float) -> None:
        """Make the copy from what was sent, without running it.

        :raises TransferFailed: when it cannot be made.
        """

    @abc.abstractmethod
    def commit(self, job: jobs.Job) -> None:
        """Run the copy."""

    @abc.abstractmethod
    def revert(self, job: jobs.Job) -> None:
        """Destroy the copy, however far it came, and everything sent."""

    @abc.abstractmethod
    def is_complete(self, job: jobs.Job) -> bool:
        """Whether the running copy needs nothing more from the source.

        :raises TransferFailed: when what is missing will never come.
        """

    @abc.abstractmethod
    def has_copy(self, job: jobs.Job) -> bool:
        """Whether a copy, running or not, is on this host."""

    @abc.abstractmethod
    def finish(self, job: jobs.Job) -> None:
        """Drop what only the transfer needed."""


class Driver(abc.ABC):
    """A way of moving workloads: its two halves and what they can do here."""

    source: Source
    destination: Destination
    #: Modes in which a running copy still needs the source for a while.
    completes_later: frozenset[jobs.Mode] = frozenset()

    @abc.abstractmethod
    def capabilities(self) -> dict[str, Any]:
        """What this host offers; ``modes`` maps a mode to '' or why not."""

    def runs_on_arrival(self, job: jobs.Job) -> bool:
        """Whether the copy runs as soon as it is made.

        The source must then have given the workload up before.
        """
        return False

    def relate(self, here: Facts, there: Facts) -> dict[str, Any]:
        """What a job needs to know of the two hosts together.

        :param here: the source's capabilities; ``there``: the other's.
        """
        return {}

    @abc.abstractmethod
    def workloads(self) -> list[Workload]:
        """What of this driver's is on this host."""
