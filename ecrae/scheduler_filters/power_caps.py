# SPDX-License-Identifier: Apache-2.0

"""Power caps of hosts and of groups of hosts, out of aggregate metadata."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from oslo_log import log as logging

from ecrae.model.power import FloatArray


LOG = logging.getLogger(__name__)

#: Metadata of an aggregate: watts of each of its hosts.
HOST_CAP = 'ecrae:host_power_cap'
#: Metadata of an aggregate: watts of all of its hosts together.
CAP = 'ecrae:power_cap'


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Hosts that share a cap: a rack, a zone."""

    cap_w: float
    #: Places of its hosts among the request's host states.
    places: list[int]
    #: Hosts of it that are not among them.
    absent: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Caps:
    """All caps that bear on a request's n host states."""

    #: Watts of each host, shape (n,); infinite without a cap.
    host_w: FloatArray
    groups: tuple[Group, ...]


def caps(states: Sequence[Any], host_power_cap: float) -> Caps | None:
    """Caps of the host states; None when there are none.

    :param host_power_cap: watts of every host; 0 for no cap.
    """
    places: dict[int, list[int]] = {}
    aggregates: dict[int, Any] = {}
    for i, state in enumerate(states):
        for aggregate in state.aggregates:
            found = places.get(aggregate.id)
            if found is None:
                aggregates[aggregate.id] = aggregate
                found = places[aggregate.id] = []
            found.append(i)
    everywhere = host_power_cap or math.inf
    host_w = np.full(len(states), everywhere)
    groups = []
    for key, aggregate in aggregates.items():
        here = places[key]
        host_w[here] = np.minimum(host_w[here], _watts(aggregate, HOST_CAP))
        cap_w = _watts(aggregate, CAP)
        if math.isfinite(cap_w):
            present = {states[i].host for i in here}
            absent = frozenset(aggregate.hosts) - present
            groups.append(Group(cap_w, here, absent))
    if not groups and not np.isfinite(host_w).any():
        return None
    return Caps(host_w, tuple(groups))


#: Bad metadata already complained of: each request would repeat it.
_refused: set[tuple[int, str, str]] = set()


def _watts(aggregate: Any, key: str) -> float:
    value = aggregate.metadata.get(key)
    if value is None:
        return math.inf
    try:
        watts = float(value)
    except ValueError:
        watts = math.nan
    if watts >= 0.0:
        return watts
    if (aggregate.id, key, value) not in _refused:
        _refused.add((aggregate.id, key, value))
        LOG.warning(
            'Aggregate %s: %s=%r is not a number of watts and caps nothing.',
            aggregate.name,
            key,
            value,
        )
    return math.inf
