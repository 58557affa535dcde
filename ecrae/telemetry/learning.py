# SPDX-License-Identifier: Apache-2.0

"""What servers with a tag used, out of what telemetry remembers of them."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from ecrae.clients.servers import Server
from ecrae.model import hints
from ecrae.model.cluster import Flavor
from ecrae.model.knowledge import Knowledge
from ecrae.model.learning import Usage
from ecrae.model.reading import Reading


#: A server uses no more than its vCPUs; a little rounding is forgiven.
ROUNDING = 1.05

#: Nor more than its memory and what the hypervisor needs to run it.
OVERHEAD = 1.25


def usages(
    known: Knowledge,
    servers: Iterable[Server],
    series: Mapping[str, Sequence[Reading]],
    requests: Mapping[str, Sequence[Reading]],
    memory: Mapping[str, Sequence[Reading]],
) -> dict[str, list[Usage]]:
    """Usage of each server that ECRAE placed, by tag.

    A server is taken to have run where it is now; where the knowledge base
    does not know its host, on the node type that it was meant for.

    :param series: cores used, by the server's UUID.
    :param requests: those served in a second, by the server's UUID.
    :param memory: MiB used, by the server's UUID.
    """
    found = collections.defaultdict(list)
    for server in servers:
        tag = server.metadata.get(hints.TAG, '')
        flavor = known.flavors.get(server.flavor)
        if tag not in known.tags or flavor is None:
            continue
        values = [
            reading.value
            for reading in possible(series.get(server.id, ()), flavor)
        ]
        served = [reading.value for reading in requests.get(server.id, ())]
        parts = _memory_parts(memory.get(server.id, ()), flavor)
        if values or parts:
            found[tag].append(
                Usage(
                    node_type=_node_type(known, server),
                    flavor=flavor.name,
                    cores_used=_mean(values),
                    samples=len(values),
                    requests_per_s=_mean(served) if served else None,
                    memory=_mean(parts),
                    memory_samples=len(parts),
                )
            )
    return dict(found)


def possible(cores: Iterable[Reading], flavor: Flavor) -> list[Reading]:
    """Cores used, without what no server of the flavor can use."""
    return [
        reading
        for reading in cores
        if reading.value <= flavor.vcpus * ROUNDING
    ]


def _memory_parts(readings: Iterable[Reading], flavor: Flavor) -> list[float]:
    """Part of a flavor's memory in use, of readings that can be."""
    return [
        min(1.0, reading.value / flavor.memory_mib)
        for reading in readings
        if reading.value <= flavor.memory_mib * OVERHEAD
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _node_type(known: Knowledge, server: Server) -> str:
    host = known.hosts.get(server.host)
    if host is not None:
        return host.node_type
    return server.metadata.get(hints.NODE_TYPE, '')
