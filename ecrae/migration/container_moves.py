# SPDX-License-Identifier: Apache-2.0

"""Moves containers and processes by the agents of their hosts.

The agents' journals say what became of a move, whoever asked for it, so a
rebalancer that takes over from another one looks there first.
"""

import time
from collections.abc import Callable
from typing import Any

from oslo_log import log

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration import rpcapi
from ecrae.migration.journal import Phase
from ecrae.model.plan import Action


LOG = log.getLogger(__name__)

#: Phases in which the source is done with a move.
_OVER = (Phase.RELEASED, Phase.RETURNED)


class ContainerMover:
    """The enactor of migrations of what agents look after.

    :param timeout_s: after which a move is cancelled, if it still can be.
    :param silence_s: how long the source's agent may not answer.
    """

    def __init__(
        self,
        api: rpcapi.AgentAPI,
        *,
        timeout_s: float = 3600.0,
        silence_s: float = 300.0,
        poll_s: float = 2.0,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self._poll_s = poll_s
        self._pause = pause
        self._clock = clock

    def __call__(
        self, action: Action, *, cancelled: Callable[[], bool]
    ) -> None:
        """Return when the workload runs at its destination.

        :raises PreCheckFailed: nothing was touched.
        :raises TransferFailed: it runs where it was.
        :raises RestoreFailed: the hosts do not agree where it is to run.
        :raises Unreachable: the source's agent is silent; its journal
            decides, and the next try reads it.
        """
        migration_id = self._begun(action)
        if migration_id is None:
            if self._has_arrived(action):
                return
            migration_id = self._begin(action)
        self._follow(action, migration_id, cancelled)

    def _begun(self, action: Action) -> str | None:
        """The move of this action that the source knows of already."""
        found = [
            each
            for each in self._api.list_migrations(action.source)
            if each['role'] == 'source'
            and each['workload'] == action.workload
            and each['destination'] == action.destination
            and (
                each['phase'] not in _OVER
                or _is_since(action, float(each['changed']))
            )
        ]
        if not found:
            return None
        newest = max(found, key=lambda each: float(each['began']))
        LOG.info('%s: move %s is known', action.workload, newest['id'])
        return str(newest['id'])

    def _has_arrived(self, action: Action) -> bool:
        """Whether it runs there and not here, by whoever's hand."""
        return self._runs(action.destination, action) and not self._runs(
            action.source, action
        )

    def _runs(self, host: str, action: Action) -> bool:
        return any(
            each['name'] == action.workload and each['is_running']
            for each in self._api.get_agent(host)['workloads']
        )

    def _begin(self, action: Action) -> str:
        """Start the move; an answer that is lost is looked for.

        :raises PreCheckFailed: the agents refuse.
        """
        try:
            job = self._api.migrate(
                action.source,
                action.workload,
                action.destination,
                str(jobs.Mode.AUTO),
            )
        except exception.Unreachable:
            # The agent may have begun all the same; its journal knows.
            migration_id = self._begun(action)
            if migration_id is None:
                raise
            return migration_id
        LOG.info(
            'Moving %s from %s to %s by %s: %s',
            action.workload,
            action.source,
            action.destination,
            job['mode'],
            job['reason'],
        )
        return str(job['id'])

    def _follow(
        self,
        action: Action,
        migration_id: str,
        cancelled: Callable[[], bool],
    ) -> None:
        deadline = self._clock() + self._timeout_s
        is_asked_to_stop = False
        while True:
            found = self._look(action, migration_id)
            if found['phase'] in _OVER:
                return _judge(action, found)
            is_late = self._clock() >= deadline
            if not is_asked_to_stop and (is_late or cancelled()):
                is_asked_to_stop = True
                self._stop(action, migration_id)
                deadline = self._clock() + self._timeout_s
            elif is_late:
                raise exception.RestoreFailed(
                    f'{action.workload} is {found["phase"]} from '
                    f'{action.source} to {action.destination} and does not '
                    f'come to an end: see "ecrae migration show '
                    f'{migration_id}". {found["problem"]}'
                )
            self._pause(self._poll_s)

    def _look(self, action: Action, migration_id: str) -> dict[str, Any]:
        """The move as the source knows it, once its agent answers."""
        deadline = self._clock() + self._silence_s
        while True:
            try:
                return self._api.get_migration(action.source, migration_id)
            except exception.Unreachable:
                # Agents restart; what they move goes on.
                if self._clock() >= deadline:
                    raise
            self._pause(self._poll_s)

    def _stop(self, action: Action, migration_id: str) -> None:
        try:
            self._api.cancel_migration(action.source, migration_id)
        except exception.Conflict as error:
            # Past the point of no return: how it ends counts.
            LOG.warning('%s: %s', action.workload, error)


def _is_since(action: Action, changed: float) -> bool:
    """Whether a move ended after the action was first begun."""
    if action.started_at is None:
        return False
    return changed >= action.started_at.timestamp()


def _judge(action: Action, found: dict[str, Any]) -> None:
    if found['phase'] == Phase.RELEASED:
        return
    reason = found['problem'] or found['reason_returned'] or 'no reason given'
    raise exception.TransferFailed(
        f'{action.workload} stays on {action.source}: {reason}'
    )
