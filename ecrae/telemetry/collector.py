# SPDX-License-Identifier: Apache-2.0

"""Asks all sources at once and never waits for a slow one.

Each source answers in a thread of its own. What answers in time becomes part
of the snapshot; a source that is still busy with the last question is not
asked a second one.
"""

import threading
import time
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log as logging

from ecrae import exception
from ecrae.model import snapshot as snapshots
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.snapshot import Limits
from ecrae.model.snapshot import Rejection
from ecrae.model.snapshot import Snapshot
from ecrae.telemetry.source import Source


LOG = logging.getLogger(__name__)


class _Question(threading.Thread):
    """One question to one source."""

    def __init__(self, source: Source, now: float) -> None:
        super().__init__(name=f'telemetry-{source.name}', daemon=True)
        self._source = source
        self._now = now
        self.answer: list[Reading] = []
        self.error: str = ''

    def run(self) -> None:
        """Ask; a failure is an answer too."""
        try:
            self.answer = self._source.latest(self._now)
        except exception.EcraeError as error:
            self.error = str(error)
        except Exception as error:
            # A source that breaks in an unforeseen way is one source less.
            LOG.exception('Telemetry source %s broke', self._source.name)
            self.error = f'{type(error).__name__}: {error}'


class Collector:
    """Turns many sources into one snapshot.

    :param priority: sources by metric, the most trusted first.
    :param timeout_s: how long to wait for all sources together.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        priority: Mapping[Metric, Sequence[str]],
        *,
        timeout_s: float,
    ) -> None:
        self._sources = sources
        self._priority = priority
        self._timeout_s = timeout_s
        self._asked: dict[str, _Question] = {}
        self._silent: dict[str, str] = {}
        self._known_faults: set[tuple[str, Metric, str]] = set()
        #: Rejected readings since the start, by source, metric and reason.
        self.rejected: dict[tuple[str, Metric, str], int] = {}

    @property
    def metrics(self) -> frozenset[Metric]:
        """Metrics that some source is asked for."""
        return frozenset(
            metric for metric, names in self._priority.items() if names
        )

    @property
    def failures(self) -> Mapping[str, str]:
        """Sources that do not answer at present, and why."""
        return self._silent

    def collect(self, limits: Limits) -> Snapshot:
        """Ask every source and wait until the time is up.

        Never raises for what a source does; see :attr:`failures`.
        """
        now = time.time()
        self._ask(now)
        readings: list[Reading] = []
        deadline = time.monotonic() + self._timeout_s
        for source in self._sources:
            question = self._asked[source.name]
            question.join(max(0.0, deadline - time.monotonic()))
            if question.is_alive():
                self._note(source.name, f'no answer in {self._timeout_s:g} s')
                continue
            del self._asked[source.name]
            self._note(source.name, question.error)
            readings.extend(question.answer)
        taken = snapshots.assemble(readings, self._priority, now, limits)
        for rejection in taken.rejections:
            self._count(rejection)
        self._known_faults &= {
            (r.source, r.metric, r.reason) for r in taken.rejections
        }
        return taken

    def _ask(self, now: float) -> None:
        for source in self._sources:
            if source.name not in self._asked:
                question = _Question(source, now)
                self._asked[source.name] = question
                question.start()

    def _note(self, name: str, error: str) -> None:
        """Log a source's failure and recovery once each."""
        if error and name not in self._silent:
            LOG.warning(
                'Telemetry source %s is left out until it answers: %s',
                name,
                error,
            )
        if not error and name in self._silent:
            LOG.info('Telemetry source %s answers again', name)
        if error:
            self._silent[name] = error
        else:
            self._silent.pop(name, None)

    def _count(self, rejection: Rejection) -> None:
        key = (rejection.source, rejection.metric, rejection.reason)
        self.rejected[key] = self.rejected.get(key, 0) + rejection.count
        if key in self._known_faults:
            return
        self._known_faults.add(key)
        LOG.warning(
            'Telemetry source %(source)s: %(count)d readings of %(metric)s '
            'are not believed: %(reason)s, such as %(value)g for %(name)s',
            {
                'source': rejection.source,
                'count': rejection.count,
                'metric': rejection.metric,
                'reason': rejection.reason,
                'value': rejection.example.value,
                'name': rejection.example.name,
            },
        )
