# SPDX-License-Identifier: Apache-2.0

"""A fake hypervisor of a shape and architecture that its file says.

Loaded by Nova as ``nova.virt.ecrae_testcloud``. Guests are entries in a
dictionary; all else, claims, traits and migrations, is Nova's own.

A server's metadata can make its live migration take a while or fail:
``testcloud:migration_s`` is how long its memory is copied, and
``testcloud:migration_end`` ``failed`` (it runs on at the source) or
``error``.
"""

import threading
from collections.abc import Callable

import os_traits
from nova import context as nova_context
from nova import objects
from nova.compute import provider_tree as nova_provider_tree
from nova.objects import fields
from nova.virt import fake
from oslo_config import cfg
from oslo_serialization import jsonutils


OPTS = [
    cfg.StrOpt('architecture', default='x86_64'),
    cfg.StrOpt('hypervisor_type', default='QEMU'),
    cfg.IntOpt('vcpus', default=16),
    cfg.IntOpt('memory_mib', default=32768),
    cfg.IntOpt('disk_gib', default=500),
]

#: How often a migration says how far it is.
_TICK_S = 0.25

CONF = cfg.CONF
CONF.register_opts(OPTS, group='testcloud')


class ShapedDriver(fake.FakeDriverWithoutFakeNodes):
    """One node of the configured shape whose guests outlive a restart."""

    def __init__(self, virtapi: object, read_only: bool = False) -> None:
        shape = CONF.testcloud
        self.vcpus = shape.vcpus
        self.memory_mb = shape.memory_mib
        self.local_gb = shape.disk_gib
        super().__init__(virtapi, read_only)
        #: Set when a guest's migration is to go on without delay.
        self._forced: dict[str, threading.Event] = {}
        is_container = shape.hypervisor_type == 'LXC'
        self.host_status_base.update(
            hypervisor_type=shape.hypervisor_type,
            hypervisor_version=8002000,
            disk_available_least=shape.disk_gib,
            supported_instances=[
                (
                    shape.architecture,
                    shape.hypervisor_type.lower(),
                    fields.VMMode.EXE if is_container else fields.VMMode.HVM,
                )
            ],
        )

    def init_host(self, host: str) -> None:
        """Take up the guests that Nova knows to be here."""
        super().init_host(host)
        known = objects.InstanceList.get_by_host(
            nova_context.get_admin_context(), host, expected_attrs=['flavor']
        )
        for instance in known:
            self.instances[instance.uuid] = fake.FakeInstance(
                instance.name, instance.power_state, instance.uuid
            )
            self.resources.claim(
                vcpus=instance.flavor.vcpus,
                mem=instance.flavor.memory_mb,
                disk=instance.flavor.root_gb,
            )

    def get_available_resource(self, nodename: str) -> dict:
        """Describe the node with its own architecture."""
        resources = super().get_available_resource(nodename)
        if resources:
            cpu_info = jsonutils.loads(resources['cpu_info'])
            cpu_info.update(arch=CONF.testcloud.architecture, features=[])
            resources['cpu_info'] = jsonutils.dumps(cpu_info)
        return resources

    def update_provider_tree(
        self,
        provider_tree: nova_provider_tree.ProviderTree,
        nodename: str,
        allocations: dict | None = None,
    ) -> None:
        """Report the inventory and the trait of the architecture."""
        super().update_provider_tree(provider_tree, nodename, allocations)
        trait = f'HW_ARCH_{CONF.testcloud.architecture.upper()}'
        if trait in os_traits.get_traits('HW_ARCH_'):
            provider_tree.add_traits(nodename, trait)

    def live_migration(
        self,
        context: nova_context.RequestContext,
        instance: objects.Instance,
        dest: str,
        post_method: Callable,
        recover_method: Callable,
        block_migration: bool = False,
        migrate_data: objects.migrate_data.LiveMigrateData | None = None,
    ) -> None:
        """Copy no memory for as long as the guest's metadata says."""
        forced = self._forced[instance.uuid] = threading.Event()
        ticks = int(_wish(instance, 'migration_s', '0')) / _TICK_S
        done = 0
        while done < ticks and not forced.wait(_TICK_S):
            done += 1
            _tell(migrate_data.migration, instance, done / ticks)
        del self._forced[instance.uuid]
        end = _wish(instance, 'migration_end', '')
        if end == 'error':
            raise RuntimeError('as the metadata of the guest asks for')
        if end == 'failed':
            recover_method(context, instance, dest, migrate_data)
        else:
            post_method(context, instance, dest, block_migration, migrate_data)

    def live_migration_force_complete(
        self, instance: objects.Instance
    ) -> None:
        """Wait no longer, as post-copy does."""
        self._forced[instance.uuid].set()

    def post_live_migration_at_source(
        self,
        context: nova_context.RequestContext,
        instance: objects.Instance,
        network_info: object,
    ) -> None:
        """Forget the guest, which the destination has now."""
        self.destroy(context, instance, network_info)


def _wish(instance: objects.Instance, name: str, default: str) -> str:
    return instance.metadata.get(f'testcloud:{name}', default)


def _tell(
    migration: objects.Migration, instance: objects.Instance, part: float
) -> None:
    total = instance.flavor.memory_mb << 20
    migration.memory_total = total
    migration.memory_processed = int(total * part)
    migration.memory_remaining = total - migration.memory_processed
    migration.save()
