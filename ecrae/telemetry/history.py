# SPDX-License-Identifier: Apache-2.0

"""What was measured over the last hours, of all sources that were asked.

For each subject the first source that knows it is believed, as in a
snapshot; readings that could not be believed then are not believed now.
"""

import collections
import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log as logging

from ecrae import exception
from ecrae.model import snapshot
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.model.snapshot import Limits
from ecrae.telemetry.source import Source


LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class History:
    """Asks the configured sources for what they remember.

    :param priority: sources by metric, the most trusted first.
    :param start: seconds since the epoch, as ``stop`` is.
    :param limits: what a reading must satisfy; its age does not matter.
    """

    sources: Sequence[Source]
    priority: Mapping[Metric, Sequence[str]]
    start: float
    stop: float
    limits: Limits

    def read(
        self, subject: Subject, metric: Metric
    ) -> dict[str, list[Reading]]:
        """Credible readings of a metric by name, oldest first.

        :raises ConfigError: no source is configured for the metric.
        :raises CloudError: no source answered.
        """
        by_name = {source.name: source for source in self.sources}
        names = self.priority[metric]
        if not names:
            raise exception.ConfigError(
                f'No source of {metric}: set [ecrae_telemetry] sources.'
            )
        found: dict[str, list[Reading]] = {}
        failures = []
        for name in names:
            try:
                readings = by_name[name].history(
                    subject, metric, self.start, self.stop
                )
            except exception.CloudError as error:
                LOG.warning(
                    'No history of %s from %s: %s', metric, name, error
                )
                failures.append(str(error))
                continue
            for each, series in self._credible(readings).items():
                found.setdefault(each, series)
        if len(failures) == len(names):
            raise exception.CloudError(' '.join(failures))
        return found

    def _credible(
        self, readings: Sequence[Reading]
    ) -> dict[str, list[Reading]]:
        limits = dataclasses.replace(self.limits, max_age_s=float('inf'))
        series = collections.defaultdict(list)
        for reading in readings:
            if snapshot.fault(reading, self.stop, limits) is None:
                series[reading.name].append(reading)
        return {
            name: sorted(held, key=lambda reading: reading.measured_at)
            for name, held in series.items()
            # Several origins of one name are several hosts.
            if len({reading.origin for reading in held}) == 1
        }
