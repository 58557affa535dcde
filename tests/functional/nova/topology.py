# SPDX-License-Identifier: Apache-2.0

"""A cloud of compute nodes around Nova's real scheduler.

Everything is Nova's own: its manager, host manager, filters, weighers and
objects. Only what lies beyond the process is stood in for: the databases of
Nova, and Placement, which offers every node.
"""

import contextlib
import copy
import dataclasses
import uuid
from unittest import mock

import oslo_messaging
from nova import context
from nova import objects
from nova.objects import service
from nova.scheduler import host_manager
from nova.scheduler import manager
from oslo_utils import timeutils

from tests import hardware


MI = 1024


@dataclasses.dataclass(kw_only=True)
class Node:
    name: str
    kind: str
    cell: str = 'cell1'
    hypervisor: str = ''
    vcpus: int = 32
    vcpus_used: int = 0
    failed_builds: int = 0
    is_known: bool = True
    uuid: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))

    def compute_node(self):
        return objects.ComputeNode(
            uuid=self.uuid,
            host=self.name,
            hypervisor_hostname=self.hypervisor or f'{self.name}.example',
            vcpus=self.vcpus,
            vcpus_used=self.vcpus_used,
            memory_mb=256 * MI,
            memory_mb_used=0,
            free_ram_mb=256 * MI,
            local_gb=4096,
            local_gb_used=0,
            free_disk_gb=4096,
            disk_available_least=None,
            numa_topology=None,
            pci_device_pools=None,
            host_ip='192.0.2.1',
            hypervisor_type='QEMU',
            hypervisor_version=8000000,
            cpu_info='{}',
            supported_hv_specs=[],
            stats={'failed_builds': str(self.failed_builds)},
            metrics='[]',
            cpu_allocation_ratio=4.0,
            ram_allocation_ratio=1.0,
            disk_allocation_ratio=1.0,
            updated_at=timeutils.utcnow(),
        )

    def service(self):
        return objects.Service(
            host=self.name,
            binary='nova-compute',
            topic='compute',
            disabled=False,
            forced_down=False,
            last_seen_up=timeutils.utcnow(with_timezone=True),
        )


class Cloud:
    """Compute nodes; a fluent builder."""

    def __init__(self):
        self.nodes = {}
        self.aggregates = []

    def add(self, name, kind, **facts):
        node = Node(name=name, kind=kind, **facts)
        self.nodes[node.hypervisor or name] = node
        return self

    def add_aggregate(self, *hosts, **metadata):
        self.aggregates.append(
            objects.Aggregate(
                id=len(self.aggregates) + 1,
                name=f'aggregate-{len(self.aggregates)}',
                hosts=list(hosts),
                metadata={
                    key.replace('__', ':'): str(value)
                    for key, value in metadata.items()
                },
            )
        )
        return self

    def knowledge(self, **states):
        """What the knowledge base says of it."""
        known = {n.name: n.kind for n in self.nodes.values() if n.is_known}
        return hardware.knowledge(known, **states)


class Scheduler:
    """nova-scheduler over a cloud, as its configuration says."""

    def __init__(self, cloud):
        self._cloud = cloud
        with self._surroundings():
            self.manager = manager.SchedulerManager()
        #: The chosen host of the last request's first server, then those
        #: that would have been next.
        self.ranked = []

    def boot(
        self, tag=None, flavor=hardware.SMALL, count=1, specs=None, **hints
    ):
        """Names of the hosts that Nova chose, one for each server.

        :raises NoValidHost: it found none.
        """
        spec = request_spec(tag, flavor, count, specs, hints)
        uuids = [str(uuid.uuid4()) for _ in range(count)]
        try:
            with self._surroundings():
                selections = self.manager.select_destinations(
                    context.get_admin_context(),
                    spec_obj=spec,
                    instance_uuids=uuids,
                    return_objects=True,
                    return_alternates=True,
                )
        except oslo_messaging.ExpectedException as wrapped:
            raise wrapped.exc_info[1] from None
        self.ranked = [selection.service_host for selection in selections[0]]
        return [chosen[0].service_host for chosen in selections]

    def states(self):
        """Nova's host states of the cloud."""
        with self._surroundings():
            return list(
                self.manager.host_manager.get_host_states_by_uuids(
                    context.get_admin_context(), None, None
                )
            )

    @contextlib.contextmanager
    def _surroundings(self):
        """Nova's databases and Placement."""
        cells = objects.CellMappingList(
            objects=[
                objects.CellMapping(uuid=cell, name=cell, disabled=False)
                for cell in {n.cell for n in self._cloud.nodes.values()}
            ]
        )
        aggregates = objects.AggregateList(objects=self._cloud.aggregates)
        manage = host_manager.HostManager
        patches = [
            (objects.CellMappingList, 'get_all', lambda ctxt: cells),
            (objects.AggregateList, 'get_all', lambda ctxt: aggregates),
            (manage, '_get_computes_for_cells', self._computes),
            (manage, '_get_instances_by_host', lambda *args: {}),
            (manager.SchedulerManager, 'placement_client', self),
            (
                service,
                'get_minimum_version_all_cells',
                lambda *args: service.SERVICE_VERSION,
            ),
        ]
        with contextlib.ExitStack() as stack:
            for owner, name, stand_in in patches:
                stack.enter_context(mock.patch.object(owner, name, stand_in))
            yield

    def _computes(self, *args, **kwargs):
        nodes = {}
        for node in self._cloud.nodes.values():
            nodes.setdefault(node.cell, []).append(node.compute_node())
        services = {n.name: n.service() for n in self._cloud.nodes.values()}
        return nodes, services

    # What Nova asks of Placement.

    def get_allocation_candidates(self, ctxt, resources):
        providers = [node.uuid for node in self._cloud.nodes.values()]
        requests = [
            {'allocations': {each: {}}, 'mappings': {'': [each]}}
            for each in providers
        ]
        summaries = {provider: {} for provider in providers}
        return copy.deepcopy(requests), summaries, '1.36'

    def claim_resources(self, *args, **kwargs):
        return True

    def delete_allocation_for_instance(self, *args, **kwargs):
        return True


def request_spec(tag, flavor, count=1, specs=None, hints=None):
    """Nova's request for servers of a flavor, with hints as its API has."""
    if tag:
        hints = {'ecrae:tag': tag, **(hints or {})}
    spec = objects.RequestSpec.from_components(
        context.get_admin_context(),
        instance_uuid=str(uuid.uuid4()),
        image=objects.ImageMeta(
            id=str(uuid.uuid4()), properties=objects.ImageMetaProps()
        ),
        flavor=objects.Flavor(
            name=flavor.name,
            flavorid=flavor.name,
            vcpus=flavor.vcpus,
            memory_mb=flavor.memory_mib,
            root_gb=flavor.disk_gib,
            ephemeral_gb=0,
            swap=0,
            is_public=True,
            extra_specs=specs or {},
        ),
        numa_topology=None,
        pci_requests=objects.InstancePCIRequests(requests=[]),
        filter_properties={'scheduler_hints': hints or {}},
        instance_group=None,
        availability_zone=None,
        project_id='project',
        user_id='user',
    )
    spec.num_instances = count
    return spec
