# SPDX-License-Identifier: Apache-2.0

"""What each host is good for at this moment."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.model import power
from ecrae.model import ranking
from ecrae.model.cluster import Host
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
    arrays = ranking.HostArrays.of(hosts, tariff)
    typical = ranking.marginal(
        arrays, TYPICAL_VCPUS, TYPICAL_BUSY_FRACTION, 1.0
    )
    draw_w = np.where(
        arrays.is_asleep,
        arrays.sleep_w,
        power.watts(arrays.curves_w, arrays.utilization),
    )
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
            marginal_power_w=float(typical.power_w[i]),
            efficiency=float(typical.efficiency[i]),
            tags=suits[i],
        )
        for i in range(len(hosts))
    ]


def _merit(
    hosts: Sequence[Host], arrays: ranking.HostArrays, tag: Tag
) -> power.FloatArray:
    """Best merit of the tag's targets on each host; 0 where none is."""
    names = np.array([host.node_type.name for host in hosts])
    best = np.zeros(len(hosts))
    for target in tag.targets:
        result = ranking.marginal(
            arrays,
            target.flavor.vcpus,
            target.expected_utilization,
            target.relative_speed,
        )
        here = names == target.node_type.name
        best[here] = np.maximum(best[here], result.merit[here])
    return best
