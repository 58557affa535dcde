# SPDX-License-Identifier: Apache-2.0

"""Inventory files: a cloud described in YAML, for plans without a cloud."""

import functools
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import jsonschema
import numpy as np

from ecrae import exception
from ecrae.deployer import yaml_safety
from ecrae.model import load as host_load
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Host
from ecrae.model.cluster import HostState
from ecrae.model.cluster import Image
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge


BUILTIN = 'built-in example inventory'

#: Thousands of hosts are a large file, but one that its reader wrote.
_LIMITS = yaml_safety.Limits(
    size_bytes=32 * 1024 * 1024, depth=20, nodes=2_000_000
)
_MAX_HOSTS = 100_000
_MAX_FAULTS = 10


@functools.cache
def schema() -> dict[str, Any]:
    """JSON Schema of the format."""
    content: dict[str, Any] = json.loads(_data('inventory.schema.json'))
    return content


def builtin(knowledge: Knowledge) -> Cluster:
    """The example inventory that ECRAE ships, for the built-in catalogue.

    :raises InputError: the knowledge lacks some of the catalogue.
    """
    return read(_data('example_inventory.yaml'), BUILTIN, knowledge)


def read(text: str | bytes, name: str, knowledge: Knowledge) -> Cluster:
    """The cloud that an inventory describes.

    :param name: what the user calls the file.
    :param knowledge: has the node types, and the flavors if the inventory
        has none.
    :raises InputError: names every fault with its line.
    """
    try:
        source = yaml_safety.load(text, name, _LIMITS)
    except exception.TemplateError as error:
        raise exception.InputError(source=name, faults=error.faults) from None
    faults = [
        _fault(source, error)
        for error in jsonschema.Draft202012Validator(schema()).iter_errors(
            source.value
        )
    ]
    faults = faults or list(_inconsistencies(source, knowledge))
    if faults:
        raise exception.InputError(source=name, faults=faults[:_MAX_FAULTS])
    content = source.value
    flavors = tuple(_flavor(entry) for entry in content.get('flavors', ()))
    return Cluster(
        hosts=tuple(
            host
            for entry in content['hosts']
            for host in _hosts(entry, knowledge.node_types[entry['node_type']])
        ),
        flavors=flavors or tuple(knowledge.flavors.values()),
        images=tuple(Image(**entry) for entry in content.get('images', ())),
    )


def _data(name: str) -> str:
    return resources.files(__package__).joinpath('data', name).read_text()


def _fault(source: yaml_safety.Document, error: Any) -> str:
    path = list(error.absolute_path)
    line = source.line(*path)
    place = f'line {line}: ' if line else ''
    where = '.'.join(map(str, path))
    about = f'{where}: ' if where else ''
    return f'{place}{about}{error.message[:200]}'


def _inconsistencies(
    source: yaml_safety.Document, knowledge: Knowledge
) -> Iterator[str]:
    """What the schema cannot see."""
    seen: set[str] = set()
    total = 0
    for index, entry in enumerate(source.value['hosts']):
        place = f'line {source.line("hosts", index)}: '
        if entry['node_type'] not in knowledge.node_types:
            valid = ', '.join(sorted(knowledge.node_types))
            yield (
                f'{place}host {entry["name"]}: no node type named '
                f'{entry["node_type"]}; valid are {valid}'
            )
        total += entry.get('count', 1)
        if total > _MAX_HOSTS:
            yield f'{place}more than {_MAX_HOSTS} hosts'
            return
        names = set(_names(entry))
        for name in sorted(names & seen)[:1]:
            yield f'{place}host {name} stands twice'
        seen |= names


def _names(entry: dict[str, Any]) -> list[str]:
    if 'count' not in entry:
        return [entry['name']]
    return [f'{entry["name"]}-{i + 1}' for i in range(entry['count'])]


def _hosts(entry: dict[str, Any], node_type: NodeType) -> Iterator[Host]:
    used = float(entry.get('vcpus_used', 0))
    estimated = host_load.allocated_utilization(
        np.array([used]), np.array([float(node_type.cores)])
    )
    for name in _names(entry):
        yield Host(
            name=name,
            node_type=node_type,
            vcpus_free=entry.get('vcpus', node_type.threads) - used,
            memory_free_mib=entry.get('memory_mib', node_type.memory_mib)
            - entry.get('memory_used_mib', 0),
            disk_free_gib=entry.get('disk_gib', node_type.disk_gib)
            - entry.get('disk_used_gib', 0),
            utilization=entry.get('utilization', float(estimated[0])),
            state=HostState(entry.get('state', 'awake')),
            zone=entry.get('zone', 'nova'),
        )


def _flavor(entry: dict[str, Any]) -> Flavor:
    return Flavor(
        name=entry['name'],
        vcpus=entry['vcpus'],
        memory_mib=entry['memory_mib'],
        disk_gib=entry['disk_gib'],
        extra_specs=tuple(sorted(entry.get('extra_specs', {}).items())),
    )
