# SPDX-License-Identifier: Apache-2.0

"""The rebalancer's memory: every plan, how far it got, and who is told."""

import dataclasses
import datetime
import uuid
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from typing import Any
from typing import Protocol

from ecrae.kb import plans
from ecrae.kb.db import Database
from ecrae.migration.rebalancer.proposal import Proposal
from ecrae.model.plan import Action
from ecrae.model.plan import Plan
from ecrae.model.plan import State


#: Plans that wait, begin or go on at the same time; one, as a rule.
_MOST = 100

_WAITING = (State.PENDING,)


class Tell(Protocol):
    """What is told of each change; see :mod:`.notifications`."""

    def plan(self, plan: Plan) -> None:
        """A plan is in a new state."""

    def action(self, plan: Plan, position: int) -> None:
        """One of a plan's actions is in a new state."""


def utc_now() -> datetime.datetime:
    """Now, aware."""
    return datetime.datetime.now(datetime.UTC)


class Ledger:
    """Plans in the knowledge base; each change is kept, then told."""

    def __init__(
        self,
        database: Database,
        tell: Tell,
        clock: Callable[[], datetime.datetime] = utc_now,
    ) -> None:
        self._database = database
        self._tell = tell
        self._clock = clock

    def get(self, plan_id: str) -> Plan:
        """One plan.

        :raises NotFound: there is none of that identifier.
        """
        with self._database.reader() as session:
            return plans.get(session, plan_id)

    def oldest(self, state: State) -> Plan | None:
        """The plan that is longest in a state."""
        found = self._list((state,))
        return found[-1] if found else None

    def waiting(self) -> Plan | None:
        """The newest plan that nobody has approved yet."""
        found = self._list(_WAITING)
        return found[0] if found else None

    def failed_at(self, since: datetime.datetime) -> datetime.datetime | None:
        """When a plan failed last, if that was since a time."""
        times = [
            plan.updated_at
            for plan in self._list((State.FAILED,))
            if plan.updated_at >= since
        ]
        return max(times, default=None)

    def record(self, proposal: Proposal, strategy: str) -> Plan:
        """Keep a new plan in the place of those that wait."""
        now = self._clock()
        plan = Plan(
            id=str(uuid.uuid4()),
            created_at=now,
            updated_at=now,
            strategy=strategy,
            actions=proposal.actions,
            power_before_w=proposal.power_before_w,
            power_after_w=proposal.power_after_w,
            power_bound_w=proposal.power_bound_w,
        )
        superseded = self._list(_WAITING)
        with self._database.writer() as session:
            plans.supersede_waiting(session, now)
            plans.record(session, plan)
        self._told(superseded)
        self._tell.plan(plan)
        return plan

    def drop_waiting(self) -> None:
        """End the plans that wait: nothing is worth doing any more."""
        superseded = self._list(_WAITING)
        if superseded:
            with self._database.writer() as session:
                plans.supersede_waiting(session, self._clock())
            self._told(superseded)

    def set_state(self, plan: Plan, state: State, error: str = '') -> Plan:
        """Take a plan to a state.

        :raises Conflict: its state does not allow it (any longer).
        """
        with self._database.writer() as session:
            plans.set_state(session, plan.id, state, self._clock(), error)
        changed = self.get(plan.id)
        self._tell.plan(changed)
        return changed

    def set_action_state(
        self, plan: Plan, position: int, state: State, error: str = ''
    ) -> Action:
        """Take one action of a plan to a state; the action as it is then.

        :raises Conflict: its state does not allow it (any longer).
        """
        with self._database.writer() as session:
            plans.set_action_state(
                session, plan.id, position, state, self._clock(), error
            )
        changed = self.get(plan.id)
        self._tell.action(changed, position)
        return changed.actions[position]

    def _list(self, states: Collection[State]) -> list[Plan]:
        with self._database.reader() as session:
            return plans.list_newest(session, _MOST, states)

    def _told(self, changed: Iterable[Plan]) -> None:
        for plan in changed:
            self._tell.plan(self.get(plan.id))


class Tellers:
    """Tells several."""

    def __init__(self, *tellers: Tell) -> None:
        self._tellers = tellers

    def plan(self, plan: Plan) -> None:
        """Tell each of a plan."""
        for teller in self._tellers:
            teller.plan(plan)

    def action(self, plan: Plan, position: int) -> None:
        """Tell each of an action."""
        for teller in self._tellers:
            teller.action(plan, position)


def payload(plan: Plan) -> dict[str, Any]:
    """A plan without its actions, as JSON has it."""
    return {
        'id': plan.id,
        'state': str(plan.state),
        'strategy': plan.strategy,
        'created_at': plan.created_at.isoformat(),
        'updated_at': plan.updated_at.isoformat(),
        'power_before_w': plan.power_before_w,
        'power_after_w': plan.power_after_w,
        'power_bound_w': plan.power_bound_w,
        'actions': len(plan.actions),
        'error': plan.error,
    }


def action_payload(action: Action) -> dict[str, Any]:
    """An action, as JSON has it."""
    fields = dataclasses.asdict(action)
    for name in ('kind', 'state'):
        fields[name] = str(fields[name])
    for name in ('started_at', 'finished_at'):
        moment = fields[name]
        fields[name] = moment.isoformat() if moment else None
    return fields
