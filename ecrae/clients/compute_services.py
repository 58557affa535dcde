# SPDX-License-Identifier: Apache-2.0

"""A host's compute service, in or out of Nova's service, and what it holds.

Every reason that ECRAE gives Nova starts with :data:`OURS`. A service that
was disabled with any other reason is somebody else's decision.
"""

import dataclasses

from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import failures
from ecrae.clients import placement
from ecrae.clients.session import Connection


#: Start of the reason with which ECRAE disables a service.
OURS = 'ECRAE: '

#: Nova's words for a migration that holds no room any longer.
_OVER = frozenset(
    {
        'cancelled',
        'completed',
        'confirmed',
        'done',
        'error',
        'failed',
        'reverted',
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One nova-compute at one moment."""

    id: str
    host: str
    #: Whether it reports.
    is_up: bool
    is_enabled: bool
    reason: str

    @property
    def is_ours(self) -> bool:
        """Whether it is ECRAE that took it out of service."""
        return not self.is_enabled and self.reason.startswith(OURS)

    @property
    def is_someone_elses(self) -> bool:
        """Whether a person, or Nova itself, took it out of service."""
        return not self.is_enabled and not self.is_ours


def get(connection: Connection, host: str) -> Service:
    """The compute service of a host.

    :raises NotFound: Nova knows no such host.
    :raises CloudError: Nova failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'list compute services'):
        found = api.services.list(host=host, binary='nova-compute')
    if not found:
        raise exception.NotFound(noun='compute service', name=host)
    return Service(
        id=found[0].id,
        host=host,
        is_up=found[0].state == 'up',
        is_enabled=found[0].status == 'enabled',
        reason=found[0].disabled_reason or '',
    )


def disable(connection: Connection, service: Service, reason: str) -> None:
    """Let Nova place nothing new on the host; what it has goes on.

    :param reason: for the operator; :data:`OURS` is put before it.
    :raises CloudError: Nova failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'disable a compute service'):
        api.services.disable_log_reason(service.id, f'{OURS}{reason}')


def enable(connection: Connection, service: Service) -> None:
    """Let Nova place servers on the host again.

    :raises CloudError: Nova failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'enable a compute service'):
        api.services.enable(service.id)


def occupants(connection: Connection, host: str) -> list[str]:
    """What keeps the host from being empty, each in a few words.

    Servers in any state count, shut-off ones too: their disks are there.
    So do allocations in Placement, which a server that is being scheduled
    has before Nova says where it will be.

    :raises NotFound: Nova knows no such host.
    :raises CloudError: Nova or Placement failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', 'list servers of a host'):
        servers = api.servers.list(
            detailed=False,
            search_opts={'all_tenants': True, 'host': host},
            limit=-1,
        )
    with failures.reported('Nova', 'list migrations of a host'):
        moves = api.migrations.list(host=host)
    found = {f'server {server.id}' for server in servers}
    found |= {
        f'a migration of server {move.instance_uuid}'
        for move in moves
        if move.status not in _OVER
    }
    return sorted(found) or _consumers(connection, host)


def _consumers(connection: Connection, host: str) -> list[str]:
    return sorted(
        f'an allocation of {consumer}'
        for hypervisor in compute.list_hypervisors(connection)
        if hypervisor.host == host
        for consumer in placement.list_consumers(connection, hypervisor.uuid)
    )
