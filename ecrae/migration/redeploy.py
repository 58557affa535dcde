# SPDX-License-Identifier: Apache-2.0

"""Puts a component on another architecture: a new server for an old one.

Memory cannot move between architectures, so this is for components that
their owner marked relocatable. The stack that the server belongs to is asked
to replace it: what Heat stores of every stack, tagged or not, is plain HOT,
so three properties of one resource are changed there and all else is kept.
Heat takes the old server's ports off, makes the new server, then deletes the
old one; if the new one fails it goes back and puts the ports on again. The old
server runs all the while, without a network from the one to the other. A later
update of the stack
with its own TOSCA document finds the new server as it is and leaves it.
"""

import copy
import dataclasses
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import Any

from oslo_log import log

from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import orchestration
from ecrae.clients import servers
from ecrae.clients.session import Connection
from ecrae.kb import db
from ecrae.kb import knowledge as kb_knowledge
from ecrae.model import hints
from ecrae.model import images
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.plan import Action


LOG = log.getLogger(__name__)

_SERVER = 'OS::Nova::Server'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What the new server is to be built with."""

    node_type: str
    flavor: str
    image: str


class RedeployEnactor:
    """Redeploys a server by its Heat stack.

    :param connect: connection that acts in a project; Heat makes a stack's
        servers in the project of whoever asks for them.
    """

    def __init__(
        self,
        connection: Connection,
        connect: Callable[[str], Connection],
        database: db.Database,
        *,
        timeout_s: float = 3600.0,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._connect = connect
        self._database = database
        self._timeout_s = timeout_s
        self._pause = pause
        self._clock = clock

    def __call__(
        self, action: Action, *, cancelled: Callable[[], bool]
    ) -> None:
        """Return once the new server runs and the old one is gone.

        :raises PreCheckFailed: nothing was touched.
        :raises TransferFailed: Heat went back; the old server still runs.
        :raises RestoreFailed: the stack needs a person; the old server runs
            unless the message says otherwise.
        """
        try:
            server = servers.get(self._connection, action.workload)
        except exception.NotFound:
            self._require_successor(action)
            return
        stacks = orchestration.Stacks(self._connect(server.project_id))
        place = stacks.find_server(server.id, server.name)
        if place is None:
            raise exception.PreCheckFailed(
                f'Server {server.id} is of no Heat stack of its project, or '
                f"ECRAE's account has no role there: it cannot be "
                f'redeployed.'
            )
        template = stacks.template(place.stack_id)
        if not _is_ours(template, place, server.id):
            self._begin(stacks, place, template, server, action)
        self._follow(stacks, place, server, cancelled)

    def _begin(
        self,
        stacks: orchestration.Stacks,
        place: orchestration.Place,
        template: Mapping[str, Any],
        server: servers.Details,
        action: Action,
    ) -> None:
        _require_consent(server)
        stack = stacks.find(place.stack_id)
        if stack is None or not stack.is_complete:
            status = stack.status if stack else 'gone'
            raise exception.PreCheckFailed(
                f'The stack of server {server.id} is {status}: it is '
                f'redeployed when the stack is complete.'
            )
        hardware = self._choose(server, action.destination)
        LOG.info(
            'Replacing server %s by one on %s', server.id, hardware.node_type
        )
        stacks.change_template(
            place.stack_id,
            replaced(template, place.resource, hardware, server.id),
        )

    def _choose(self, server: servers.Details, host: str) -> Hardware:
        with self._database.reader() as session:
            known = kb_knowledge.load(session)
        if host not in known.hosts:
            raise exception.NotFound(noun='host', name=host)
        node_type = known.node_type_of(known.hosts[host])
        flavor = _flavor(known, node_type, server)
        found = compute.list_images(self._connection, server.project_id)
        old = server.image
        if old is None or not old.os_distribution:
            raise exception.PreCheckFailed(
                f'The image of server {server.id} does not tell what it '
                f'holds (os_distro), so its like for '
                f'{node_type.architecture} cannot be found.'
            )
        wanted = images.Wanted(
            architecture=node_type.architecture,
            os_type=old.os_type,
            os_distribution=old.os_distribution,
            os_version=old.os_version,
        )
        image = images.choose(wanted, flavor, found)
        if image is None:
            raise exception.PreCheckFailed(
                f'Server {server.id} cannot be redeployed: '
                f'{images.lack(wanted, flavor, found)}.'
            )
        return Hardware(
            node_type=node_type.name, flavor=flavor.name, image=image.name
        )

    def _follow(
        self,
        stacks: orchestration.Stacks,
        place: orchestration.Place,
        server: servers.Details,
        cancelled: Callable[[], bool],
    ) -> None:
        """Wait for the stack; ask once to go back when cancelled."""
        deadline = self._clock() + self._timeout_s
        why = ''
        while True:
            stack = stacks.find(place.stack_id)
            if stack is None:
                raise exception.Conflict(
                    f'The stack of server {server.id} was deleted meanwhile.'
                )
            if not stack.is_in_progress:
                return self._judge(stacks, place, server, stack, why)
            is_late = self._clock() >= deadline
            if not why and (is_late or cancelled()):
                why = 'it took too long' if is_late else 'it was cancelled'
                if stack.status.startswith('UPDATE'):
                    stacks.cancel_update(place.stack_id)
                deadline = self._clock() + self._timeout_s
            elif why and is_late:
                raise exception.RestoreFailed(
                    f'Stack {stack.name} does not come to an end: it is '
                    f'{stack.status}.'
                )
            self._pause(orchestration.POLL_INTERVAL_S)

    def _judge(
        self,
        stacks: orchestration.Stacks,
        place: orchestration.Place,
        server: servers.Details,
        stack: orchestration.Stack,
        why: str,
    ) -> None:
        successor = stacks.server_of(place)
        if stack.status == 'UPDATE_COMPLETE' and successor != server.id:
            LOG.info('Server %s runs in place of %s', successor, server.id)
            return
        reason = why or stack.status_reason
        if stack.status == 'ROLLBACK_COMPLETE' and successor == server.id:
            raise exception.TransferFailed(
                f'Server {server.id} stays as it was: {reason}.'
            )
        raise exception.RestoreFailed(
            f'Stack {stack.name} is {stack.status} after redeploying server '
            f'{server.id}: {reason}. See "openstack stack failures list '
            f'{stack.id}", and whether the server has its ports: Heat takes '
            f'them off before it makes another one, and fails to put them on '
            f'again when that one vanishes too soon.'
        )

    def _require_successor(self, action: Action) -> None:
        """That the server is gone because another one took its place."""
        for each in servers.list_all(self._connection):
            if each.metadata.get(hints.REPLACES) == action.workload:
                return
        raise exception.NotFound(noun='server', name=action.workload)


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


def _is_ours(
    template: Mapping[str, Any], place: orchestration.Place, server_id: str
) -> bool:
    """Whether the replacement was asked for already, and is wanted still.

    Heat's template is what was last asked; after going back, it is the
    former one again.
    """
    resource = template.get('resources', {}).get(place.resource, {})
    metadata = resource.get('properties', {}).get('metadata') or {}
    return bool(metadata.get(hints.REPLACES) == server_id)


def _require_consent(server: servers.Details) -> None:
    if not hints.is_relocatable(server.metadata, server.extra_specs):
        raise exception.PreCheckFailed(
            f'Server {server.id} may not be redeployed: its owner allows it '
            f'by {hints.RELOCATABLE}=true in its metadata or its flavor, '
            f'without {hints.PINNED}.'
        )


def _flavor(
    known: Knowledge, node_type: NodeType, server: servers.Details
) -> Flavor:
    """The tag's smallest flavor there that is no smaller than the old one."""
    tag = known.tags.get(
        hints.mark(hints.TAG, server.metadata, server.extra_specs)
    )
    if tag is None:
        return server.flavor
    fitting = [
        target.flavor
        for target in tag.targets
        if target.node_type.name == node_type.name
        and target.flavor.vcpus >= server.flavor.vcpus
        and target.flavor.memory_mib >= server.flavor.memory_mib
    ]
    if not fitting:
        raise exception.PreCheckFailed(
            f'Tag {tag.name} has no flavor on {node_type.name} as large as '
            f'{server.flavor.name}.'
        )
    return min(fitting, key=lambda f: (f.vcpus, f.memory_mib, f.name))
