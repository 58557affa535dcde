# SPDX-License-Identifier: Apache-2.0

"""Makes a redeployment that failed undone, where Heat does not.

Heat takes a server's ports off before it makes another in its place. A port
that Nova made is deleted then, and Heat's way back does not make it anew; and
where Heat deletes the failed server sooner than it asks about it, the way
back ends in ROLLBACK_FAILED before anything was put on again. So what the
server had is kept in the knowledge base before Heat is asked, for whichever
rebalancer is there when it fails.
"""

import dataclasses
import time
from collections.abc import Callable

from oslo_log import log

from ecrae import exception
from ecrae.clients import attachments
from ecrae.clients import orchestration
from ecrae.clients import servers
from ecrae.clients.attachments import Lacks
from ecrae.clients.session import Connection
from ecrae.clients.stack import Place
from ecrae.clients.stack import Stack
from ecrae.kb import db
from ecrae.kb import redeployments
from ecrae.kb.redeployments import Redeployment
from ecrae.migration import replacement


LOG = log.getLogger(__name__)

#: Seconds for which services may refuse to give a server back what it had.
_PATIENCE_S = 120.0

#: Nova's words for servers that Heat would replace when asked to look.
_BROKEN = ('ERROR', 'DELETED', 'SOFT_DELETED')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A server, the resource of a stack that it is, and who asks Heat."""

    server: str
    place: Place
    stacks: orchestration.Stacks

    def stack(self) -> Stack:
        """The stack as it is now.

        :raises Conflict: it is gone.
        """
        found = self.stacks.find(self.place.stack_id)
        if found is None:
            raise exception.Conflict(
                f'The stack of server {self.server} was deleted meanwhile.'
            )
        return found

    def is_asked_for(self) -> bool:
        """Whether the stack's template is the one with the replacement."""
        template = self.stacks.template(self.place.stack_id)
        return replacement.is_asked_for(template, self.place, self.server)


class Reversal:
    """Remembers what servers had, and gives it back.

    :param connection: of an administrator.
    """

    def __init__(
        self,
        connection: Connection,
        database: db.Database,
        *,
        timeout_s: float,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._database = database
        self._timeout_s = timeout_s
        self._pause = pause
        self._clock = clock

    def remember(self, server: str) -> None:
        """Keep what a server has, before anything is done with it.

        :raises CloudError: Nova or Neutron failed.
        """
        before = attachments.list_all(self._connection, server)
        self._keep(Redeployment(server=server, attachments=before))

    def find(self, server: str) -> Redeployment | None:
        """What was kept of a server's redeployment that is under way."""
        with self._database.reader() as session:
            return redeployments.find(session, server)

    def forget(self, server: str) -> None:
        """The redeployment is over."""
        with self._database.writer() as session:
            redeployments.forget(session, server)

    def take_back(self, case: Case, why: str) -> exception.MigrationError:
        """Give the old server what it had, and its stack a good state.

        :param why: what went wrong.
        :returns: ``TransferFailed`` when all is as it was, but for what the
            message says, else ``RestoreFailed``.
        :raises CloudError: services failed for too long.
        """
        known = self.find(case.server)
        lacks = Lacks()
        if known is not None:
            self._keep(dataclasses.replace(known, failure=why))
            lacks = self._restore(known)
        stack = self._settled(case)
        self.forget(case.server)
        said = ''.join(f' Now {each}.' for each in lacks.changed)
        is_there = case.stacks.server_of(case.place) == case.server
        if stack.is_complete and is_there and not lacks.missing:
            return exception.TransferFailed(
                f'Server {case.server} stays as it was: {why}.{said}'
            )
        said += ''.join(f' It lacks {each}.' for each in lacks.missing)
        return exception.RestoreFailed(
            f'Server {case.server} could not be redeployed: {why}. Its stack '
            f'{stack.name} is {stack.status}: see "openstack stack failures '
            f'list {stack.id}".{said}'
        )

    def _keep(self, redeployment: Redeployment) -> None:
        with self._database.writer() as session:
            redeployments.record(session, redeployment)

    def _restore(self, known: Redeployment) -> Lacks:
        keeper = attachments.Keeper(self._connection, known.server)
        deadline = self._clock() + _PATIENCE_S
        while True:
            is_late = self._clock() >= deadline
            try:
                lacks = keeper.restore(known.attachments)
            except exception.CloudError as error:
                if is_late:
                    raise
                LOG.warning('%s: %s', known.server, error)
            else:
                # What the failed server had is free once that is deleted.
                if is_late or not lacks.missing:
                    return lacks
            self._pause(orchestration.POLL_INTERVAL_S)

    def _settled(self, case: Case) -> Stack:
        """The stack, after Heat was asked to see that all is as it should be.

        What has failed counts as failed until somebody updates the stack. An
        update by the template that it has finds nothing to change, unless
        the server is broken: that one, Heat would replace.
        """
        stack = case.stack()
        if stack.status != 'ROLLBACK_FAILED' or case.is_asked_for():
            return stack
        server = servers.get(self._connection, case.server)
        is_there = case.stacks.server_of(case.place) == case.server
        if not is_there or server.status in _BROKEN:
            return stack
        case.stacks.look_again(case.place.stack_id)
        deadline = self._clock() + self._timeout_s
        stack = case.stack()
        while stack.is_in_progress and self._clock() < deadline:
            self._pause(orchestration.POLL_INTERVAL_S)
            stack = case.stack()
        return stack
