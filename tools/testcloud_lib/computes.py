# SPDX-License-Identifier: Apache-2.0

"""The fake compute hosts that a file describes."""

import dataclasses
import pathlib
import re
import tomllib

from testcloud_lib.errors import CloudError


DEFAULT_FILE = pathlib.Path(__file__).with_name('computes.toml')

ARCHITECTURES = ('x86_64', 'aarch64', 'ppc64le')
#: As libvirt names them and the Compute API shows them.
HYPERVISOR_TYPES = ('QEMU', 'LXC')
_NAME = re.compile(r'[a-z0-9]([a-z0-9-]{0,62})')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compute:
    """One compute host; ``node_type`` may be empty: unknown to ECRAE."""

    name: str
    architecture: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    node_type: str = ''
    hypervisor_type: str = 'QEMU'

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f'{self.name!r} is no host name')
        if self.architecture not in ARCHITECTURES:
            raise ValueError(
                f'{self.name}: architecture is one of {ARCHITECTURES}'
            )
        if self.hypervisor_type not in HYPERVISOR_TYPES:
            raise ValueError(
                f'{self.name}: hypervisor_type is one of {HYPERVISOR_TYPES}'
            )
        if min(self.vcpus, self.memory_mib, self.disk_gib) < 1:
            raise ValueError(f'{self.name}: sizes are positive')


def read(path: pathlib.Path) -> tuple[Compute, ...]:
    """Hosts that a TOML file lists as ``[[compute]]`` tables.

    :raises CloudError: the file or an entry is no good.
    """
    try:
        document = tomllib.loads(path.read_text())
        found = tuple(Compute(**entry) for entry in document['compute'])
    except (OSError, KeyError, TypeError, ValueError) as exc:
        raise CloudError(f'{path}: {exc}') from exc
    if len({each.name for each in found}) < len(found):
        raise CloudError(f'{path}: two computes share a name')
    return found
