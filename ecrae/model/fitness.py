# SPDX-License-Identifier: Apache-2.0

"""What each host is good for at this moment."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.model import accelerators
from ecrae.model import host_arrays
from ecrae.model import power
from ecrae.model import ranking
from ecrae.model.cluster import Host
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import Tag
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff


#: A host is good for a tag when it is at most this much below the best.
TOLERANCE = 0.1

#: One more typical component, for comparing hosts across tags.
TYPICAL_VCPUS = 1.0
TYPICAL_BUSY_FRACTION = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """How a host looks to the ranking."""

    power_w: float
    #: Part of them that accelerators with curves of their own draw.
    accelerator_power_w: float
    #: Watts that one typical component would add.
    marginal_power_w: float
    #: Busy cores for each of those watts.
    efficiency: float
    #: Tags for which the host is, or nearly is, the best.
    tags: list[str]


def of_hosts(
    hosts: Sequence[Host],
    tags: Mapping[str, Tag],
    tariff: Tariff = PLAIN,
) -> list[Fitness]:
    """How each host looks, in the given order."""
    arrays = HostArrays.of(hosts, tariff)
    typical = ranking.marginal(
        arrays, TYPICAL_VCPUS, TYPICAL_BUSY_FRACTION, 1.0
    )
    draw_w = host_arrays.draw_w(arrays)
    suits: list[list[str]] = [[] for _ in hosts]
    for name, tag in sorted(tags.items()):
        merit = _merit(hosts, arrays, tag)
        if merit.max(initial=0.0) > 0:
            good = merit >= (1 - TOLERANCE) * merit.max()
            for place in np.flatnonzero(good):
                suits[place].append(name)
    return [
        Fitness(
            power_w=float(draw_w[i]),
            accelerator_power_w=_boards_w(host),
            marginal_power_w=float(typical.power_w[i]),
            efficiency=float(typical.efficiency[i]),
            tags=suits[i],
        )
        for i, host in enumerate(hosts)
    ]


def _boards_w(host: Host) -> float:
    if host.is_asleep:
        return 0.0
    return accelerators.draw_w(
        host.node_type.accelerators, host.accelerator_utilization
    )


def _merit(
    hosts: Sequence[Host], arrays: HostArrays, tag: Tag
) -> power.FloatArray:
    """Best merit of the tag's targets on each host; 0 where none is."""
    names = np.array([host.node_type.name for host in hosts])
    best = np.zeros(len(hosts))
    for target in tag.targets:
        result = ranking.marginal_of(arrays, target)
        here = names == target.node_type.name
        best[here] = np.maximum(best[here], result.merit[here])
    return best
