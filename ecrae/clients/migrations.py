# SPDX-License-Identifier: Apache-2.0

"""Live migration of servers, as Nova does it."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from novaclient import exceptions as nova_exceptions

from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import failures
from ecrae.clients.session import Connection


#: Nova's words for a live migration that is over.
_OVER = ('completed', 'error', 'failed', 'cancelled')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server is and what happens to it."""

    host: str
    #: ``ACTIVE``, ``MIGRATING``, ``ERROR`` …
    status: str
    #: ``migrating`` and so on; empty when nothing is under way.
    task: str
    is_locked: bool
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    extra_specs: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A live migration that is under way."""

    id: str
    status: str
    memory_bytes: int
    memory_bytes_left: int


def get_place(connection: Connection, server: str) -> Place:
    """Where the server is now.

    :raises NotFound: there is no such server.
    :raises CloudError: Nova failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'show a server'):
        try:
            found = api.servers.get(server)
        except nova_exceptions.NotFound:
            raise exception.NotFound(noun='server', name=server) from None
    facts = found.to_dict()
    return Place(
        host=facts.get('OS-EXT-SRV-ATTR:host') or '',
        status=facts['status'],
        task=facts.get('OS-EXT-STS:task_state') or '',
        is_locked=bool(facts.get('locked')),
        metadata=facts.get('metadata') or {},
        extra_specs=facts.get('flavor', {}).get('extra_specs') or {},
    )


def start(connection: Connection, server: str, host: str) -> None:
    """Ask Nova to move the server; its scheduler checks the host.

    :raises CloudError: Nova refused, for example because the host cannot.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'live-migrate a server'):
        api.servers.live_migrate(server, host, block_migration='auto')


def get_progress(connection: Connection, server: str) -> Progress | None:
    """The live migration under way; None when there is none.

    :raises CloudError: Nova failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', "list a server's migrations"):
        found = [
            item
            for item in api.server_migrations.list(server)
            if item.status not in _OVER
        ]
    if not found:
        return None
    item = found[0].to_dict()
    return Progress(
        id=str(item['id']),
        status=item['status'],
        memory_bytes=item.get('memory_total_bytes') or 0,
        memory_bytes_left=item.get('memory_remaining_bytes') or 0,
    )


def was_asked(
    connection: Connection,
    server: str,
    host: str,
    since: datetime.datetime,
) -> bool:
    """Whether Nova was asked to move the server to a host since a time.

    :raises CloudError: Nova failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'list migrations'):
        found = api.migrations.list(
            instance_uuid=server, changes_since=since.isoformat()
        )
    return any(each.dest_compute == host for each in found)


def force_complete(
    connection: Connection, server: str, migration: str
) -> None:
    """Switch to post-copy where Nova may, else pause the server for it.

    :raises CloudError: Nova refused.
    """
    _act(connection, 'live_migrate_force_complete', server, migration)


def abort(connection: Connection, server: str, migration: str) -> None:
    """Let the server stay where it is.

    :raises CloudError: Nova refused, as it does once it has switched over.
    """
    _act(connection, 'live_migration_abort', server, migration)


def _act(
    connection: Connection, name: str, server: str, migration: str
) -> None:
    api: Any = compute.nova(connection)
    with failures.reported('Nova', name.replace('_', ' ')):
        getattr(api.server_migrations, name)(server, migration)
