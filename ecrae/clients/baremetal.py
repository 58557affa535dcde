# SPDX-License-Identifier: Apache-2.0

"""Power of the machines that Ironic looks after."""

import dataclasses
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as auth_exceptions

from ecrae import exception
from ecrae.clients import failures
from ecrae.clients.session import Connection


#: Soft power off came with Ocata's 1.27.
MICROVERSION = '1.27'

ON = 'power on'
OFF = 'power off'
SOFT_OFF = 'soft power off'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """A node's power as Ironic last saw it."""

    #: ``power on``, ``power off`` or, while Ironic cannot tell, empty.
    state: str
    #: What Ironic is at; empty when nothing is under way.
    target: str
    #: Why the last thing that was asked failed; empty when it did not.
    error: str


def get_power(connection: Connection, node: str) -> Power:
    """Whether a node is on.

    :param node: name or UUID.
    :raises NotFound: Ironic knows no such node.
    :raises CloudError: Ironic failed.
    """
    fields = 'power_state,target_power_state,last_error'
    with failures.reported('Ironic', 'show a node'):
        found = _get(connection, f'/v1/nodes/{node}?fields={fields}', node)
    return Power(
        state=found.get('power_state') or '',
        target=found.get('target_power_state') or '',
        error=found.get('last_error') or '',
    )


def set_power(connection: Connection, node: str, target: str) -> None:
    """Ask for a power state; Ironic answers before it is reached.

    :param target: :data:`ON`, :data:`OFF` or :data:`SOFT_OFF`.
    :raises NotFound: Ironic knows no such node.
    :raises Conflict: Ironic is busy with the node: ask again.
    :raises CloudError: Ironic failed or refused.
    """
    with failures.reported('Ironic', f'change a node to "{target}"'):
        try:
            _api(connection).put(
                f'/v1/nodes/{node}/states/power', json={'target': target}
            )
        except auth_exceptions.NotFound:
            raise exception.NotFound(noun='node', name=node) from None
        except auth_exceptions.Conflict as error:
            raise exception.Conflict(
                f'Ironic is busy with node {node}.'
            ) from error


def _get(connection: Connection, path: str, node: str) -> dict[str, Any]:
    try:
        return dict(_api(connection).get(path).json())
    except auth_exceptions.NotFound:
        raise exception.NotFound(noun='node', name=node) from None


def _api(connection: Connection) -> adapter.Adapter:
    return connection.api('baremetal', default_microversion=MICROVERSION)
