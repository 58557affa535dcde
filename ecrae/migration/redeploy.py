# SPDX-License-Identifier: Apache-2.0

"""Puts a component on another architecture: a new server for an old one.

Memory cannot move between architectures, so this is for components that
their owner marked relocatable. The stack that the server belongs to is asked
to replace it: what Heat stores of every stack, tagged or not, is plain HOT,
so three properties of one resource are changed there and all else is kept.
Heat takes the old server's ports off, makes the new server, then deletes the
old one. The old server runs all the while, without a network from the one to
the other. A later update of the stack with its own TOSCA document finds the
new server as it is and leaves it.

When the new server fails, Heat goes back, and :mod:`.reversal` does what is
missing then.
"""

import time
from collections.abc import Callable

from oslo_log import log

from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import orchestration
from ecrae.clients import servers
from ecrae.clients.session import Connection
from ecrae.clients.stack import Stack
from ecrae.kb import db
from ecrae.kb import knowledge as kb_knowledge
from ecrae.kb.redeployments import Redeployment
from ecrae.migration import replacement
from ecrae.migration.replacement import Hardware
from ecrae.migration.reversal import Case
from ecrae.migration.reversal import Reversal
from ecrae.model import hints
from ecrae.model import images
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.plan import Action


LOG = log.getLogger(__name__)


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
        self._reversal = Reversal(
            connection,
            database,
            timeout_s=timeout_s,
            pause=pause,
            clock=clock,
        )
        self._pause = pause
        self._clock = clock

    def __call__(
        self, action: Action, *, cancelled: Callable[[], bool]
    ) -> None:
        """Return once the new server runs and the old one is gone.

        :raises PreCheckFailed: nothing was touched.
        :raises TransferFailed: the old server runs with what it had; the
            message names an address that could not be had again.
        :raises RestoreFailed: a person must look at the stack, or at what
            the old server lacks; the message says which.
        """
        try:
            server = servers.get(self._connection, action.workload)
        except exception.NotFound:
            self._reversal.forget(action.workload)
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
        case = Case(server=server.id, place=place, stacks=stacks)
        known = self._reversal.find(server.id)
        why = known.failure if known else ''
        if not why:
            if not _is_begun(case, known):
                self._begin(case, server, action.destination)
            why = self._follow(case, cancelled)
        if why:
            raise self._reversal.take_back(case, why)
        self._reversal.forget(server.id)

    def _begin(
        self, case: Case, server: servers.Details, destination: str
    ) -> None:
        _require_consent(server)
        stack = case.stack()
        if not stack.is_complete:
            raise exception.PreCheckFailed(
                f'The stack of server {server.id} is {stack.status}: it is '
                f'redeployed when the stack is complete.'
            )
        hardware = self._choose(server, destination)
        place = case.place
        changed = replacement.replaced(
            case.stacks.template(place.stack_id),
            place.resource,
            hardware,
            server.id,
        )
        self._reversal.remember(server.id)
        LOG.info(
            'Replacing server %s by one on %s', server.id, hardware.node_type
        )
        case.stacks.change_template(place.stack_id, changed)

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

    def _follow(self, case: Case, cancelled: Callable[[], bool]) -> str:
        """Wait for the stack; ask once to go back when cancelled.

        :returns: why the old server is to stay; empty: it is replaced.
        """
        deadline = self._clock() + self._timeout_s
        why = ''
        while True:
            stack = case.stack()
            if not stack.is_in_progress:
                return _verdict(case, stack, why)
            is_late = self._clock() >= deadline
            if not why and (is_late or cancelled()):
                why = 'it took too long' if is_late else 'it was cancelled'
                if stack.status.startswith('UPDATE'):
                    case.stacks.cancel_update(case.place.stack_id)
                deadline = self._clock() + self._timeout_s
            elif why and is_late:
                return f'{why}, and Heat does not come to an end'
            self._pause(orchestration.POLL_INTERVAL_S)

    def _require_successor(self, action: Action) -> None:
        """That the server is gone because another one took its place."""
        for each in servers.list_all(self._connection):
            if each.metadata.get(hints.REPLACES) == action.workload:
                return
        raise exception.NotFound(noun='server', name=action.workload)


def _is_begun(case: Case, known: Redeployment | None) -> bool:
    """Whether Heat was asked already, and is at it or has gone back.

    Its template is what was last asked; after going back, the former one.
    """
    if case.is_asked_for():
        return True
    return known is not None and case.stack().status.startswith('ROLLBACK')


def _verdict(case: Case, stack: Stack, why: str) -> str:
    """Why the old server is to stay; empty: another runs in its place."""
    successor = case.stacks.server_of(case.place)
    if stack.status == 'UPDATE_COMPLETE' and successor != case.server:
        LOG.info('Server %s runs in place of %s', successor, case.server)
        return ''
    cause = case.stacks.why_failed(stack.id, stack.name)
    return why or cause or stack.status_reason


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
