# SPDX-License-Identifier: Apache-2.0

"""What the cloud is doing at one moment, out of readings of many sources.

:func:`assemble` decides which readings can be believed and which source's
word counts. It is pure: the collector fetches, this decides.
"""

import collections
import dataclasses
import math
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.model.power import FloatArray
from ecrae.model.reading import METRICS
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


#: A clock of another machine may be ahead of ours by this much.
CLOCK_SKEW_S = 60.0

#: Readings beyond this multiple of what the node can do are sensor faults:
#: RAPL counters that wrap and BMCs that glitch exceed it by far, measured
#: nodes never come near.
ABSURD_FACTOR = 10.0


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One metric over n names; NaN where nothing credible is known."""

    values: FloatArray
    #: Seconds from the measurement to the snapshot.
    age_s: FloatArray


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """The metrics of one kind of subject, all columns of shape (n,)."""

    names: tuple[str, ...]
    columns: Mapping[Metric, Column]

    def value(self, name: str, metric: Metric) -> float | None:
        """The value for a name; None where nothing credible is known."""
        if name not in self.names:
            return None
        value = self.columns[metric].values[self.names.index(name)]
        return None if math.isnan(value) else float(value)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Readings of one source that were not believed, counted by reason."""

    source: str
    metric: Metric
    reason: str
    count: int
    #: One of them, for the log.
    example: Reading


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that is measured of the cloud at one moment."""

    #: Seconds since the epoch.
    taken_at: float
    hosts: Table
    instances: Table
    #: The readings behind the columns.
    readings: tuple[Reading, ...]
    rejections: tuple[Rejection, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a reading must satisfy to be believed."""

    max_age_s: float
    #: Watts at full load by hostname; absent for an unknown host.
    host_max_w: Mapping[str, float] = dataclasses.field(default_factory=dict)
    #: Fewer watts than these are another unit's, or no reading at all.
    host_min_w: Mapping[str, float] = dataclasses.field(default_factory=dict)
    #: Memory by hostname.
    host_memory_mib: Mapping[str, float] = dataclasses.field(
        default_factory=dict
    )


_Cell = tuple[Subject, str, Metric]
_Faults = dict[tuple[str, Metric, str], list[Reading]]


def fault(reading: Reading, now: float, limits: Limits) -> str | None:
    """Why a reading cannot be believed, or None.

    :param now: seconds since the epoch.
    """
    if not math.isfinite(reading.value):
        return 'not a number'
    if reading.value < 0:
        return 'negative'
    if now - reading.measured_at > limits.max_age_s:
        return 'stale'
    if reading.measured_at - now > CLOCK_SKEW_S:
        return 'from the future'
    if reading.value > _ceiling(reading, limits):
        return 'absurdly large'
    if reading.value < _floor(reading, limits):
        return 'absurdly small'
    return None


def _floor(reading: Reading, limits: Limits) -> float:
    if reading.subject is Subject.HOST and reading.metric is Metric.POWER_W:
        return limits.host_min_w.get(reading.name, 0.0)
    return 0.0


def _ceiling(reading: Reading, limits: Limits) -> float:
    if reading.metric in (Metric.UTILIZATION, Metric.ACCELERATOR_UTILIZATION):
        # A busy part has a hard top; a little rounding is forgiven.
        return 1.05
    if reading.subject is Subject.HOST and reading.metric is Metric.POWER_W:
        known_w = limits.host_max_w.get(reading.name, math.inf)
        return ABSURD_FACTOR * known_w
    if reading.metric is Metric.MEMORY_USED_MIB:
        known_mib = limits.host_memory_mib.get(reading.name, math.inf)
        return ABSURD_FACTOR * known_mib
    return math.inf


def assemble(
    readings: Iterable[Reading],
    priority: Mapping[Metric, Sequence[str]],
    now: float,
    limits: Limits,
) -> Snapshot:
    """Believe what can be believed, and of that the source that counts most.

    Within one source the newest reading of a metric wins.

    :param priority: sources of each metric, the preferred first; a source
        that is not listed for a metric is not asked about it.
    :param now: seconds since the epoch.
    """
    rank = {
        (metric, source): place
        for metric, sources in priority.items()
        for place, source in enumerate(sources)
    }
    faults: _Faults = collections.defaultdict(list)
    cells: dict[_Cell, list[Reading]] = collections.defaultdict(list)
    for reading in readings:
        if (reading.metric, reading.source) not in rank:
            continue
        reason = fault(reading, now, limits)
        if reason:
            faults[reading.source, reading.metric, reason].append(reading)
        else:
            cells[reading.subject, reading.name, reading.metric].append(
                reading
            )
    best = [
        chosen
        for cell in cells.values()
        if (chosen := _choose(cell, rank, faults)) is not None
    ]
    return of_readings(
        best,
        now,
        tuple(
            Rejection(
                source=source,
                metric=metric,
                reason=reason,
                count=len(rejected),
                example=rejected[0],
            )
            for (source, metric, reason), rejected in sorted(faults.items())
        ),
    )


def _choose(
    cell: Sequence[Reading],
    rank: Mapping[tuple[Metric, str], int],
    faults: _Faults,
) -> Reading | None:
    """The newest reading of the best source that knows who it speaks of."""
    by_source: dict[str, list[Reading]] = collections.defaultdict(list)
    for reading in cell:
        by_source[reading.source].append(reading)
    metric = cell[0].metric
    for source in sorted(by_source, key=lambda s: rank[metric, s]):
        offered = by_source[source]
        if len({reading.origin for reading in offered}) == 1:
            return max(offered, key=lambda reading: reading.measured_at)
        faults[source, metric, 'two of one name'].extend(offered)
    return None


def of_readings(
    readings: Iterable[Reading],
    now: float,
    rejections: tuple[Rejection, ...] = (),
) -> Snapshot:
    """Columns out of readings that are already chosen, one for each cell."""
    held = tuple(sorted(readings, key=lambda r: (r.subject, r.name, r.metric)))
    return Snapshot(
        taken_at=now,
        hosts=_table(Subject.HOST, held, now),
        instances=_table(Subject.INSTANCE, held, now),
        readings=held,
        rejections=rejections,
    )


def _table(subject: Subject, readings: Sequence[Reading], now: float) -> Table:
    of_subject = [r for r in readings if r.subject is subject]
    names = tuple(sorted({reading.name for reading in of_subject}))
    place = {name: i for i, name in enumerate(names)}
    columns = {
        metric: Column(
            np.full(len(names), np.nan), np.full(len(names), np.nan)
        )
        for metric in METRICS[subject]
    }
    for reading in of_subject:
        column = columns[reading.metric]
        column.values[place[reading.name]] = reading.value
        column.age_s[place[reading.name]] = max(0.0, now - reading.measured_at)
    return Table(names, columns)
