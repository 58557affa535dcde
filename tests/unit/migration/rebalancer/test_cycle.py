# SPDX-License-Identifier: Apache-2.0

"""The loop over a cloud in memory: the end state of the world counts."""

import dataclasses

import pytest

from ecrae import exception
from ecrae.migration.rebalancer import guard
from ecrae.migration.rebalancer.cycle import Outcome
from ecrae.model.plan import State
from tests.unit.migration.rebalancer import world as worlds


@pytest.fixture
def world(tmp_path):
    return worlds.spread(tmp_path)


def _held(report):
    return {each.brake for each in report.verdicts if each.is_held}


def test_automatic_mode_consolidates_and_then_rests(world):
    cycle = world.cycle()
    first = cycle.plan()
    second = cycle.plan()

    assert (first.outcome, first.plan.state) == (
        Outcome.ENACTED,
        State.SUCCEEDED,
    )
    assert len(world.in_use()) == 1
    assert second.outcome is Outcome.BALANCED
    assert world.told.plans == ['PENDING', 'APPROVED', 'ONGOING', 'SUCCEEDED']


def test_advice_mode_touches_nothing(world):
    before = world.snapshot()
    report = world.cycle(worlds.ADVICE).plan()

    assert report.outcome is Outcome.WAITING
    assert _held(report) == {'advice-mode'}
    assert world.snapshot() == before
    assert world.ledger.waiting().actions == report.proposal.actions


def test_an_approved_plan_is_enacted_in_advice_mode(world):
    cycle = world.cycle(worlds.ADVICE)
    plan = cycle.plan().plan
    assert cycle.enact_approved() is None
    world.ledger.set_state(plan, State.APPROVED)

    assert cycle.enact_approved().plan.state is State.SUCCEEDED
    assert len(world.in_use()) == 1


def test_a_plan_that_waits_is_kept_while_it_is_as_good(world):
    cycle = world.cycle(worlds.ADVICE)
    first = cycle.plan().plan
    load = dataclasses.replace(world.servers['h0-s0'], cpu_cores_used=0.52)
    world.servers['h0-s0'] = load

    assert cycle.plan().plan.id == first.id


def test_a_plan_that_cannot_be_done_any_more_is_superseded(world):
    cycle = world.cycle(worlds.ADVICE)
    plan = cycle.plan().plan
    moving = plan.actions[0].workload
    world.servers[moving] = dataclasses.replace(
        world.servers[moving], pinned=True
    )
    world.ledger.set_state(plan, State.APPROVED)
    report = cycle.enact_approved()

    assert report.plan.state is State.SUPERSEDED
    assert 'pinned' in report.plan.error
    assert world.moved == []


def test_a_waiting_plan_ends_when_nothing_is_worth_doing(world):
    cycle = world.cycle(worlds.ADVICE)
    plan = cycle.plan().plan
    for name, each in world.servers.items():
        world.servers[name] = dataclasses.replace(each, pinned=True)

    assert cycle.plan().outcome is Outcome.BALANCED
    assert world.ledger.get(plan.id).state is State.SUPERSEDED


def test_what_is_worthwhile_must_stay_so_for_the_hold_time(world):
    limits = dataclasses.replace(worlds.NO_HOLD, hold_s=600.0)
    cycle = world.cycle(limits)

    assert _held(cycle.plan()) == {'hold-time'}
    world.wait(599)
    assert _held(cycle.plan()) == {'hold-time'}
    world.wait(1)
    assert cycle.plan().outcome is Outcome.ENACTED


def test_a_look_that_finds_flux_starts_the_hold_time_anew(world):
    limits = dataclasses.replace(worlds.NO_HOLD, hold_s=600.0)
    cycle = world.cycle(limits)
    cycle.plan()
    world.wait(600)
    world.facts = {'n_in_flux': 3}
    assert _held(cycle.plan()) == {'cluster-in-flux'}
    world.facts = {}

    assert _held(cycle.plan()) == {'hold-time'}


def test_a_failure_ends_the_plan_and_is_not_retried_in_a_storm(world):
    cycle = world.cycle(max_concurrent=1)
    actions = world.cycle(worlds.ADVICE).plan().proposal.actions
    world.broken[actions[1].workload] = exception.TransferFailed('No room.')
    report = cycle.plan()

    assert report.plan.state is State.FAILED
    assert 'No room' in report.plan.error
    states = [each.state for each in report.plan.actions]
    assert states[:2] == [State.SUCCEEDED, State.FAILED]
    assert set(states[2:]) == {State.CANCELLED}
    for _ in range(3):
        world.wait(60)
        assert 'recent-failure' in _held(cycle.plan())
    assert world.moved == [actions[0].workload]


def test_outside_of_its_windows_nothing_begins(world):
    window = guard.windows.parse('22:00-06:00')
    limits = dataclasses.replace(worlds.NO_HOLD, windows=(window,))
    cycle = world.cycle(limits)

    report = cycle.plan()
    assert _held(report) == {'window'}
    world.ledger.set_state(report.plan, State.APPROVED)
    assert cycle.enact_approved().outcome is Outcome.WAITING
    world.wait(10 * 3600)
    assert cycle.enact_approved().plan.state is State.SUCCEEDED


def test_stale_telemetry_forbids_plans(world):
    world.facts = {'reading_age_s': 1000.0}
    assert _held(world.cycle().plan()) == {'stale-readings'}


def test_a_dry_run_records_nothing_and_says_all(world):
    report = world.cycle().plan(is_dry=True)

    assert report.outcome is Outcome.DRY_RUN
    assert {each.brake for each in report.verdicts} == set(guard.BRAKES)
    assert report.proposal.actions
    assert world.ledger.waiting() is None


def _interrupted(world, *, at):
    """A plan whose process died while its action number ``at`` ran."""
    plan = world.cycle(worlds.ADVICE).plan().plan
    world.ledger.set_state(plan, State.APPROVED)
    plan = world.ledger.set_state(plan, State.ONGOING)
    for position in range(at + 1):
        action = world.ledger.set_action_state(plan, position, State.ONGOING)
        if position < at:
            world.move(action, cancelled=lambda: False)
            world.ledger.set_action_state(plan, position, State.SUCCEEDED)
    return plan


@pytest.mark.parametrize('has_moved', [True, False])
def test_what_a_dead_rebalancer_left_is_finished(world, has_moved):
    plan = _interrupted(world, at=2)
    if has_moved:
        world.move(plan.actions[2], cancelled=lambda: False)

    report = world.cycle(worlds.ADVICE).resume()

    assert report.plan.id == plan.id
    assert report.plan.state is State.SUCCEEDED
    assert len(world.in_use()) == 1
    assert len(world.moved) == len(set(world.moved)) == len(plan.actions)


def test_what_cannot_be_gone_on_with_is_superseded(world):
    plan = _interrupted(world, at=1)
    last = plan.actions[-1].workload
    world.servers[last] = dataclasses.replace(world.servers[last], pinned=True)

    report = world.cycle().resume()

    assert report.plan.state is State.SUPERSEDED
    states = [each.state for each in report.plan.actions]
    assert states[:2] == [State.SUCCEEDED, State.SUCCEEDED]
    assert set(states[2:]) == {State.SUPERSEDED}


def test_what_failed_while_nobody_looked_fails_the_plan(world):
    plan = _interrupted(world, at=1)
    world.broken[plan.actions[1].workload] = exception.TransferFailed('Left.')

    report = world.cycle().resume()

    assert report.plan.state is State.FAILED
    assert report.plan.actions[1].state is State.FAILED
    assert world.moved == [plan.actions[0].workload]
