# SPDX-License-Identifier: Apache-2.0

"""What the knowledge base knows of workloads: tags and their targets."""

import dataclasses
import enum
from collections.abc import Mapping

from ecrae.model.cluster import Flavor
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.power import PowerProfile


class TagKind(enum.StrEnum):
    """Whether a tag advises or commands."""

    #: Lists candidates; ECRAE ranks them.
    HINT = 'hint'
    #: Names one node type; that hardware or none.
    EXACT = 'exact'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TagTarget:
    """One way to serve a tag, with what profiling measured of it.

    A tag may name a node type several times, with flavors of different
    sizes; a component takes the smallest that meets its minima.
    """

    node_type: NodeType
    flavor: Flavor
    #: 1 is most preferred; breaks ties between equal efficiencies.
    preference: int
    #: Work done by a core against the tag's reference node type.
    relative_speed: float = 1.0
    #: Expected busy part of a vCPU on the reference node type, in [0, 1].
    expected_utilization: float = 0.5
    #: Expected part of the flavor's memory that is in use, in [0, 1].
    expected_memory: float = 1.0
    #: What a busy core of the tag draws against what its host's curve says
    #: of a busy core.
    relative_draw: float = 1.0
    #: Kind of accelerator that it uses; empty for none.
    accelerator: str = ''
    #: Boards of that kind that it keeps busy on this node type.
    accelerators_busy: float = 0.0

    def order(self) -> tuple[int, str, str]:
        """Key that sorts a tag's targets, the most preferred first."""
        return self.preference, self.node_type.name, self.flavor.name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A kind of workload as a tenant names it."""

    name: str
    kind: TagKind
    description: str
    targets: tuple[TagTarget, ...]
    #: Free facts for the operator, such as the profiling run's origin.
    source: str = ''

    def target(self, node_type: str, flavor: str) -> TagTarget | None:
        """What says most of a server of this flavor on this node type.

        A target of its flavor counts before one of its node type alone; None
        where the tag has neither.
        """
        fitting = [
            each
            for each in self.targets
            if flavor == each.flavor.name or node_type == each.node_type.name
        ]
        return min(
            fitting,
            key=lambda each: (
                each.flavor.name != flavor,
                each.node_type.name != node_type,
                each.order(),
            ),
            default=None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KnownHost:
    """What the knowledge base says of a compute host."""

    name: str
    #: Name of its node type.
    node_type: str
    #: Nova does not know of sleep, so it is remembered here.
    state: HostState = HostState.AWAKE
    #: Name of the power profile measured on this very host; empty for that
    #: of its node type.
    power_profile: str = ''


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The whole of what a deployment is decided on, by name."""

    tags: Mapping[str, Tag]
    node_types: Mapping[str, NodeType]
    flavors: Mapping[str, Flavor]
    hosts: Mapping[str, KnownHost] = dataclasses.field(default_factory=dict)
    power_profiles: Mapping[str, PowerProfile] = dataclasses.field(
        default_factory=dict
    )

    @property
    def host_node_types(self) -> dict[str, str]:
        """Node type name of each known host, by hostname."""
        return {name: host.node_type for name, host in self.hosts.items()}

    def node_type_of(self, host: KnownHost) -> NodeType:
        """A host's hardware, with the host's own curve where it has one.

        :raises KeyError: there is no such node type.
        """
        node_type = self.node_types[host.node_type]
        own = self.power_profiles.get(host.power_profile)
        if own is None:
            return node_type
        return dataclasses.replace(
            node_type, curve=own.curve, power_profile=own.name
        )
