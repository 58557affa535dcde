# SPDX-License-Identifier: Apache-2.0

"""Servers that run: where they are and what decision they carry."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from heatclient import client as heat_client
from heatclient import exc as heat_exceptions
from novaclient import exceptions as nova_exceptions

from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import failures
from ecrae.clients import orchestration
from ecrae.clients.session import Connection
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Image


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server as its owner, or an administrator, sees it."""

    id: str
    name: str
    status: str
    flavor: str
    #: Compute host; empty for an account that may not see it.
    host: str
    metadata: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What another server in its place must be like."""

    id: str
    name: str
    status: str
    project_id: str
    flavor: Flavor
    #: None for a server that boots from a volume, or whose image is gone.
    image: Image | None
    metadata: Mapping[str, str]
    extra_specs: Mapping[str, str] = dataclasses.field(default_factory=dict)


def get(connection: Connection, server_id: str) -> Details:
    """A server in full.

    :raises NotFound: there is none of that identifier.
    :raises CloudError: Nova or Glance failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'show a server'):
        try:
            found = api.servers.get(server_id)
        except nova_exceptions.NotFound:
            raise exception.NotFound(noun='server', name=server_id) from None
    flavor = found.flavor
    return Details(
        id=found.id,
        name=found.name,
        status=found.status,
        project_id=found.tenant_id,
        flavor=Flavor(
            name=flavor['original_name'],
            vcpus=flavor['vcpus'],
            memory_mib=flavor['ram'],
            disk_gib=flavor['disk'],
        ),
        image=compute.get_image(connection, found.image['id'])
        if found.image
        else None,
        metadata=found.metadata,
        extra_specs=flavor.get('extra_specs') or {},
    )


def find(connection: Connection, name_or_id: str) -> list[Server]:
    """The server of that name or UUID, or else the stack's servers.

    :raises NotFound: there is neither such a server nor such a stack.
    :raises UsageError: several servers bear the name.
    :raises CloudError: Nova or Heat failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'show a server'):
        try:
            return [_server(api.servers.get(name_or_id))]
        except nova_exceptions.NotFound:
            options = {'name': f'^{name_or_id}$'}
            named = api.servers.list(search_opts=options)
    if len(named) > 1:
        listed = ', '.join(server.id for server in named)
        raise exception.UsageError(
            f'{len(named)} servers are named {name_or_id}: use one of the '
            f'UUIDs {listed}.'
        )
    if named:
        return [_server(named[0])]
    identifiers = _of_stack(connection, name_or_id)
    with failures.reported('Nova', 'show a server'):
        return [_server(api.servers.get(each)) for each in identifiers]


def list_all(connection: Connection) -> list[Server]:
    """Every project's servers, page by page.

    :raises Forbidden: the account may not see them.
    :raises CloudError: Nova failed.
    """
    with failures.reported('Nova', 'list servers'):
        found = compute.nova(connection).servers.list(
            search_opts={'all_tenants': True}, limit=-1
        )
    return [_server(each) for each in found]


def _of_stack(connection: Connection, stack: str) -> list[str]:
    api = heat_client.Client(
        '1',
        session=connection.session,
        service_type='orchestration',
        region_name=connection.region,
        interface=connection.interface,
    )
    with failures.reported('Heat', "list a stack's resources"):
        try:
            resources = api.resources.list(
                stack, nested_depth=orchestration.NESTED_DEPTH
            )
        except heat_exceptions.HTTPNotFound:
            raise exception.NotFound(
                f'There is no server and no stack named {stack}.'
            ) from None
    return [
        resource.physical_resource_id
        for resource in resources
        if resource.resource_type == 'OS::Nova::Server'
        and resource.physical_resource_id
    ]


def _server(found: Any) -> Server:
    return Server(
        id=found.id,
        name=found.name,
        status=found.status,
        flavor=found.flavor.get('original_name', ''),
        host=getattr(found, 'OS-EXT-SRV-ATTR:host', None) or '',
        metadata=found.metadata,
    )
