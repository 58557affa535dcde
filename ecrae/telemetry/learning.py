# SPDX-License-Identifier: Apache-2.0

"""What servers with a tag used, out of what telemetry remembers of them."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from ecrae.clients.servers import Server
from ecrae.model import hints
from ecrae.model.knowledge import Knowledge
from ecrae.model.learning import Usage
from ecrae.model.reading import Reading


#: A server uses no more than its vCPUs; a little rounding is forgiven.
ROUNDING = 1.05


def usages(
    known: Knowledge,
    servers: Iterable[Server],
    series: Mapping[str, Sequence[Reading]],
    requests: Mapping[str, Sequence[Reading]],
) -> dict[str, list[Usage]]:
    """Usage of each server that ECRAE placed, by tag.

    A server is taken to have run where it is now; where the knowledge base
    does not know its host, on the node type that it was meant for.

    :param series: cores used, by the server's UUID.
    :param requests: those served in a second, by the server's UUID.
    """
    found = collections.defaultdict(list)
    for server in servers:
        tag = server.metadata.get(hints.TAG, '')
        flavor = known.flavors.get(server.flavor)
        if tag not in known.tags or flavor is None:
            continue
        values = [
            reading.value
            for reading in series.get(server.id, ())
            if reading.value <= flavor.vcpus * ROUNDING
        ]
        served = [reading.value for reading in requests.get(server.id, ())]
        if values:
            found[tag].append(
                Usage(
                    node_type=_node_type(known, server),
                    flavor=flavor.name,
                    cores_used=sum(values) / len(values),
                    samples=len(values),
                    requests_per_s=sum(served) / len(served)
                    if served
                    else None,
                )
            )
    return dict(found)


def _node_type(known: Knowledge, server: Server) -> str:
    host = known.hosts.get(server.host)
    if host is not None:
        return host.node_type
    return server.metadata.get(hints.NODE_TYPE, '')
