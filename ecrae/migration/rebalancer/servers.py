# SPDX-License-Identifier: Apache-2.0

"""Moves servers by Nova's live migration, and knows how each one ended."""

import dataclasses
import datetime
import time
import uuid
from collections.abc import Callable

from oslo_log import log as logging

from ecrae import exception
from ecrae.clients import migrations
from ecrae.clients.session import Connection
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.migration.drivers import nova_live
from ecrae.model import hints
from ecrae.model.plan import Action


LOG = logging.getLogger(__name__)

_ACTIVE = 'ACTIVE'

#: Clocks of two machines may differ by this much.
_CLOCK_SKEW = datetime.timedelta(seconds=60)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds that things may take."""

    #: A migration that takes longer is aborted.
    timeout_s: float = 1800.0
    #: When Nova is asked to force completion; None: never.
    force_after_s: float | None = 600.0
    #: How long an abort may take to show.
    settle_s: float = 300.0
    poll_s: float = 1.0


class ServerMover:
    """The enactor of migrations of servers."""

    def __init__(
        self,
        connection: Connection,
        timing: Timing,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._timing = timing
        self._pause = pause
        self._clock = clock

    def __call__(
        self, action: Action, *, cancelled: Callable[[], bool]
    ) -> None:
        """Move the server; return when it runs at its destination.

        :raises PreCheckFailed: nothing was touched.
        :raises TransferFailed: it runs where it was.
        :raises RestoreFailed: it is broken, or Nova does not come to an end.
        :raises CloudError: Nova refused.
        """
        place = migrations.get_place(self._connection, action.workload)
        if place.task:
            # Left under way by a rebalancer that died, or begun by another.
            LOG.info('%s is %s already: waiting', action.workload, place.task)
            return self._wait_and_judge(action, cancelled)
        if _has_arrived(place, action):
            return None
        if self._was_tried(action):
            return self._judge(action, place, 'it was tried')
        _check(place, action)
        try:
            self._migrate(action, cancelled)
        except exception.EcraeError as error:
            LOG.warning('%s: %s', action.workload, error)
            place = self._settled(action)
            if not _has_arrived(place, action):
                raise self._ended(action, place, error) from error
        else:
            place = migrations.get_place(self._connection, action.workload)
            return self._judge(action, place, 'it moved')
        return None

    def _migrate(self, action: Action, cancelled: Callable[[], bool]) -> None:
        source = nova_live.NovaSource(
            self._connection,
            force_after_s=self._timing.force_after_s,
            poll_s=self._timing.poll_s,
            pause=_Interruptible(action, cancelled, self._pause),
            clock=self._clock,
        )
        nova_live.migrate(
            source,
            jobs.Job(
                id=str(uuid.uuid4()),
                workload=f'nova:{action.workload}',
                source=action.source,
                destination=action.destination,
                mode=jobs.Mode.LIVE,
                reason=action.reason,
            ),
            timeout_s=self._timing.timeout_s,
            report=_unheard,
        )

    def _was_tried(self, action: Action) -> bool:
        """Whether Nova was asked before, by a rebalancer that died then."""
        if action.started_at is None:
            return False
        return migrations.was_asked(
            self._connection,
            action.workload,
            action.destination,
            action.started_at - _CLOCK_SKEW,
        )

    def _wait_and_judge(
        self, action: Action, cancelled: Callable[[], bool]
    ) -> None:
        pause = _Interruptible(action, cancelled, self._pause)
        began = self._clock()
        while migrations.get_place(self._connection, action.workload).task:
            if self._clock() - began > self._timing.timeout_s:
                self._abort(action)
                break
            try:
                pause(self._timing.poll_s)
            except exception.TransferFailed:
                self._abort(action)
                break
        self._judge(action, self._settled(action), 'it was under way')

    def _abort(self, action: Action) -> None:
        found = migrations.get_progress(self._connection, action.workload)
        if found is None:
            return
        try:
            migrations.abort(self._connection, action.workload, found.id)
        except exception.CloudError as error:
            # It is too late for that: how it ends will be seen.
            LOG.warning('%s', error)

    def _settled(self, action: Action) -> migrations.Place:
        """Where the server is once nothing is going on with it.

        :raises RestoreFailed: Nova does not come to an end.
        """
        began = self._clock()
        while True:
            place = migrations.get_place(self._connection, action.workload)
            if not place.task:
                return place
            if self._clock() - began > self._timing.settle_s:
                raise exception.RestoreFailed(
                    f'{action.workload} is still {place.task} after '
                    f'{self._timing.settle_s:g} s: see "openstack server '
                    f'migration list --server {action.workload}".'
                )
            self._pause(self._timing.poll_s)

    def _judge(
        self, action: Action, place: migrations.Place, how: str
    ) -> None:
        if not _has_arrived(place, action):
            raise self._ended(
                action, place, exception.TransferFailed(f'{how}.')
            )

    def _ended(
        self,
        action: Action,
        place: migrations.Place,
        error: exception.EcraeError,
    ) -> exception.EcraeError:
        if place.status == 'ERROR':
            return exception.RestoreFailed(
                f'{action.workload} is in ERROR on {place.host}: see '
                f'"openstack server event list {action.workload}". {error}'
            )
        if isinstance(error, exception.MigrationError | exception.CloudError):
            kind = type(error)
        else:
            kind = exception.TransferFailed
        return kind(
            f'{action.workload} is {place.status} on {place.host}, and not '
            f'on {action.destination}: {error}'
        )


class _Interruptible:
    """A pause that ends in an error, once, when the plan is cancelled."""

    def __init__(
        self,
        action: Action,
        cancelled: Callable[[], bool],
        pause: Callable[[float], None],
    ) -> None:
        self._action = action
        self._cancelled = cancelled
        self._pause = pause
        self._is_spent = False

    def __call__(self, seconds: float) -> None:
        if not self._is_spent and self._cancelled():
            self._is_spent = True
            raise exception.TransferFailed(
                f'The plan that moves {self._action.workload} was cancelled.'
            )
        self._pause(seconds)


def _check(place: migrations.Place, action: Action) -> None:
    """What Nova does not look at; the driver and Nova do the rest."""
    if hints.is_pinned(place.metadata, place.extra_specs):
        raise exception.PreCheckFailed(
            f'{action.workload} was pinned by {hints.PINNED}.'
        )


def _has_arrived(place: migrations.Place, action: Action) -> bool:
    return (
        place.host == action.destination
        and place.status == _ACTIVE
        and not place.task
    )


def _unheard(progress: base.Progress) -> None:
    """Progress has no reader here."""
