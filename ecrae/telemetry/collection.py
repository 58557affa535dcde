# SPDX-License-Identifier: Apache-2.0

"""One round of the collector: ask the sources, keep what is credible."""

from ecrae.kb import knowledge
from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.model.knowledge import Knowledge
from ecrae.model.snapshot import Limits
from ecrae.model.snapshot import Snapshot
from ecrae.telemetry.collector import Collector


def collect(
    database: Database, collector: Collector, max_age_s: float
) -> Snapshot:
    """Take a snapshot and keep its readings in the knowledge base.

    A round in which no source answers keeps nothing, so readings that grow
    old are dropped rather than believed for ever.

    :raises ConfigError: the knowledge base cannot be reached.
    """
    with database.reader() as session:
        known = knowledge.load(session)
    taken = collector.collect(limits(known, max_age_s))
    with database.writer() as session:
        readings.replace_all(session, taken.readings)
    return taken


def limits(known: Knowledge, max_age_s: float) -> Limits:
    """What readings of the known hosts must satisfy."""
    types = {
        host.name: known.node_type_of(host) for host in known.hosts.values()
    }
    return Limits(
        max_age_s=max_age_s,
        host_max_w={
            name: node_type.curve.power_w[-1]
            for name, node_type in types.items()
        },
        host_memory_mib={
            name: node_type.memory_mib for name, node_type in types.items()
        },
    )
