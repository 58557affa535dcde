# SPDX-License-Identifier: Apache-2.0

"""One round of the collector: ask the sources, keep what is credible."""

from collections.abc import Collection
from collections.abc import Iterable

from ecrae.kb import knowledge
from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.model import accelerators
from ecrae.model import snapshot
from ecrae.model.knowledge import Knowledge
from ecrae.model.power import PowerCurve
from ecrae.model.reading import Reading
from ecrae.model.snapshot import Limits
from ecrae.model.snapshot import Snapshot
from ecrae.telemetry.collector import Collector


def collect(
    database: Database, collector: Collector, max_age_s: float
) -> tuple[Knowledge, Snapshot]:
    """Take a snapshot and keep its readings in the knowledge base.

    What a source said last stands while it does not answer, until it is too
    old to be believed.

    :returns: what was known before, and what is kept now.
    :raises ConfigError: the knowledge base cannot be reached.
    """
    with database.reader() as session:
        known = knowledge.load(session)
    taken = collector.collect(limits(known, max_age_s))
    with database.writer() as session:
        old = _still_good(
            readings.list_all(session), taken, collector.failures, max_age_s
        )
        kept = snapshot.of_readings(
            [*taken.readings, *old], taken.taken_at, taken.rejections
        )
        readings.replace_all(session, kept.readings)
    return known, kept


def _still_good(
    before: Iterable[Reading],
    taken: Snapshot,
    silent: Collection[str],
    max_age_s: float,
) -> list[Reading]:
    """Readings of silent sources in whose place there is no other."""
    fresh = {(r.subject, r.name, r.metric) for r in taken.readings}
    return [
        reading
        for reading in before
        if reading.source in silent
        and taken.taken_at - reading.measured_at <= max_age_s
        and (reading.subject, reading.name, reading.metric) not in fresh
    ]


def limits(known: Knowledge, max_age_s: float) -> Limits:
    """What readings of the known hosts must satisfy."""
    types = {
        host.name: known.node_type_of(host) for host in known.hosts.values()
    }
    return Limits(
        max_age_s=max_age_s,
        host_max_w={
            name: node_type.curve.power_w[-1]
            + accelerators.busy_w(node_type.accelerators, 1.0)
            for name, node_type in types.items()
        },
        host_min_w={
            name: _least_w(node_type.curve)
            for name, node_type in types.items()
        },
        host_memory_mib={
            name: node_type.memory_mib for name, node_type in types.items()
        },
    )


def _least_w(curve: PowerCurve) -> float:
    """Below what an idle host can draw, and half of what a sleeping one does.

    Kilowatts lie there, and the nought of a sensor that has none.
    """
    return min(curve.power_w[0] / snapshot.ABSURD_FACTOR, curve.sleep_w / 2.0)
