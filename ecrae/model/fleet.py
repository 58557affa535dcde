# SPDX-License-Identifier: Apache-2.0

"""Every server of the cloud with what decides where it may be."""

import dataclasses
import re
from collections.abc import Mapping


#: Extra specs of flavors that give a server devices.
_DEVICE_SPEC = re.compile(
    r'pci_passthrough:|accel:device_profile|resources\w*:(VGPU|PGPU|FPGA)'
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FleetServer:
    """A server that has a host."""

    id: str
    name: str
    host: str
    #: ``ACTIVE``, ``SHUTOFF``, ``VERIFY_RESIZE`` …
    status: str
    #: ``migrating``, ``spawning`` …; empty when nothing is under way.
    task: str
    is_locked: bool
    vcpus: int
    memory_mib: int
    disk_gib: int
    extra_specs: Mapping[str, str]
    metadata: Mapping[str, str]
    #: Name of its flavor.
    flavor: str = ''

    @property
    def has_devices(self) -> bool:
        """Whether its flavor asks for devices, such as a GPU."""
        return any(_DEVICE_SPEC.match(name) for name in self.extra_specs)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerGroup:
    """Servers that Nova keeps together or apart."""

    id: str
    #: ``affinity``, ``anti-affinity``, ``soft-affinity`` …
    policy: str
    members: tuple[str, ...]
