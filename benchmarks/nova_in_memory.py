# SPDX-License-Identifier: Apache-2.0

"""A cloud of any size for Nova's scheduler, held in memory.

What the knowledge base knows of it, what Nova's databases and Placement
would answer, and requests for servers.
"""

import contextlib
import random
import uuid
from collections.abc import Iterator
from typing import Any
from unittest import mock

from nova import context
from nova import objects
from nova.objects import service
from nova.scheduler import host_manager
from nova.scheduler import manager
from oslo_utils import timeutils

from ecrae.model import power
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import PowerProfile
from ecrae.model.power import Quality


FLAVOR = Flavor(name='small', vcpus=2, memory_mib=2048, disk_gib=10)
TYPES = 12


def knowledge(hosts: int) -> Knowledge:
    """Hosts of a dozen types and a tag for all and for a third of these."""
    profiles = {}
    types = {}
    for i in range(TYPES):
        curve = power.linear(50.0 + 10 * i, 200.0 + 35 * i)
        profiles[f'type-{i}'] = PowerProfile(
            name=f'type-{i}',
            curve=curve,
            quality=Quality.ESTIMATED,
            source='benchmark',
        )
        types[f'type-{i}'] = NodeType(
            name=f'type-{i}',
            architecture='x86_64',
            cpu='any',
            cores=64,
            threads=128,
            memory_mib=524288,
            disk_gib=8192,
            hypervisor_type='qemu',
            curve=curve,
            power_profile=f'type-{i}',
        )
    tags = {
        name: Tag(
            name=name,
            kind=TagKind.HINT,
            description='',
            targets=tuple(
                TagTarget(
                    node_type=types[f'type-{i}'],
                    flavor=FLAVOR,
                    preference=i + 1,
                )
                for i in range(0, TYPES, step)
            ),
        )
        for name, step in (('all', 1), ('third', 3))
    }
    return Knowledge(
        tags=tags,
        node_types=types,
        flavors={FLAVOR.name: FLAVOR},
        hosts={
            f'compute-{i}': KnownHost(
                name=f'compute-{i}', node_type=f'type-{i % TYPES}'
            )
            for i in range(hosts)
        },
        power_profiles=profiles,
    )


def compute_nodes(
    hosts: int, rng: random.Random
) -> tuple[list[Any], dict[str, Any]]:
    """Compute nodes in use to a random degree, and their services."""
    nodes = []
    services = {}
    for i in range(hosts):
        used = rng.randrange(0, 100)
        nodes.append(
            objects.ComputeNode(
                uuid=str(uuid.UUID(int=rng.getrandbits(128))),
                host=f'compute-{i}',
                hypervisor_hostname=f'compute-{i}',
                vcpus=128,
                vcpus_used=used,
                memory_mb=524288,
                memory_mb_used=used * 2048,
                free_ram_mb=524288 - used * 2048,
                local_gb=8192,
                local_gb_used=used * 20,
                free_disk_gb=8192 - used * 20,
                disk_available_least=None,
                numa_topology=None,
                pci_device_pools=None,
                host_ip='192.0.2.1',
                hypervisor_type='QEMU',
                hypervisor_version=8000000,
                cpu_info='{}',
                supported_hv_specs=[],
                stats={'num_instances': str(used // 2)},
                metrics='[]',
                cpu_allocation_ratio=4.0,
                ram_allocation_ratio=1.0,
                disk_allocation_ratio=1.0,
                updated_at=timeutils.utcnow(),
            )
        )
        services[f'compute-{i}'] = objects.Service(
            host=f'compute-{i}',
            binary='nova-compute',
            topic='compute',
            disabled=False,
            forced_down=False,
            last_seen_up=timeutils.utcnow(with_timezone=True),
        )
    return nodes, services


class Cloud:
    """Nova's databases and Placement, in memory."""

    def __init__(self, hosts: int, aggregates: int, seed: int) -> None:
        self.nodes, self.services = compute_nodes(hosts, random.Random(seed))
        self.allocations = [
            {'allocations': {node.uuid: {}}, 'mappings': {'': [node.uuid]}}
            for node in self.nodes
        ]
        names = list(self.services)
        self.aggregates = objects.AggregateList(
            objects=[
                objects.Aggregate(
                    id=i + 1,
                    name=f'rack-{i}',
                    hosts=names[i::aggregates],
                    metadata={'ecrae:power_cap': '1e9'},
                )
                for i in range(aggregates)
            ]
        )
        self.cells = objects.CellMappingList(
            objects=[
                objects.CellMapping(uuid='cell', name='cell', disabled=False)
            ]
        )

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        """Answer Nova's questions."""
        managed = host_manager.HostManager
        with contextlib.ExitStack() as stack:
            for owner, name, answer in (
                (objects.CellMappingList, 'get_all', lambda _: self.cells),
                (objects.AggregateList, 'get_all', lambda _: self.aggregates),
                (managed, '_get_computes_for_cells', self._computes),
                (managed, '_get_instances_by_host', lambda *_: {}),
                (manager.SchedulerManager, 'placement_client', self),
                (
                    service,
                    'get_minimum_version_all_cells',
                    lambda *_: service.SERVICE_VERSION,
                ),
            ):
                stack.enter_context(mock.patch.object(owner, name, answer))
            yield

    def _computes(self, *args: Any, **kwargs: Any) -> Any:
        return {'cell': self.nodes}, self.services

    def get_allocation_candidates(self, *args: Any) -> Any:
        """Every host has room."""
        summaries = {node.uuid: {} for node in self.nodes}
        return self.allocations, summaries, '1.36'

    def claim_resources(self, *args: Any, **kwargs: Any) -> bool:
        """Nobody else wants it."""
        return True


def request_spec(tag: str | None) -> Any:
    """A request for one server."""
    return objects.RequestSpec.from_components(
        context.get_admin_context(),
        instance_uuid=str(uuid.uuid4()),
        image=objects.ImageMeta(
            id=str(uuid.uuid4()), properties=objects.ImageMetaProps()
        ),
        flavor=objects.Flavor(
            name=FLAVOR.name,
            flavorid=FLAVOR.name,
            vcpus=FLAVOR.vcpus,
            memory_mb=FLAVOR.memory_mib,
            root_gb=FLAVOR.disk_gib,
            ephemeral_gb=0,
            swap=0,
            is_public=True,
            extra_specs={},
        ),
        numa_topology=None,
        pci_requests=objects.InstancePCIRequests(requests=[]),
        filter_properties={
            'scheduler_hints': {'ecrae:tag': tag} if tag else {}
        },
        instance_group=None,
        availability_zone=None,
        project_id='project',
        user_id='user',
    )
