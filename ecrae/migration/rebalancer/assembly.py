# SPDX-License-Identifier: Apache-2.0

"""What was seen of a cloud, as the optimizer's snapshot. Pure.

Where a server's needs are not told by Nova's API, its present host is taken
as the pattern: a destination must then offer what that one offers (traits,
aggregates, zone). That forbids a few moves which Nova would allow, and asks
for none that it would refuse.
"""

import collections
import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model import accelerators
from ecrae.model import cluster
from ecrae.model import hints
from ecrae.model import host_arrays
from ecrae.model import reading
from ecrae.model import tariff as tariffs
from ecrae.model.agent import Agent
from ecrae.model.fleet import FleetServer
from ecrae.model.fleet import ServerGroup
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import TagTarget
from ecrae.model.load import DEFAULT_BUSY_FRACTION
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff


#: Room of hosts whose disks are not Placement's business; finite, because
#: infinities do not subtract.
BOUNDLESS_GIB = 1e9

#: Trait given to hosts whose agent runs a driver, for that driver's
#: containers; Placement knows nothing of it.
_DRIVER_TRAIT = 'ECRAE_AGENT_{}'

#: Status of a server that Nova migrates live.
_MOVABLE = 'ACTIVE'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the sources said, each in its own words."""

    hosts: Sequence[cluster.Host]
    servers: Sequence[FleetServer]
    groups: Sequence[ServerGroup]
    #: Agents that are up.
    agents: Sequence[Agent]
    #: Credible, and no older than allowed.
    readings: Sequence[Reading]
    knowledge: Knowledge
    #: Seconds before a workload may be moved again.
    cooling_s: Mapping[str, float]
    #: What a watt counts.
    tariff: Tariff = PLAIN


def snapshot(seen: Seen) -> Snapshot:
    """Hosts that can be judged, and what runs on them."""
    hosts = {host.name: host for host in seen.hosts}
    servers = [server for server in seen.servers if server.host in hosts]
    used = _Measured(seen.readings)
    on_host: dict[str, list[FleetServer]] = {name: [] for name in hosts}
    for server in servers:
        on_host[server.host].append(server)
    drivers = _drivers(seen.agents)
    weights = tariffs.factors(seen.tariff, [host.zone for host in seen.hosts])
    return Snapshot(
        hosts=tuple(
            dataclasses.replace(
                _host(host, on_host[host.name], drivers.get(host.name, ())),
                watt_weight=weight,
            )
            for host, weight in zip(seen.hosts, weights.tolist(), strict=True)
        ),
        workloads=(
            *_servers(seen, servers, hosts, used),
            *_containers(seen, hosts, used),
        ),
    )


def in_flux(servers: Iterable[FleetServer]) -> list[FleetServer]:
    """Servers that something is being done with."""
    return [server for server in servers if server.task]


class _Measured:
    """What is measured of workloads, by name."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._values = reading.values(readings, Subject.INSTANCE)

    def cores(self, name: str, vcpus: float, host: cluster.Host) -> float:
        """Threads kept busy; an estimate where nothing measures it."""
        measured = self._values.get((name, Metric.CPU_CORES_USED))
        if measured is not None:
            return measured
        # As model.load estimates a host's utilization from its vCPUs.
        threads_each = host.node_type.threads / host.node_type.cores
        return vcpus * DEFAULT_BUSY_FRACTION * threads_each

    def memory_mib(self, name: str, promised_mib: float) -> float:
        """Memory to be copied; all of it where nothing measures it."""
        measured = self._values.get((name, Metric.MEMORY_USED_MIB))
        return promised_mib if measured is None else measured

    def server_memory_mib(
        self, server: FleetServer, target: TagTarget | None
    ) -> float:
        """As above; what its tag expects where nothing measures it."""
        expected = target.expected_memory if target else 1.0
        measured = self.memory_mib(server.id, server.memory_mib * expected)
        return min(measured, server.memory_mib)


def _host(
    host: cluster.Host,
    servers: Sequence[FleetServer],
    drivers: Iterable[str],
) -> Host:
    """A host whose capacity is what Placement would give to these servers.

    What else Placement has given out (servers that are being resized, other
    consumers) is thereby out of reach.
    """
    threads = float(host.node_type.threads)
    vcpus = host.vcpus_free + sum(server.vcpus for server in servers)
    disk_gib = min(host.disk_free_gib, BOUNDLESS_GIB)
    return Host(
        name=host.name,
        vcpus=threads,
        memory_mib=host.memory_free_mib
        + sum(server.memory_mib for server in servers),
        disk_gib=disk_gib + sum(server.disk_gib for server in servers),
        # Who uses accelerators stays, so what they draw does too.
        curve=accelerators.raised(
            host.node_type.curve, host_arrays.accelerator_w(host)
        ),
        architecture=host.node_type.architecture,
        hypervisor_type=host.node_type.hypervisor_type,
        cpu_allocation_ratio=vcpus / threads,
        state=host.state,
        zone=host.zone,
        aggregates=frozenset(host.aggregates),
        traits=frozenset((*host.traits, *map(_DRIVER_TRAIT.format, drivers))),
        accelerators=host.node_type.accelerators,
        node_type=host.node_type.name,
    )


def _servers(
    seen: Seen,
    servers: Sequence[FleetServer],
    hosts: Mapping[str, cluster.Host],
    used: _Measured,
) -> Iterable[Workload]:
    together, apart = _memberships(seen.groups)
    for server in servers:
        tag = hints.mark(hints.TAG, server.metadata, server.extra_specs)
        target = _target(tag, server, hosts[server.host], seen.knowledge)
        yield Workload(
            id=server.id,
            name=server.name,
            host=server.host,
            vcpus=server.vcpus,
            memory_mib=server.memory_mib,
            disk_gib=server.disk_gib,
            cpu_cores_used=used.cores(
                server.id, server.vcpus, hosts[server.host]
            ),
            memory_used_mib=used.server_memory_mib(server, target),
            relative_draw=target.relative_draw if target else 1.0,
            tag=tag,
            node_types=_node_types(tag, seen.knowledge),
            affinity_group=together.get(server.id, ''),
            anti_affinity_group=apart.get(server.id, ''),
            pinned=_stays(server),
            cooldown_s=seen.cooling_s.get(server.id, 0.0),
            required_traits=frozenset(hosts[server.host].traits),
            forbidden_traits=frozenset(
                name.removeprefix('trait:')
                for name, value in server.extra_specs.items()
                if name.startswith('trait:') and value == 'forbidden'
            ),
        )


def _target(
    tag: str, server: FleetServer, host: cluster.Host, knowledge: Knowledge
) -> TagTarget | None:
    """What is expected of a server with a tag where it is."""
    known = knowledge.tags.get(tag)
    if known is None:
        return None
    return known.target(host.node_type.name, server.flavor)


def _stays(server: FleetServer) -> bool:
    return (
        server.status != _MOVABLE
        or bool(server.task)
        or server.is_locked
        or hints.is_pinned(server.metadata, server.extra_specs)
        or server.has_devices
    )


def _memberships(
    groups: Iterable[ServerGroup],
) -> tuple[dict[str, str], dict[str, str]]:
    """Group of each server that is kept together, and apart.

    A soft anti-affinity is kept as if it were hard: Nova would not refuse a
    move that breaks it, and whoever asked for it would lose what he has.
    """
    together: dict[str, str] = {}
    apart: dict[str, str] = {}
    for group in groups:
        if group.policy == 'affinity':
            together |= dict.fromkeys(group.members, group.id)
        elif group.policy.endswith('anti-affinity'):
            apart |= dict.fromkeys(group.members, group.id)
    return together, apart


def _node_types(tag: str, knowledge: Knowledge) -> frozenset[str]:
    """Node types that serve a tag; empty where any does."""
    if tag.startswith(hints.EXACT_PREFIX):
        return frozenset({tag.removeprefix(hints.EXACT_PREFIX)})
    known = knowledge.tags.get(tag)
    if known is None:
        return frozenset()
    return frozenset(target.node_type.name for target in known.targets)


def _drivers(agents: Iterable[Agent]) -> dict[str, list[str]]:
    return {
        agent.hostname: sorted(agent.capabilities.get('drivers', ()))
        for agent in agents
    }


def _containers(
    seen: Seen, hosts: Mapping[str, cluster.Host], used: _Measured
) -> Iterable[Workload]:
    """Containers and processes that agents report, on hosts we know.

    A name that several hosts report could be any of them: it is left out.
    """
    found = [
        (agent.hostname, item)
        for agent in seen.agents
        if agent.hostname in hosts
        for item in agent.capabilities.get('workloads', ())
        if item['is_running']
    ]
    times = collections.Counter(item['name'] for _, item in found)
    for hostname, item in found:
        name = item['name']
        if times[name] == 1:
            yield _container(seen, hosts[hostname], item, used)


def _container(
    seen: Seen, host: cluster.Host, item: Mapping[str, Any], used: _Measured
) -> Workload:
    name = item['name']
    driver, _, short = name.partition(':')
    memory_mib = used.memory_mib(name, float(item['memory_mib']))
    return Workload(
        id=name,
        name=short,
        host=host.name,
        kind='container',
        # Placement promises it nothing: what it uses is what counts.
        vcpus=0.0,
        memory_mib=memory_mib,
        disk_gib=0.0,
        cpu_cores_used=used.cores(name, 1.0, host),
        memory_used_mib=memory_mib,
        cooldown_s=seen.cooling_s.get(name, 0.0),
        required_traits=frozenset({_DRIVER_TRAIT.format(driver)}),
    )
