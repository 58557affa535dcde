# SPDX-License-Identifier: Apache-2.0

"""Load and watts of hosts, and whose load it was, as remembered."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.clients.servers import Server
from ecrae.model import accelerators
from ecrae.model import hints
from ecrae.model import pairing
from ecrae.model import power
from ecrae.model.draw import Moments
from ecrae.model.knowledge import Knowledge
from ecrae.model.power import FloatArray
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.telemetry import learning
from ecrae.telemetry.history import History


Series = Mapping[str, Sequence[Reading]]


def moments(
    known: Knowledge,
    history: History,
    servers: Iterable[Server],
    cores_used: Series,
) -> list[Moments]:
    """Hosts with utilization and watts, and tagged servers on them.

    Hosts whose accelerators have curves of their own are left out: whose
    load that of the boards is, nothing tells.

    :param cores_used: by the server's UUID.
    :raises ConfigError: no source is configured.
    :raises CloudError: no source answered.
    """
    tagged: dict[str, list[Server]] = collections.defaultdict(list)
    for server in servers:
        if (
            server.metadata.get(hints.TAG) in known.tags
            and server.flavor in known.flavors
        ):
            tagged[server.host].append(server)
    hosts = [
        name
        for name in tagged.keys() & known.hosts.keys()
        if not accelerators.idle_w(
            known.node_type_of(known.hosts[name]).accelerators
        )
    ]
    if not hosts:
        return []
    busy = history.read(Subject.HOST, Metric.UTILIZATION)
    drawn = history.read(Subject.HOST, Metric.POWER_W)
    return [
        _moments(
            known,
            name,
            pairing.moments(busy.get(name, ()), drawn.get(name, ())),
            {
                server.id: (server.metadata[hints.TAG], series)
                for server in tagged[name]
                if (
                    series := learning.possible(
                        cores_used.get(server.id, ()),
                        known.flavors[server.flavor],
                    )
                )
            },
        )
        for name in sorted(hosts)
    ]


def _moments(
    known: Knowledge,
    host: str,
    paired: tuple[FloatArray, FloatArray, FloatArray],
    servers: Mapping[str, tuple[str, Sequence[Reading]]],
) -> Moments:
    node_type = known.node_type_of(known.hosts[host])
    at, load, power_w = paired
    curves_w = np.broadcast_to(
        node_type.curve.power_w, (len(at), power.POINTS)
    )
    expected_w = power.watts(curves_w, load)
    cores: dict[str, FloatArray] = {}
    for tag, series in servers.values():
        cores[tag] = cores.get(tag, np.zeros(len(at))) + np.interp(
            at,
            [reading.measured_at for reading in series],
            [reading.value for reading in series],
            # Before and after, it was not there.
            left=0.0,
            right=0.0,
        )
    # What servers used is no more than what the host did.
    total = np.maximum(sum(cores.values()), load * node_type.threads)
    return Moments(
        node_type=node_type.name,
        power_w=power_w,
        expected_w=expected_w,
        dynamic_w=expected_w - node_type.curve.power_w[0],
        shares={
            tag: busy / np.maximum(total, 1e-9) for tag, busy in cores.items()
        },
        servers=collections.Counter(tag for tag, _ in servers.values()),
    )
