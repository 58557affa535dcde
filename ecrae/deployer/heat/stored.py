# SPDX-License-Identifier: Apache-2.0

"""What the servers of an existing stack were really built with.

An update must leave an unchanged component where it is. Heat's template is
no witness for that: after a failed update it says what was wanted. The
properties that Heat keeps with each finished resource say what is there.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from heat.common import context as heat_context
from heat.objects import resource as resource_objects
from heat.objects import stack as stack_objects

from ecrae.deployer.selection import Previous
from ecrae.model import hints


#: How Heat writes the id of a stack that has none yet.
NO_ID = ('', 'None')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A tagged server as it was built."""

    tag: str
    node_type: str
    flavor: str
    image: str
    decision: str


def servers_of(identifier: Mapping[str, str]) -> dict[str, Server]:
    """Finished tagged servers of a stack, by resource name.

    :param identifier: Heat's; a stack without id is found by its name.
    """
    stack = _find_stack(identifier)
    if stack is None:
        return {}
    rows = resource_objects.Resource.get_all_active_by_stack(
        _context(identifier['tenant']), stack.id
    )
    found = {}
    # Of a resource and its replacement, the later row counts.
    for _, row in sorted(rows.items()):
        server = _server(row)
        if server is not None:
            found[row.name] = server
    return found


def previous(servers: Mapping[str, Server]) -> dict[str, Previous]:
    """Where the components are, for the selection."""
    return {
        name: Previous(server.node_type, server.flavor, server.image)
        for name, server in servers.items()
    }


def keep_decisions(
    hot: Mapping[str, Any], servers: Mapping[str, Server]
) -> None:
    """Let a server that stays as it is carry the decision it was built on.

    Otherwise every update of a stack would touch every server of it.
    """
    for name, resource in hot['resources'].items():
        server = servers.get(name)
        properties = resource.get('properties') or {}
        if server is not None and _is_same(properties, server):
            properties['metadata'][hints.DECISION] = server.decision


def _is_same(properties: Mapping[str, Any], server: Server) -> bool:
    metadata = properties.get('metadata') or {}
    return (
        metadata.get(hints.TAG) == server.tag
        and metadata.get(hints.NODE_TYPE) == server.node_type
        and properties.get('flavor') == server.flavor
        and properties.get('image') == server.image
    )


def nested_stack_id(
    identifier: Mapping[str, str], resource_name: str
) -> str | None:
    """Id of the stack that an existing stack's resource is, if any."""
    stack = _find_stack(identifier)
    if stack is None:
        return None
    row = resource_objects.Resource.get_by_name_and_stack(
        _context(identifier['tenant']), resource_name, stack.id
    )
    return row.physical_resource_id if row is not None else None


def _find_stack(identifier: Mapping[str, str]) -> Any:
    context = _context(identifier['tenant'])
    if identifier['stack_id'] in NO_ID:
        return stack_objects.Stack.get_by_name(
            context, identifier['stack_name']
        )
    return stack_objects.Stack.get_by_id(context, identifier['stack_id'])


def _context(project_id: str) -> Any:
    """A context to read that project's rows with, and nothing else."""
    return heat_context.RequestContext(
        project_id=project_id, is_admin=False, overwrite=False
    )


def _server(row: Any) -> Server | None:
    if row.status != 'COMPLETE' or not row.physical_resource_id:
        return None
    properties = row.properties_data or {}
    metadata = properties.get('metadata') or {}
    if not isinstance(metadata, Mapping) or hints.NODE_TYPE not in metadata:
        return None
    return Server(
        tag=metadata.get(hints.TAG, ''),
        node_type=metadata[hints.NODE_TYPE],
        flavor=properties.get('flavor') or '',
        image=properties.get('image') or '',
        decision=metadata.get(hints.DECISION, ''),
    )
