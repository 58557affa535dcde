# SPDX-License-Identifier: Apache-2.0

"""Every server of the cloud, and the groups that bind servers."""

import dataclasses
import datetime
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ecrae.clients import compute
from ecrae.clients import failures
from ecrae.clients.session import Connection
from ecrae.model import hints
from ecrae.model.fleet import FleetServer
from ecrae.model.fleet import ServerGroup
from ecrae.model.load import Allocation


def list_servers(connection: Connection) -> list[FleetServer]:
    """Every project's servers that have a host.

    :raises Forbidden: the account may not see them.
    :raises CloudError: Nova failed.
    """
    with failures.reported('Nova', 'list servers'):
        found = compute.nova(connection).servers.list(
            search_opts={'all_tenants': True}, limit=-1
        )
    placed = [_server(each.to_dict()) for each in found]
    return [server for server in placed if server.host]


def list_allocations(
    connection: Connection, since: float, now: float
) -> list[Allocation]:
    """vCPUs that servers took and gave back on hosts, since some moment.

    A server that is still being made takes its vCPUs now. What migrations
    moved is not told.

    :param since: seconds since the epoch, as ``now`` is.
    :raises Forbidden: the account may not see all servers.
    :raises CloudError: Nova failed.
    """
    asked = {
        'all_tenants': True,
        'changes-since': datetime.datetime.fromtimestamp(
            since, datetime.UTC
        ).isoformat(),
    }
    with failures.reported('Nova', 'list servers'):
        found = compute.nova(connection).servers.list(
            search_opts=asked, limit=-1
        )
    return [
        allocation
        for each in found
        for allocation in _allocations(each.to_dict(), now)
    ]


def _allocations(facts: Mapping[str, Any], now: float) -> Iterator[Allocation]:
    host = facts.get('OS-EXT-SRV-ATTR:host')
    if not host:
        return
    taken = Allocation(
        host=host,
        vcpus=facts['flavor']['vcpus'],
        at=_seconds(facts.get('OS-SRV-USG:launched_at')) or now,
        decision=(facts.get('metadata') or {}).get(hints.DECISION, ''),
    )
    yield taken
    ended = _seconds(facts.get('OS-SRV-USG:terminated_at'))
    if ended or facts['status'] == 'DELETED':
        yield dataclasses.replace(taken, vcpus=-taken.vcpus, at=ended or now)


def _seconds(text: str | None) -> float | None:
    """Since the epoch; Nova leaves the zone, which is UTC, out."""
    if not text:
        return None
    at = datetime.datetime.fromisoformat(text)
    return at.replace(tzinfo=datetime.UTC).timestamp()


def list_groups(connection: Connection) -> list[ServerGroup]:
    """Every project's server groups.

    :raises Forbidden: the account may not see them.
    :raises CloudError: Nova failed.
    """
    api = compute.nova(connection)
    groups: list[ServerGroup] = []
    with failures.reported('Nova', 'list server groups'):
        while page := api.server_groups.list(
            all_projects=True, limit=compute.PAGE, offset=len(groups)
        ):
            groups += [
                ServerGroup(
                    id=each.id,
                    policy=each.policy,
                    members=tuple(each.members),
                )
                for each in page
            ]
    return groups


def _server(facts: Mapping[str, Any]) -> FleetServer:
    flavor = facts['flavor']
    return FleetServer(
        id=facts['id'],
        name=facts.get('name') or '',
        host=facts.get('OS-EXT-SRV-ATTR:host') or '',
        status=facts['status'],
        task=facts.get('OS-EXT-STS:task_state') or '',
        is_locked=bool(facts.get('locked')),
        vcpus=flavor['vcpus'],
        memory_mib=flavor['ram'],
        disk_gib=flavor['disk'] + flavor.get('ephemeral', 0),
        extra_specs=flavor.get('extra_specs') or {},
        metadata=facts.get('metadata') or {},
        flavor=flavor.get('original_name', ''),
    )
