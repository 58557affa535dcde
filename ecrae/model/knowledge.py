# SPDX-License-Identifier: Apache-2.0

"""What the knowledge base knows of workloads: tags and their targets."""

import dataclasses
import enum
from collections.abc import Mapping

from ecrae.model.cluster import Flavor
from ecrae.model.cluster import NodeType


class TagKind(enum.StrEnum):
    """Whether a tag advises or commands."""

    #: Lists candidates; ECRAE ranks them.
    HINT = 'hint'
    #: Names one node type; that hardware or none.
    EXACT = 'exact'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TagTarget:
    """One way to serve a tag, with what profiling measured of it."""

    node_type: NodeType
    flavor: Flavor
    #: 1 is most preferred; breaks ties between equal efficiencies.
    preference: int
    #: Work done by a core against the tag's reference node type.
    relative_speed: float = 1.0
    #: Expected busy part of a vCPU on the reference node type, in [0, 1].
    expected_utilization: float = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A kind of workload as a tenant names it."""

    name: str
    kind: TagKind
    description: str
    targets: tuple[TagTarget, ...]
    #: Free facts for the operator, such as the profiling run's origin.
    source: str = ''


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The whole of what a deployment is decided on, by name."""

    tags: Mapping[str, Tag]
    node_types: Mapping[str, NodeType]
    flavors: Mapping[str, Flavor]
    #: Node type name of each known host, by hostname.
    host_node_types: Mapping[str, str]
