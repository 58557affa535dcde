# SPDX-License-Identifier: Apache-2.0

"""Plans and their actions in the database.

A state changes only from what it is believed to be: two rebalancers, or a
rebalancer and a person, cannot both take the same plan a step further.
"""

import collections
import datetime
from collections.abc import Collection
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae import exception
from ecrae.kb import models
from ecrae.model.plan import NEXT
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.plan import Plan
from ecrae.model.plan import State


def record(session: orm.Session, plan: Plan) -> None:
    """Keep a new plan with its actions."""
    session.add(
        models.Plan(
            id=plan.id,
            created_at=plan.created_at,
            updated_at=plan.updated_at,
            state=str(plan.state),
            strategy=plan.strategy,
            power_before_w=plan.power_before_w,
            power_after_w=plan.power_after_w,
            power_bound_w=plan.power_bound_w,
            error=plan.error,
        )
    )
    session.flush()
    if plan.actions:
        session.execute(
            sa.insert(models.Action),
            [
                _action_row(plan.id, position, action)
                for position, action in enumerate(plan.actions)
            ],
        )


def get(session: orm.Session, plan_id: str) -> Plan:
    """One plan with its actions.

    :raises NotFound: there is none of that identifier.
    """
    row = session.get(models.Plan, plan_id, populate_existing=True)
    if row is None:
        raise exception.NotFound(noun='plan', name=plan_id)
    return _values(session, [row])[0]


def list_newest(
    session: orm.Session,
    limit: int,
    states: Collection[State] = tuple(State),
) -> list[Plan]:
    """The newest plans in any of these states, newest first."""
    statement = (
        sa.select(models.Plan)
        .where(models.Plan.state.in_([str(state) for state in states]))
        .order_by(models.Plan.created_at.desc(), models.Plan.id)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return _values(session, list(session.scalars(statement)))


def set_state(
    session: orm.Session,
    plan_id: str,
    state: State,
    now: datetime.datetime,
    error: str = '',
) -> None:
    """Take a plan to a state that may follow on its present one.

    When the plan ends, so do its actions that had not begun.

    :raises NotFound: there is no such plan.
    :raises Conflict: its state does not allow it (any longer).
    """
    changed = session.execute(
        sa.update(models.Plan)
        .where(models.Plan.id == plan_id)
        .where(models.Plan.state.in_(_before(state)))
        .values(state=str(state), updated_at=now, error=error)
        .execution_options(synchronize_session=False)
    )
    if not _rowcount(changed):
        present = get(session, plan_id).state
        raise exception.Conflict(
            f'Plan {plan_id} is {present} and cannot become {state}.'
        )
    if state.is_final:
        _end_actions(session, [plan_id], state)


def supersede_waiting(session: orm.Session, now: datetime.datetime) -> int:
    """End every plan that has not begun, and say how many those were."""
    waiting = [str(State.PENDING), str(State.APPROVED)]
    ids = list(
        session.scalars(
            sa.select(models.Plan.id).where(models.Plan.state.in_(waiting))
        )
    )
    changed = session.execute(
        sa.update(models.Plan)
        .where(models.Plan.id.in_(ids))
        .where(models.Plan.state.in_(waiting))
        .values(state=str(State.SUPERSEDED), updated_at=now)
        .execution_options(synchronize_session=False)
    )
    _end_actions(session, ids, State.SUPERSEDED)
    return _rowcount(changed)


def set_action_state(
    session: orm.Session,
    plan_id: str,
    position: int,
    state: State,
    now: datetime.datetime,
    error: str = '',
) -> None:
    """Take an action to a state that may follow on its present one.

    An action needs no approval of its own, only its plan does.

    :raises NotFound: there is no such action.
    :raises Conflict: its state does not allow it (any longer).
    """
    values: dict[str, Any] = {'state': str(state), 'error': error}
    if state is State.ONGOING:
        values['started_at'] = now
    if state.is_final:
        values['finished_at'] = now
    before = _before(state)
    if state is State.ONGOING:
        before.append(str(State.PENDING))
    changed = session.execute(
        sa.update(models.Action)
        .where(models.Action.plan_id == plan_id)
        .where(models.Action.position == position)
        .where(models.Action.state.in_(before))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if not _rowcount(changed):
        _refuse_action(get(session, plan_id), position, state)


def _refuse_action(plan: Plan, position: int, state: State) -> None:
    if position >= len(plan.actions):
        raise exception.NotFound(
            noun=f'action of plan {plan.id}', name=position
        )
    present = plan.actions[position].state
    raise exception.Conflict(
        f'Action {position} of plan {plan.id} is {present} and cannot '
        f'become {state}.'
    )


def last_moves(
    session: orm.Session, since: datetime.datetime
) -> dict[str, datetime.datetime]:
    """When each workload was last moved, or tried to be, since a time."""
    statement = (
        sa.select(
            models.Action.workload, sa.func.max(models.Action.finished_at)
        )
        .where(models.Action.finished_at >= since)
        .where(models.Action.started_at.is_not(None))
        .where(models.Action.workload != '')
        .group_by(models.Action.workload)
    )
    return {
        workload: moved
        for workload, moved in session.execute(statement)
        if moved is not None
    }


def last_switches(
    session: orm.Session, since: datetime.datetime
) -> dict[str, datetime.datetime]:
    """When each host was last put to sleep or woken, since a time."""
    kinds = [str(ActionKind.SLEEP), str(ActionKind.WAKE)]
    statement = (
        sa.select(models.Action.source, sa.func.max(models.Action.finished_at))
        .where(models.Action.finished_at >= since)
        .where(models.Action.started_at.is_not(None))
        .where(models.Action.kind.in_(kinds))
        .group_by(models.Action.source)
    )
    return {
        host: switched
        for host, switched in session.execute(statement)
        if switched is not None
    }


def _before(state: State) -> list[str]:
    return [str(each) for each in NEXT if state in NEXT[each]]


def _rowcount(result: Any) -> int:
    return int(result.rowcount)


def _end_actions(
    session: orm.Session, plan_ids: list[str], state: State
) -> None:
    """End what had not begun; no action succeeds or fails unbegun."""
    ended = (
        state
        if state in (State.CANCELLED, State.SUPERSEDED)
        else State.CANCELLED
    )
    session.execute(
        sa.update(models.Action)
        .where(models.Action.plan_id.in_(plan_ids))
        .where(models.Action.state == str(State.PENDING))
        .values(state=str(ended))
        .execution_options(synchronize_session=False)
    )


def _action_row(plan_id: str, position: int, action: Action) -> dict[str, Any]:
    return {
        'plan_id': plan_id,
        'position': position,
        'kind': str(action.kind),
        'workload': action.workload,
        'source': action.source,
        'destination': action.destination,
        'reason': action.reason,
        'saving_w': action.saving_w,
        'cost_j': action.cost_j,
        'state': str(action.state),
        'error': action.error,
        'started_at': action.started_at,
        'finished_at': action.finished_at,
    }


def _values(session: orm.Session, rows: Iterable[models.Plan]) -> list[Plan]:
    plans = list(rows)
    actions = collections.defaultdict(list)
    statement = (
        sa.select(models.Action.__table__)
        .where(models.Action.plan_id.in_([plan.id for plan in plans]))
        .order_by(models.Action.position)
    )
    for row in session.execute(statement):
        actions[row.plan_id].append(_action(row))
    return [
        Plan(
            id=plan.id,
            created_at=plan.created_at,
            updated_at=plan.updated_at,
            strategy=plan.strategy,
            actions=tuple(actions[plan.id]),
            power_before_w=plan.power_before_w,
            power_after_w=plan.power_after_w,
            power_bound_w=plan.power_bound_w,
            state=State(plan.state),
            error=plan.error,
        )
        for plan in plans
    ]


def _action(row: Any) -> Action:
    return Action(
        kind=ActionKind(row.kind),
        workload=row.workload,
        source=row.source,
        destination=row.destination,
        reason=row.reason,
        saving_w=row.saving_w,
        cost_j=row.cost_j,
        state=State(row.state),
        error=row.error,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
