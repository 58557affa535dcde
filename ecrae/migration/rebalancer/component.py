# SPDX-License-Identifier: Apache-2.0

"""How far a component is from what its owner finds too much. Pure.

Its *strain* is its load, or its requests a second, against the threshold that
its owner or the operator set. On another host the same work strains it by ::

    strain' = strain · s(here) / s(there) · c(there) / c(here)
    c       = max(1, u / 0.9)

with ``s`` the relative speed that profiling measured for the tag and ``u``
the host's utilization, there with the component on it: a host busier than
that serves nobody at full speed.
"""

import dataclasses

from ecrae.model.cluster import Host
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagTarget


#: Utilization above which everything on a host gets slower.
CROWDED = 0.9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A workload that has a threshold, as it is now."""

    id: str
    #: Hostname.
    host: str
    vcpus: float
    memory_mib: float
    #: Cores kept busy.
    busy_cores: float
    #: None where nothing measures it.
    requests_per_s: float | None = None
    #: What a move copies; None where that is all of its memory.
    memory_used_mib: float | None = None
    #: Busy part of its vCPUs that is too much; None: no such threshold.
    max_load: float | None = None
    max_requests_per_s: float | None = None
    #: None for a component without a tag: as fast anywhere.
    tag: Tag | None = None
    is_relocatable: bool = False

    @property
    def strain(self) -> float:
        """The worse of load and requests against their thresholds."""
        strains = [0.0]
        if self.max_load:
            strains.append(self.busy_cores / self.vcpus / self.max_load)
        if self.max_requests_per_s and self.requests_per_s is not None:
            strains.append(self.requests_per_s / self.max_requests_per_s)
        return max(strains)


def strain_at(component: Component, here: Host, there: Host) -> float:
    """Its strain on another host than the one where it is."""
    relative = speed(component, here) / speed(component, there)
    added = component.busy_cores * relative / there.node_type.cores
    crowding = _crowding(there.utilization + added)
    return component.strain * relative * crowding / _crowding(here.utilization)


def _crowding(utilization: float) -> float:
    return max(1.0, utilization / CROWDED)


def speed(component: Component, host: Host) -> float:
    """Relative speed of the tag on a host; 1 where nobody measured it."""
    target = _target(component, host)
    return target.relative_speed if target else 1.0


def draw(component: Component, host: Host) -> float:
    """What its busy cores draw on a host against the host's curve."""
    target = _target(component, host)
    return target.relative_draw if target else 1.0


def _target(component: Component, host: Host) -> TagTarget | None:
    for target in component.tag.targets if component.tag else ():
        if target.node_type.name == host.node_type.name:
            return target
    return None
