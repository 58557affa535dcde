# SPDX-License-Identifier: Apache-2.0

"""What the optimizer is told: hosts, the workloads on them, and the rules.

These are the values that the rebalancer, the simulator and ``ecrae
rebalance`` hand over. :mod:`ecrae.migration.optimizer.problem` turns them
into arrays.
"""

import dataclasses

from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import HostState
from ecrae.model.power import PowerCurve


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A compute host; sizes are physical, ratios say what may be promised."""

    name: str
    vcpus: float
    memory_mib: float
    disk_gib: float
    curve: PowerCurve
    architecture: str = 'x86_64'
    hypervisor_type: str = 'qemu'
    cpu_allocation_ratio: float = 1.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    state: HostState = HostState.AWAKE
    zone: str = 'nova'
    aggregates: frozenset[str] = frozenset()
    traits: frozenset[str] = frozenset()
    accelerators: tuple[Accelerator, ...] = ()
    node_type: str = ''
    rack: str = ''
    #: Work done by a core against the reference node's core.
    core_speed: float = 1.0
    #: Part of its CPU that moves may fill with load, below the rules' own.
    cpu_ceiling: float = 1.0
    #: What a watt counts here against the average, by carbon and price.
    watt_weight: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A virtual machine or container where it is now, and what it needs.

    A need that is ``None`` is not known. The only place known to suit is
    then the present host, and a destination must offer what that offers.
    """

    id: str
    host: str
    vcpus: float
    memory_mib: float
    disk_gib: float
    #: Cores kept busy, measured on the host it is on.
    cpu_cores_used: float
    memory_used_mib: float
    #: What these draw against what a host's curve says of busy cores.
    relative_draw: float = 1.0
    name: str = ''
    kind: str = 'vm'
    tag: str = ''
    #: Node types that serve its tag; empty: any.
    node_types: frozenset[str] = frozenset()
    #: The instruction set it is built for.
    architecture: str | None = None
    affinity_group: str = ''
    anti_affinity_group: str = ''
    pinned: bool = False
    #: Seconds before it may be moved again.
    cooldown_s: float = 0.0
    #: Availability zone it must be in; empty: any.
    zone: str | None = None
    #: Aggregates of which the host must be in one; empty: any host.
    aggregates: frozenset[str] | None = None
    required_traits: frozenset[str] | None = None
    forbidden_traits: frozenset[str] = frozenset()
    #: Devices attached to it. One that is passed through cannot migrate, so
    #: a workload that has any stays unless ``devices_movable``.
    accelerators: tuple[Accelerator, ...] = ()
    devices_movable: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Limits on a plan that are no property of a host or a workload."""

    #: Part of every capacity that moves leave free on their destination.
    headroom: float = 0.0
    #: Part of a destination's CPU that measured load may fill. A host above
    #: it is left in peace until it is asked for more than its whole CPU.
    cpu_ceiling: float = 1.0
    #: Empty hosts that stay awake to take what comes.
    spare_hosts: int = 0
    #: Whether hosts asleep may be woken.
    may_wake: bool = True
    #: Move an affinity group as a whole, one member after the other, which
    #: splits it meanwhile. Nova's scheduler refuses that, so by default such
    #: groups stay where they are.
    affinity_groups_move: bool = False
    #: Move only where every CPU feature (trait HW_CPU_*) of the present host
    #: is found. Turn off where all guests run on one common CPU model.
    same_cpu_features: bool = True
    #: Greatest draw of the hosts of one rack, in watts; nought: no limit.
    rack_limit_w: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A cloud at one moment. Names and ids are unique."""

    hosts: tuple[Host, ...]
    workloads: tuple[Workload, ...]
