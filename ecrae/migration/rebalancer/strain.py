# SPDX-License-Identifier: Apache-2.0

"""Components with a threshold, out of what was seen of servers. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from ecrae.migration.rebalancer.component import Component
from ecrae.model import hints
from ecrae.model import reading
from ecrae.model.fleet import FleetServer
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import Tag
from ecrae.model.load import DEFAULT_BUSY_FRACTION
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


def components(
    servers: Sequence[FleetServer],
    readings: Iterable[Reading],
    knowledge: Knowledge,
    max_load: float | None,
) -> tuple[Component, ...]:
    """Servers of which that is measured for which they have a threshold.

    One whose threshold cannot be read has none, and one that is pinned, or
    that something is being done with, is left alone.

    :param max_load: of servers that name none; None: they have none.
    """
    values = reading.values(readings, Subject.INSTANCE)
    found = []
    for server in servers:
        marks = server.metadata, server.extra_specs
        limit = _limit(server, hints.MAX_LOAD) or max_load
        most = _limit(server, hints.MAX_REQUESTS_PER_S)
        busy = values.get((server.id, Metric.CPU_CORES_USED))
        rate = values.get((server.id, Metric.REQUESTS_PER_S))
        is_loaded = limit is not None and busy is not None
        if not is_loaded and (most is None or rate is None):
            continue
        if server.task or server.is_locked or hints.is_pinned(*marks):
            continue
        tag = knowledge.tags.get(hints.mark(hints.TAG, *marks))
        found.append(
            Component(
                id=server.id,
                host=server.host,
                vcpus=server.vcpus,
                memory_mib=server.memory_mib,
                busy_cores=server.vcpus * DEFAULT_BUSY_FRACTION
                if busy is None
                else busy,
                requests_per_s=rate,
                memory_used_mib=_memory_used_mib(server, values, tag),
                # An estimate is no reason to move anything.
                max_load=limit if is_loaded else None,
                max_requests_per_s=most,
                tag=tag,
                is_relocatable=hints.is_relocatable(*marks),
            )
        )
    return tuple(found)


def _memory_used_mib(
    server: FleetServer,
    values: Mapping[tuple[str, Metric], float],
    tag: Tag | None,
) -> float:
    """As measured, or as the tag expects of the flavor."""
    target = tag.target('', server.flavor) if tag else None
    expected = target.expected_memory if target else 1.0
    used_mib = values.get(
        (server.id, Metric.MEMORY_USED_MIB), server.memory_mib * expected
    )
    return min(used_mib, server.memory_mib)


def _limit(server: FleetServer, key: str) -> float | None:
    try:
        value = float(hints.mark(key, server.metadata, server.extra_specs))
    except ValueError:
        return None
    return value if 0.0 < value < float('inf') else None
