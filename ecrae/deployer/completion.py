# SPDX-License-Identifier: Apache-2.0

"""Writes what was chosen into the descriptor, as standard TOSCA.

Of a tagged node the capabilities ``host`` and ``os`` are filled in, its type
becomes one that any orchestrator knows, and its tag moves to the metadata,
where it means nothing to others. Everything else stays as it was, in its
order.
"""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from ecrae.deployer import descriptor as descriptors
from ecrae.deployer import types
from ecrae.deployer.descriptor import Descriptor
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Image


#: Keys of TOSCA below which a type's name stands.
_TYPE_KEYS = {
    'derived_from',
    'members',
    'node',
    'node_type',
    'targets',
    'type',
    'valid_source_types',
    'valid_target_types',
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a tagged node gets."""

    tag: str
    node_type: str
    architecture: str
    flavor: Flavor
    #: None where no image is known.
    image: Image | None = None


def complete(
    descriptor: Descriptor, choices: Mapping[str, Choice]
) -> dict[str, Any]:
    """The descriptor with the choices made, by node; a new document."""
    document = copy.deepcopy(descriptor.document)
    key = 'tosca_definitions_version'
    document[key] = descriptors.TOSCA_VERSIONS[document[key]]
    templates = document['topology_template'].get('node_templates') or {}
    for node, template in templates.items():
        if types.is_ecrae(descriptor, template.get('type')):
            _move_settings(descriptor, node, template)
        if node in choices:
            _fill(template, choices[node])
    defined = document.get('node_types')
    if defined and defined.pop(types.ECRAE_COMPUTE, None) and not defined:
        del document['node_types']
    _rename(document)
    return document


def _fill(template: dict[str, Any], choice: Choice) -> None:
    capabilities = _section(template, 'capabilities')
    host = _section(_section(capabilities, 'host'), 'properties')
    host['num_cpus'] = choice.flavor.vcpus
    host['mem_size'] = f'{choice.flavor.memory_mib} MiB'
    host['disk_size'] = f'{choice.flavor.disk_gib} GiB'
    system = _section(_section(capabilities, 'os'), 'properties')
    system['architecture'] = choice.architecture
    if choice.image:
        for key, value in (
            ('type', choice.image.os_type),
            ('distribution', choice.image.os_distribution),
            ('version', _version(choice.image.os_version)),
        ):
            if value and system.get(key) is None:
                system[key] = value
    metadata = _section(template, 'metadata')
    metadata['ecrae.tag'] = choice.tag
    metadata['ecrae.node_type'] = choice.node_type
    metadata['ecrae.flavor'] = choice.flavor.name


def _version(text: str) -> str:
    """A version that TOSCA's grammar has, or nothing."""
    parts = text.split('.')
    is_version = 2 <= len(parts) <= 3 and all(
        part.isascii() and part.isdigit() for part in parts
    )
    return text if is_version else ''


def _section(parent: dict[str, Any], key: str) -> dict[str, Any]:
    if not isinstance(parent.get(key), dict):
        parent[key] = {}
    section: dict[str, Any] = parent[key]
    return section


def _move_settings(
    descriptor: Descriptor, node: str, template: dict[str, Any]
) -> None:
    """Take ECRAE's properties out of a node that has ECRAE's type."""
    own = set(types.definitions()[types.ECRAE_COMPUTE]['properties'])
    for definition in types.author_definitions(
        descriptor, template.get('type')
    ):
        # What a type of the author's defines itself stays valid there.
        own -= set(definition.get('properties') or ())
    properties = template.get('properties')
    if not isinstance(properties, dict):
        return
    for name in sorted(own & properties.keys(), key=list(properties).index):
        value = properties.pop(name)
        _section(template, 'metadata').setdefault(f'ecrae.{name}', value)
    if not properties:
        del template['properties']


def _rename(value: Any, key: Any = None) -> Any:
    """Say tosca.nodes.Compute wherever a type key says ECRAE's."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name != 'metadata':
                value[name] = _rename(item, name)
    elif isinstance(value, list):
        value[:] = [_rename(item, key) for item in value]
    elif value == types.ECRAE_COMPUTE and key in _TYPE_KEYS:
        return types.COMPUTE
    return value
