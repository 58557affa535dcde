# SPDX-License-Identifier: Apache-2.0

"""From knowledge to a document's entries: the inverse of assembly."""

from typing import Any

from ecrae.kb.document import Entries
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagTarget


def of(knowledge: Knowledge) -> dict[str, Entries]:
    """Sections of a document that states this knowledge, by name."""
    return {
        'power_profiles': {
            name: {
                'quality': str(profile.quality),
                'source': profile.source,
                'sleep_w': profile.curve.sleep_w,
                'power_w': list(profile.curve.power_w),
            }
            for name, profile in sorted(knowledge.power_profiles.items())
        },
        'node_types': {
            name: _node_type_entry(node_type)
            for name, node_type in sorted(knowledge.node_types.items())
        },
        'flavors': {
            name: _flavor_entry(flavor)
            for name, flavor in sorted(knowledge.flavors.items())
        },
        'tags': {
            name: _tag_entry(tag)
            for name, tag in sorted(knowledge.tags.items())
        },
        'hosts': {
            name: _host_entry(host)
            for name, host in sorted(knowledge.hosts.items())
        },
    }


def _node_type_entry(node_type: NodeType) -> dict[str, Any]:
    entry: dict[str, Any] = {
        'architecture': node_type.architecture,
        'cpu': node_type.cpu,
        'cores': node_type.cores,
        'threads': node_type.threads,
        'memory_mib': node_type.memory_mib,
        'disk_gib': node_type.disk_gib,
        'hypervisor_type': node_type.hypervisor_type,
        'power_profile': node_type.power_profile,
    }
    if node_type.accelerators:
        entry['accelerators'] = [
            _accelerator_entry(item) for item in node_type.accelerators
        ]
    return entry


def _accelerator_entry(accelerator: Accelerator) -> dict[str, Any]:
    entry: dict[str, Any] = {
        'kind': accelerator.kind,
        'model': accelerator.model,
        'count': accelerator.count,
    }
    if accelerator.power_profile:
        entry['power_profile'] = accelerator.power_profile
    return entry


def _flavor_entry(flavor: Flavor) -> dict[str, Any]:
    entry: dict[str, Any] = {
        'vcpus': flavor.vcpus,
        'memory_mib': flavor.memory_mib,
        'disk_gib': flavor.disk_gib,
    }
    if flavor.extra_specs:
        entry['extra_specs'] = dict(flavor.extra_specs)
    return entry


def _host_entry(host: KnownHost) -> dict[str, Any]:
    entry = {'node_type': host.node_type, 'state': str(host.state)}
    if host.power_profile:
        entry['power_profile'] = host.power_profile
    return entry


def _tag_entry(tag: Tag) -> dict[str, Any]:
    return {
        'kind': str(tag.kind),
        'description': tag.description,
        'source': tag.source,
        'targets': [_target_entry(target) for target in tag.targets],
    }


def _target_entry(target: TagTarget) -> dict[str, Any]:
    entry: dict[str, Any] = {
        'node_type': target.node_type.name,
        'flavor': target.flavor.name,
        'preference': target.preference,
        'relative_speed': target.relative_speed,
        'expected_utilization': target.expected_utilization,
    }
    for field in ('expected_memory', 'relative_draw'):
        value = getattr(target, field)
        if value != 1.0:
            entry[field] = value
    if target.accelerator:
        entry['accelerator'] = target.accelerator
        entry['accelerators_busy'] = target.accelerators_busy
    return entry
