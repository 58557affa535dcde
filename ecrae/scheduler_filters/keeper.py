# SPDX-License-Identifier: Apache-2.0

"""Keeps a reading of the knowledge base at hand, off the request path.

A thread reads it every so often; requests only ever look at the last
reading. Whatever breaks, no boot fails: the last reading serves until it is
too old, then there is none and the plugins are neutral. The log says so once
when it begins and once when it is over.
"""

import dataclasses
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence

from oslo_log import log as logging

from ecrae import exception
from ecrae.model.knowledge import Knowledge
from ecrae.model.reading import Reading
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff
from ecrae.scheduler_filters.host_table import HostTable


LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """All that one reading of the database finds, and what watts count."""

    knowledge: Knowledge
    #: Newest measurements of hosts.
    readings: Sequence[Reading] = ()
    tariff: Tariff = PLAIN
    #: Availability zone of hosts that no aggregate gives one.
    default_zone: str = 'nova'


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """One reading of the knowledge base."""

    knowledge: Knowledge
    hosts: HostTable
    #: On the clock of the keeper.
    read_at: float


class Keeper:
    """Reads the knowledge base now and again, from the first use on.

    :param read: reads the knowledge base; may block, may raise anything.
    :param clock: seconds that never go back.
    :param wall: seconds since the epoch.
    """

    def __init__(
        self,
        read: Callable[[], Facts],
        *,
        refresh_interval_s: float,
        max_age_s: float,
        first_load_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._read = read
        self._refresh_interval_s = refresh_interval_s
        self._max_age_s = max_age_s
        self._first_load_timeout_s = first_load_timeout_s
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._has_tried = threading.Event()
        self._is_stopped = threading.Event()
        self._wait_until = 0.0
        self._view: View | None = None
        self._is_failing = False
        self._is_stale = False
        self._ambiguous: set[str] = set()

    def current(self) -> View | None:
        """The last reading; None when there is none fit for use."""
        if self._thread is None or not self._thread.is_alive():
            self._start()
        if self._view is None and not self._has_tried.is_set():
            self._has_tried.wait(max(0.0, self._wait_until - self._clock()))
        view = self._view
        if view is None or self._clock() - view.read_at > self._max_age_s:
            self._failing('it takes too long')
            return None
        return view

    def stop(self) -> None:
        """End the thread."""
        self._is_stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._wait_until = self._clock() + self._first_load_timeout_s
            self._thread = threading.Thread(
                target=self._keep_reading, name='ecrae-knowledge', daemon=True
            )
            self._thread.start()

    def _keep_reading(self) -> None:
        while not self._is_stopped.is_set():
            self._refresh()
            self._has_tried.set()
            self._is_stopped.wait(self._refresh_interval_s)

    def _refresh(self) -> None:
        try:
            view = self._look()
        except Exception as error:
            # Whatever it is, scheduling goes on and the next try may do.
            self._failing(_summary(error))
            return
        self._view = view
        self._works()
        self._tell_stale(view.hosts.measured.stale)

    def _look(self) -> View:
        facts = self._read()
        knowledge = facts.knowledge
        if not knowledge.tags or not knowledge.node_types:
            raise exception.NotFound('It has no tags or no node types.')
        self._ambiguous &= knowledge.hosts.keys()
        hosts = HostTable(
            knowledge,
            self._ambiguous,
            facts.readings,
            self._wall(),
            self._max_age_s,
            tariff=facts.tariff,
            default_zone=facts.default_zone,
        )
        if self._view is not None:
            hosts.measured.follow(self._view.hosts.measured)
        return View(knowledge, hosts, self._clock())

    def _tell_stale(self, count: int) -> None:
        if count and not self._is_stale:
            LOG.warning(
                '%d measurements of hosts are older than %d s and are left '
                'out; the load of these hosts is estimated.',
                count,
                self._max_age_s,
            )
        if self._is_stale and not count:
            LOG.info('The measurements of hosts are fresh again.')
        self._is_stale = bool(count)

    def _failing(self, reason: str) -> None:
        with self._lock:
            if self._is_failing:
                return
            self._is_failing = True
        LOG.warning(
            'The knowledge base cannot be read (%s). What was last read '
            'serves until it is %d s old; without it, tagged servers are '
            'scheduled as untagged ones.',
            reason,
            self._max_age_s,
        )

    def _works(self) -> None:
        with self._lock:
            if not self._is_failing:
                return
            self._is_failing = False
        LOG.info('The knowledge base is read again.')


def _summary(error: Exception) -> str:
    """First line of an error; database errors go on for many."""
    lines = str(error).splitlines() or ['']
    return f'{type(error).__name__}: {lines[0]}'
