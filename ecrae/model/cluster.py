# SPDX-License-Identifier: Apache-2.0

"""The hardware and what is known of it: node types, flavors and hosts."""

import dataclasses
import enum

from ecrae.model.power import PowerCurve
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff


class HostState(enum.StrEnum):
    """What a host is doing; only an awake one takes work without delay."""

    AWAKE = 'awake'
    ASLEEP = 'asleep'
    #: Being emptied: keeps what it has, takes nothing new.
    DRAINING = 'draining'
    DOWN = 'down'


@dataclasses.dataclass(frozen=True, slots=True)
class Accelerator:
    """A device class beside the CPU, such as ``gpu`` ``NVIDIA L4`` × 2."""

    kind: str
    model: str
    count: int = 1
    #: Watts of one board by its own load; None where they are in the curve
    #: of the node that has it.
    curve: PowerCurve | None = None
    #: Name of the power profile that the curve comes from.
    power_profile: str = ''


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeType:
    """A class of identical hardware that tags point to."""

    name: str
    #: As Nova and Glance write it: x86_64, aarch64, ppc64le …
    architecture: str
    cpu: str
    cores: int
    threads: int
    memory_mib: int
    disk_gib: int
    #: As Nova writes it: qemu (KVM too), lxc …
    hypervisor_type: str
    #: Of the whole node, its accelerators idle.
    curve: PowerCurve
    #: Name of the power profile that the curve comes from, with its source.
    power_profile: str = ''
    accelerators: tuple[Accelerator, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """A size Nova sells."""

    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    extra_specs: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A bootable image; an empty field says nothing of itself."""

    name: str
    architecture: str = ''
    os_type: str = ''
    os_distribution: str = ''
    os_version: str = ''
    min_memory_mib: int = 0
    min_disk_gib: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One compute host at one moment.

    ``vcpus_free``, ``memory_free_mib`` and ``disk_free_gib`` are what
    Placement would still give out: allocation ratios and reserves applied.
    """

    name: str
    node_type: NodeType
    vcpus_free: float
    memory_free_mib: float
    disk_free_gib: float
    #: Busy part of the CPU, in [0, 1].
    utilization: float = 0.0
    #: Part of it that was given out after watts and load were measured.
    utilization_added: float = 0.0
    #: Measured draw in watts; None where nothing measures it.
    power_w: float | None = None
    #: Busy part of its accelerators, in [0, 1].
    accelerator_utilization: float = 0.0
    state: HostState = HostState.AWAKE
    zone: str = 'nova'
    aggregates: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()

    @property
    def is_asleep(self) -> bool:
        """Whether using the host costs waking it first."""
        return self.state is HostState.ASLEEP


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What a deployment can use, as observed or as an inventory says."""

    hosts: tuple[Host, ...]
    flavors: tuple[Flavor, ...] = ()
    images: tuple[Image, ...] = ()
    #: What a watt counts here.
    tariff: Tariff = PLAIN
