# SPDX-License-Identifier: Apache-2.0

"""Says which known hosts nobody measures, once each time that changes."""

from collections.abc import Collection

import numpy as np
from oslo_log import log as logging

from ecrae.model.reading import Metric
from ecrae.model.snapshot import Snapshot


LOG = logging.getLogger(__name__)

#: What it means for a host that a metric of it is not known.
CONSEQUENCES = {
    Metric.UTILIZATION: 'load is estimated from what is allocated there',
    Metric.POWER_W: 'watts are taken from the power curve',
}

#: So many hosts a line names.
EXAMPLES = 3


class Coverage:
    """Remembers which hosts were not measured, to tell of changes alone.

    :param metrics: those that some source is asked for.
    """

    def __init__(self, metrics: Collection[Metric]) -> None:
        self._missing: dict[Metric, frozenset[str]] = {
            metric: frozenset() for metric in CONSEQUENCES if metric in metrics
        }

    def note(self, known: Collection[str], taken: Snapshot) -> None:
        """Log hosts that are measured no more, or not yet, or again."""
        for metric, before in self._missing.items():
            measured = _measured(metric, taken)
            missing = frozenset(known) - measured
            if lost := missing - before:
                LOG.warning(
                    'No credible %s of %s: %s until there is one',
                    metric,
                    _names(lost),
                    CONSEQUENCES[metric],
                )
            if found := before & measured:
                LOG.info('There is %s of %s again', metric, _names(found))
            self._missing[metric] = missing


def _measured(metric: Metric, taken: Snapshot) -> frozenset[str]:
    is_known = ~np.isnan(taken.hosts.columns[metric].values)
    return frozenset(
        name
        for name, is_measured in zip(taken.hosts.names, is_known, strict=True)
        if is_measured
    )


def _names(hosts: Collection[str]) -> str:
    named = ', '.join(sorted(hosts)[:EXAMPLES])
    rest = len(hosts) - EXAMPLES
    return f'{named} and {rest} more hosts' if rest > 0 else f'host {named}'
