# SPDX-License-Identifier: Apache-2.0

"""A server on other hardware, in the template of its stack. Pure."""

import copy
import dataclasses
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import Any

from ecrae import exception
from ecrae.clients.stack import Place
from ecrae.model import hints


_SERVER = 'OS::Nova::Server'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What the new server is to be built with."""

    node_type: str
    flavor: str
    image: str


def replaced(
    template: Mapping[str, Any],
    resource: str,
    hardware: Hardware,
    server_id: str,
) -> dict[str, Any]:
    """The template with one server on other hardware.

    :param server_id: the server whose place the new one takes.
    :raises PreCheckFailed: the resource is not a server of its own.
    """
    changed = copy.deepcopy(dict(template))
    found = changed.get('resources', {}).get(resource)
    if not found or found.get('type') != _SERVER:
        raise exception.PreCheckFailed(
            f'Resource {resource} of server {server_id} is not an '
            f"{_SERVER} in its stack's template."
        )
    properties = found['properties']
    properties['flavor'] = hardware.flavor
    properties['image'] = hardware.image
    # Heat would resize and rebuild the old server in its place.
    properties['flavor_update_policy'] = 'REPLACE'
    properties['image_update_policy'] = 'REPLACE'
    metadata = _mapping(properties, 'metadata')
    metadata[hints.REPLACES] = server_id
    for marks in (metadata, _mapping(properties, 'scheduler_hints')):
        if hints.NODE_TYPE in marks:
            marks[hints.NODE_TYPE] = hardware.node_type
    return changed


def _mapping(
    properties: MutableMapping[str, Any], name: str
) -> MutableMapping[str, Any]:
    """A property that is a mapping, made if it is not there."""
    if properties.get(name) is None:
        properties[name] = {}
    found: MutableMapping[str, Any] = properties[name]
    return found


def is_asked_for(
    template: Mapping[str, Any], place: Place, server_id: str
) -> bool:
    """Whether the replacement was asked for already, and is wanted still.

    Heat's template is what was last asked; after going back, it is the
    former one again.
    """
    resource = template.get('resources', {}).get(place.resource, {})
    metadata = resource.get('properties', {}).get('metadata') or {}
    return bool(metadata.get(hints.REPLACES) == server_id)
