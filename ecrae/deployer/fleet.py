# SPDX-License-Identifier: Apache-2.0

"""The hosts while a plan is made: each placement takes from their room."""

import dataclasses
from collections.abc import Sequence
from collections.abc import Set

import numpy as np
import numpy.typing as npt

from ecrae.model import ranking
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Host
from ecrae.model.cluster import HostState
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import FloatArray
from ecrae.model.tariff import Tariff


BoolArray = npt.NDArray[np.bool_]

#: What a host is asked for, in the order of the columns of ``Group.free``.
UNITS = ('vCPUs', 'MiB of memory', 'GiB of disk')

_USABLE = {HostState.AWAKE, HostState.ASLEEP}


def needs(target: TagTarget) -> FloatArray:
    """What a target takes of a host, shape (3,)."""
    flavor = target.flavor
    return np.array(
        [flavor.vcpus, flavor.memory_mib, flavor.disk_gib], dtype=np.float64
    )


class Group:
    """The hosts of one node type as columns, in the order of their names."""

    def __init__(self, hosts: Sequence[Host], tariff: Tariff) -> None:
        self.arrays = HostArrays.of(hosts, tariff)
        self.is_usable = np.array(
            [host.state in _USABLE for host in hosts], dtype=bool
        )
        #: vCPUs, MiB of memory and GiB of disk, shape (n, 3).
        self.free = np.array(
            [
                (host.vcpus_free, host.memory_free_mib, host.disk_free_gib)
                for host in hosts
            ],
            dtype=np.float64,
        )

    def take(self, host: int, target: TagTarget) -> None:
        """Count a component as running on a host."""
        self.free[host] -= needs(target)
        loads = self.arrays.utilization.copy()
        asleep = self.arrays.is_asleep.copy()
        work = target.flavor.vcpus * target.expected_utilization
        cores = self.arrays.cores[host] * target.relative_speed
        loads[host] = work / cores + (0.0 if asleep[host] else loads[host])
        boards = self._load_boards(host, target)
        asleep[host] = False
        self.arrays = dataclasses.replace(
            self.arrays,
            utilization=loads,
            is_asleep=asleep,
            accelerator_utilization=boards,
        )

    def _load_boards(self, host: int, target: TagTarget) -> FloatArray:
        """Busy part of the accelerators with one more component, (n,)."""
        busy = np.array(self.arrays.accelerator_utilization)
        used = ranking.boards_on(
            [target.node_type], {target.node_type.name: target}
        )
        if used is not None:
            was_asleep = self.arrays.is_asleep[host]
            busy[host] = used.growth[0] + (0.0 if was_asleep else busy[host])
        return busy


class Fleet:
    """All hosts by node type, and where this plan has put what."""

    def __init__(self, cluster: Cluster) -> None:
        hosts: dict[str, list[Host]] = {}
        for host in sorted(cluster.hosts, key=lambda host: host.name):
            hosts.setdefault(host.node_type.name, []).append(host)
        self.groups = {
            name: Group(group, cluster.tariff) for name, group in hosts.items()
        }
        self.host_of: dict[str, str] = {}
        #: Names of the cloud's flavors; empty if they are not known.
        self.flavors = {flavor.name for flavor in cluster.flavors}

    def allowed(
        self, group: Group, together: Set[str], apart: Set[str]
    ) -> BoolArray:
        """Hosts that its companions leave to a component, shape (n,)."""
        names = group.arrays.names
        if not together and not apart:
            return np.ones(len(names), dtype=bool)
        taken = {self.host_of[node] for node in apart & self.host_of.keys()}
        shared = {
            self.host_of[node] for node in together & self.host_of.keys()
        }
        return np.array(
            [
                name not in taken and (not shared or shared == {name})
                for name in names
            ],
            dtype=bool,
        )

    def take(self, node: str, host: str, target: TagTarget) -> None:
        """Count a component as running on a host."""
        group = self.groups[target.node_type.name]
        group.take(group.arrays.names.index(host), target)
        self.host_of[node] = host
