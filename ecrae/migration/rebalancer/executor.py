# SPDX-License-Identifier: Apache-2.0

"""Carries a plan out, action by action, and stops at the first failure.

Actions begin in the plan's order. One begins beside others only when it
shares no host with an earlier one that is not over, or, where more than one
migration a host is allowed, when it does not go to a host that an earlier
one has yet to leave: what makes room, or keeps the members of a server group
apart, is then done before what needs it.
"""

import concurrent.futures
import dataclasses
import threading
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from typing import Protocol

from oslo_log import log as logging

from ecrae import exception
from ecrae.migration.rebalancer.ledger import Ledger
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.plan import Plan
from ecrae.model.plan import State


LOG = logging.getLogger(__name__)

Futures = dict['concurrent.futures.Future[None]', int]


class Enactor(Protocol):
    """Does one action and returns when the world is as it says.

    Called again for an action that another process left under way, it
    finishes that, or raises. ``action.state`` is ONGOING; ``started_at`` is
    when it was first begun.

    :param cancelled: asked now and then; when true, undo and raise.
    :raises EcraeError: the action is not done; the message says what is.
    """

    def __call__(
        self, action: Action, *, cancelled: Callable[[], bool]
    ) -> None:
        """Do the action."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Which enactor does an action."""

    kind: ActionKind
    #: ``container`` for what agents move, ``vm`` for all else.
    subject: str = 'vm'


def key_of(action: Action) -> Key:
    """The key of an action; agents' workloads are named DRIVER:NAME."""
    is_container = ':' in action.workload
    return Key(kind=action.kind, subject='container' if is_container else 'vm')


class Executor:
    """Runs plans, one at a time.

    :param must_stop: asked between actions; when true, no further action is
        begun and the plan is left for the next process to go on with.
    """

    def __init__(
        self,
        ledger: Ledger,
        enactors: Mapping[Key, Enactor],
        *,
        max_concurrent: int = 2,
        max_per_host: int = 1,
        must_stop: Callable[[], bool] = lambda: False,
        poll_s: float = 1.0,
    ) -> None:
        self._ledger = ledger
        self._enactors = enactors
        self._max_concurrent = max_concurrent
        self._max_per_host = max_per_host
        self._must_stop = must_stop
        self._poll_s = poll_s

    def run(self, plan: Plan) -> Plan:
        """Do what is left of a plan that is ONGOING; the plan afterwards."""
        left = (State.PENDING, State.ONGOING)
        run = self._through(_Run(plan, left))
        if run.cancelled.is_set():
            return self._ledger.get(plan.id)
        if run.error:
            return self._ledger.set_state(plan, State.FAILED, run.error)
        if run.waiting:
            return plan
        return self._ledger.set_state(plan, State.SUCCEEDED)

    def settle(self, plan: Plan) -> Plan:
        """Finish only what was begun of it; the plan afterwards.

        It is FAILED when that failed, else as it was.
        """
        run = self._through(_Run(plan, (State.ONGOING,)))
        if run.error and not run.cancelled.is_set():
            return self._ledger.set_state(plan, State.FAILED, run.error)
        return self._ledger.get(plan.id)

    def _through(self, run: '_Run') -> '_Run':
        with concurrent.futures.ThreadPoolExecutor(
            self._max_concurrent, 'enact'
        ) as pool:
            while self._go_on(run, pool):
                concurrent.futures.wait(
                    run.under_way,
                    timeout=self._poll_s,
                    return_when=concurrent.futures.FIRST_COMPLETED,
                )
                self._collect(run)
        return run

    def _go_on(self, run: '_Run', pool: concurrent.futures.Executor) -> bool:
        """Begin what may begin; whether anything is under way."""
        if not run.has_ended and not self._is_ongoing(run.plan):
            run.cancelled.set()
        if not run.has_ended and not self._must_stop():
            for position in self._startable(run):
                self._begin(run, position, pool)
        return bool(run.under_way)

    def _is_ongoing(self, plan: Plan) -> bool:
        return self._ledger.get(plan.id).state is State.ONGOING

    def _startable(self, run: '_Run') -> list[int]:
        busy = sorted(run.under_way.values())
        chosen: list[int] = []
        for position in run.waiting:
            earlier = [
                run.plan.actions[other]
                for other in (*busy, *run.waiting)
                if other < position or other in busy
            ]
            if len(busy) + len(chosen) >= self._max_concurrent:
                break
            action = run.plan.actions[position]
            if self._may_begin(action, earlier):
                chosen.append(position)
        return chosen

    def _may_begin(self, action: Action, earlier: list[Action]) -> bool:
        """Whether it may run beside all that is before it and not over."""
        hosts = _hosts(action)
        shared = [other for other in earlier if hosts & _hosts(other)]
        if not shared:
            return True
        moves = (ActionKind.MIGRATE,)
        if any(each.kind not in moves for each in (action, *shared)):
            return False
        if any(other.workload == action.workload for other in earlier):
            return False
        if action.destination in {other.source for other in earlier}:
            return False
        return all(
            sum(host in _hosts(other) for other in shared) < self._max_per_host
            for host in hosts
        )

    def _begin(
        self,
        run: '_Run',
        position: int,
        pool: concurrent.futures.Executor,
    ) -> None:
        run.waiting.remove(position)
        action = run.plan.actions[position]
        if action.state is not State.ONGOING:
            try:
                action = self._ledger.set_action_state(
                    run.plan, position, State.ONGOING
                )
            except exception.Conflict:
                run.cancelled.set()
                return
        LOG.info(
            'Plan %s, action %d: %s %s from %s to %s: %s',
            run.plan.id,
            position,
            action.kind,
            action.workload,
            action.source,
            action.destination,
            action.reason,
        )
        future = pool.submit(self._enact, action, run.cancelled.is_set)
        run.under_way[future] = position

    def _enact(self, action: Action, cancelled: Callable[[], bool]) -> None:
        key = key_of(action)
        if key not in self._enactors:
            raise exception.ConfigError(
                f'Nothing here can {key.kind} a {key.subject}.'
            )
        self._enactors[key](action, cancelled=cancelled)

    def _collect(self, run: '_Run') -> None:
        """Keep how those ended that are over."""
        for future in [each for each in run.under_way if each.done()]:
            position = run.under_way.pop(future)
            state, text = _outcome(future, run.cancelled.is_set())
            if state is not State.SUCCEEDED and not run.error:
                run.error = f'Action {position}: {text}'
            log = LOG.info if state is State.SUCCEEDED else LOG.error
            log(
                'Plan %s, action %d: %s %s',
                run.plan.id,
                position,
                state,
                text,
            )
            try:
                self._ledger.set_action_state(run.plan, position, state, text)
            except exception.Conflict as error:
                # Another took it up while we were not the leader.
                LOG.warning('%s', error)


class _Run:
    """How far a plan is."""

    def __init__(self, plan: Plan, states: Collection[State]) -> None:
        self.plan = plan
        self.cancelled = threading.Event()
        self.under_way: Futures = {}
        self.error = ''
        self.waiting = [
            position
            for position, action in enumerate(plan.actions)
            if action.state in states
        ]

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to be begun."""
        return bool(self.error) or self.cancelled.is_set()


def _hosts(action: Action) -> set[str]:
    return {action.source, action.destination}


def _outcome(
    future: 'concurrent.futures.Future[None]', is_cancelled: bool
) -> tuple[State, str]:
    error = future.exception()
    if error is None:
        return State.SUCCEEDED, ''
    if not isinstance(error, exception.EcraeError):
        LOG.error('An action failed unexpectedly', exc_info=error)
        return State.FAILED, f'{type(error).__name__}: {error}'
    return (State.CANCELLED if is_cancelled else State.FAILED), str(error)
