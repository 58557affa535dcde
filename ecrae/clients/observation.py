# SPDX-License-Identifier: Apache-2.0

"""The cloud at this moment, as the deployer and the rebalancer want it.

Nova knows a host, Placement its room, the knowledge base its hardware; only
a host that all three know can be chosen.
"""

import collections

import numpy as np
from oslo_log import log

from ecrae.clients import compute
from ecrae.clients import placement
from ecrae.clients.compute import Hypervisor
from ecrae.clients.placement import Room
from ecrae.clients.session import Connection
from ecrae.model import load
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Host
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost


LOG = log.getLogger(__name__)

#: Hosts already complained of: each observation would repeat it.
_skipped: set[str] = set()


def observe(
    connection: Connection,
    knowledge: Knowledge,
    *,
    project_id: str | None = None,
) -> Cluster:
    """Hosts with their room and load, flavors and images.

    Utilization is estimated from what is allocated; who has telemetry
    replaces it.

    :param project_id: whose images count, for an account that sees all.
    :raises Forbidden: the account may not see hosts.
    :raises CloudError: an API failed.
    """
    return Cluster(
        hosts=tuple(observe_hosts(connection, knowledge)),
        flavors=tuple(compute.list_flavors(connection)),
        images=tuple(compute.list_images(connection, project_id)),
    )


def observe_hosts(connection: Connection, knowledge: Knowledge) -> list[Host]:
    """Hosts whose hardware the knowledge base knows, in Nova's order.

    :raises Forbidden: the account may not see hosts.
    :raises CloudError: an API failed.
    """
    known = []
    hypervisors = list(compute.list_hypervisors(connection))
    times = collections.Counter(each.host for each in hypervisors)
    for hypervisor in hypervisors:
        known_host = _known_host(hypervisor, knowledge)
        if times[hypervisor.host] > 1:
            # Neither measurements nor a hint could tell which is meant.
            _skip(hypervisor.host, 'hosts in different cells share its name')
        elif known_host is None:
            _skip(hypervisor.host, 'the knowledge base has no such host')
        else:
            known.append((hypervisor, known_host))
    rooms = placement.list_rooms(
        connection, [hypervisor.uuid for hypervisor, _ in known]
    )
    hosts = []
    for hypervisor, known_host in known:
        if hypervisor.uuid in rooms:
            node_type = knowledge.node_type_of(known_host)
            state = _state(hypervisor.state, known_host.state)
            room = rooms[hypervisor.uuid]
            hosts.append(_host(hypervisor, node_type, state, room))
        else:
            _skip(hypervisor.host, 'Placement has no inventory of it')
    return hosts


def _known_host(
    hypervisor: Hypervisor, knowledge: Knowledge
) -> KnownHost | None:
    return knowledge.hosts.get(hypervisor.host) or knowledge.hosts.get(
        hypervisor.hypervisor_hostname
    )


def _state(seen: HostState, remembered: HostState) -> HostState:
    """State of a host of which Nova sees one thing and we remember another.

    A host put to sleep is merely down to Nova, so what is remembered counts
    until Nova sees the host up and enabled again.
    """
    if remembered is HostState.ASLEEP:
        return seen if seen is HostState.AWAKE else remembered
    if remembered is HostState.DRAINING and seen is HostState.AWAKE:
        return remembered
    return seen


def _host(
    hypervisor: Hypervisor, node_type: NodeType, state: HostState, room: Room
) -> Host:
    utilization = load.allocated_utilization(
        np.array([room.vcpus_used]), np.array([float(node_type.cores)])
    )
    return Host(
        name=hypervisor.host,
        node_type=node_type,
        vcpus_free=room.vcpus_free,
        memory_free_mib=room.memory_free_mib,
        disk_free_gib=room.disk_free_gib,
        utilization=float(utilization[0]),
        state=state,
        zone=hypervisor.zone,
        aggregates=hypervisor.aggregates,
        traits=room.traits,
    )


def _skip(host: str, reason: str) -> None:
    if host not in _skipped:
        _skipped.add(host)
        LOG.warning('Host %s takes no part: %s.', host, reason)
