# SPDX-License-Identifier: Apache-2.0

import dataclasses
import datetime

import pytest

from ecrae import exception
from ecrae.kb import plans
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.plan import Plan
from ecrae.model.plan import State


START = datetime.datetime(2026, 3, 4, 5, 6, 7, 890123, datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)


def _action(workload, **fields):
    return Action(
        kind=ActionKind.MIGRATE,
        workload=workload,
        source='a',
        destination='b',
        reason='empties a',
        saving_w=12.5,
        cost_j=300.0,
        **fields,
    )


def _plan(number=1, state=State.PENDING, workloads=('web', 'db')):
    return Plan(
        id=f'00000000-0000-0000-0000-{number:012}',
        created_at=START + number * MINUTE,
        updated_at=START + number * MINUTE,
        strategy='energy',
        actions=tuple(_action(workload) for workload in workloads),
        power_before_w=1000.0,
        power_after_w=900.125,
        power_bound_w=None,
        state=state,
    )


def _record(database, *made):
    with database.writer() as session:
        for plan in made:
            plans.record(session, plan)


def _get(database, plan):
    with database.reader() as session:
        return plans.get(session, plan.id)


def _set(database, plan, state, error=''):
    with database.writer() as session:
        plans.set_state(session, plan.id, state, START + 9 * MINUTE, error)


def _set_action(database, plan, position, state, now=START, error=''):
    with database.writer() as session:
        plans.set_action_state(session, plan.id, position, state, now, error)


def test_a_plan_is_kept_whole(database):
    plan = _plan(workloads=[f'w{n}' for n in range(40)])
    _record(database, plan)
    assert _get(database, plan) == plan


def test_a_plan_without_actions_is_kept(database):
    plan = _plan(workloads=())
    _record(database, plan)
    assert _get(database, plan) == plan


def test_an_unknown_plan_is_not_found(database):
    with pytest.raises(exception.NotFound, match='No plan named'):
        _get(database, _plan())


def test_newest_first_and_by_state(database):
    made = [_plan(n) for n in range(1, 6)]
    _record(database, *made)
    _set(database, made[1], State.APPROVED)
    with database.reader() as session:
        newest = plans.list_newest(session, 3)
        approved = plans.list_newest(session, 3, [State.APPROVED])
    assert [plan.id for plan in newest] == [p.id for p in made[:1:-1]]
    assert [plan.id for plan in approved] == [made[1].id]
    assert approved[0].updated_at == START + 9 * MINUTE


def test_a_plan_lives_from_approval_to_success(database):
    plan = _plan()
    _record(database, plan)
    for state in (State.APPROVED, State.ONGOING):
        _set(database, plan, state)
    for position in (0, 1):
        _set_action(database, plan, position, State.ONGOING, START)
        _set_action(database, plan, position, State.SUCCEEDED, START + MINUTE)
    _set(database, plan, State.SUCCEEDED)
    after = _get(database, plan)
    assert after.state is State.SUCCEEDED
    assert after.actions == tuple(
        dataclasses.replace(
            action,
            state=State.SUCCEEDED,
            started_at=START,
            finished_at=START + MINUTE,
        )
        for action in plan.actions
    )


@pytest.mark.parametrize(
    ('path', 'refused'),
    [
        ([], State.ONGOING),
        ([], State.SUCCEEDED),
        ([State.APPROVED], State.APPROVED),
        ([State.CANCELLED], State.APPROVED),
        ([State.APPROVED, State.ONGOING, State.FAILED], State.SUCCEEDED),
    ],
)
def test_a_state_follows_only_where_it_may(database, path, refused):
    plan = _plan()
    _record(database, plan)
    for state in path:
        _set(database, plan, state)
    before = _get(database, plan)
    with pytest.raises(exception.Conflict, match=f'cannot become {refused}'):
        _set(database, plan, refused)
    assert _get(database, plan) == before


def test_a_failed_plan_takes_its_unbegun_actions_along(database):
    plan = _plan(workloads=('a', 'b', 'c'))
    _record(database, plan)
    _set(database, plan, State.APPROVED)
    _set(database, plan, State.ONGOING)
    _set_action(database, plan, 0, State.ONGOING)
    _set_action(database, plan, 0, State.FAILED, error='no route to host')
    _set(database, plan, State.FAILED, 'action 0 failed')
    after = _get(database, plan)
    assert after.error == 'action 0 failed'
    assert after.actions[0].error == 'no route to host'
    assert [action.state for action in after.actions] == [
        State.FAILED,
        State.CANCELLED,
        State.CANCELLED,
    ]


def test_an_action_begins_once(database):
    plan = _plan()
    _record(database, plan)
    _set_action(database, plan, 0, State.ONGOING)
    with pytest.raises(exception.Conflict, match='Action 0 of plan'):
        _set_action(database, plan, 0, State.ONGOING)
    with pytest.raises(exception.NotFound):
        _set_action(database, plan, 2, State.ONGOING)


def test_a_new_round_supersedes_what_waits_and_no_more(database):
    waiting, approved, ongoing = made = [_plan(n) for n in (1, 2, 3)]
    _record(database, *made)
    _set(database, approved, State.APPROVED)
    _set(database, ongoing, State.APPROVED)
    _set(database, ongoing, State.ONGOING)
    with database.writer() as session:
        assert plans.supersede_waiting(session, START) == 2
    assert _get(database, waiting).state is State.SUPERSEDED
    assert _get(database, waiting).actions[0].state is State.SUPERSEDED
    assert _get(database, ongoing).state is State.ONGOING
    assert _get(database, ongoing).actions[0].state is State.PENDING


def test_the_last_move_of_each_workload(database):
    first, second = _plan(1), _plan(2, workloads=('web',))
    _record(database, first, second)
    for plan, position, minutes in (
        (first, 0, 1),
        (first, 1, 2),
        (second, 0, 3),
    ):
        _set_action(database, plan, position, State.ONGOING)
        _set_action(
            database, plan, position, State.FAILED, START + minutes * MINUTE
        )
    with database.reader() as session:
        assert plans.last_moves(session, START) == {
            'web': START + 3 * MINUTE,
            'db': START + 2 * MINUTE,
        }
        assert plans.last_moves(session, START + 3 * MINUTE) == {
            'web': START + 3 * MINUTE
        }
