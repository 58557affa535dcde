# SPDX-License-Identifier: Apache-2.0

"""What runs beside what, and how a plan ends."""

import threading
import time

import pytest

from ecrae import exception
from ecrae.migration.rebalancer.executor import Executor
from ecrae.migration.rebalancer.executor import Key
from ecrae.migration.rebalancer.executor import key_of
from ecrae.migration.rebalancer.proposal import Proposal
from ecrae.migration.rebalancer.worth import Worth
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.plan import State
from tests.unit.migration.rebalancer import world as worlds


def _action(workload, source, destination, kind=ActionKind.MIGRATE):
    return Action(
        kind=kind,
        workload=workload,
        source=source,
        destination=destination,
        reason='a test',
        saving_w=1.0,
        cost_j=1.0,
    )


class Stage:
    """Enactors that note what runs beside what."""

    def __init__(self, tmp_path):
        self.ledger = worlds.spread(tmp_path).ledger
        self.lock = threading.Lock()
        self.running = set()
        self.beside = set()
        self.order = []
        self.fails = {}
        self.patience_s = 0.05

    def enact(self, action, *, cancelled):
        name = action.workload or f'{action.kind} {action.source}'
        with self.lock:
            self.beside |= {frozenset({name, other}) for other in self.running}
            self.running.add(name)
            self.order.append(name)
        self._wait_for_company()
        with self.lock:
            self.running.discard(name)
        if name in self.fails:
            raise self.fails[name]

    def _wait_for_company(self):
        """Go on when others run too, or when that has been long enough."""
        deadline = time.monotonic() + self.patience_s
        while not self.beside and time.monotonic() < deadline:
            time.sleep(0.01)

    def begin(self, *actions):
        plan = self.ledger.record(
            Proposal(
                actions=actions,
                worth=Worth(present_w=1, gain_w=1, cost_j=0, is_urgent=False),
                power_before_w=2.0,
                power_after_w=1.0,
                power_bound_w=1.0,
            ),
            'energy',
        )
        self.ledger.set_state(plan, State.APPROVED)
        return self.ledger.set_state(plan, State.ONGOING)

    def run(self, plan, **options):
        enactors = {
            Key(kind=kind, subject=subject): self.enact
            for kind in ActionKind
            for subject in ('vm', 'container')
        }
        chosen = {'max_concurrent': 4, 'poll_s': 0.01, **options}
        return Executor(self.ledger, enactors, **chosen).run(plan)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_moves_of_different_hosts_run_side_by_side(stage):
    stage.patience_s = 10.0
    plan = stage.begin(_action('a', 'h1', 'h2'), _action('b', 'h3', 'h4'))
    assert stage.run(plan).state is State.SUCCEEDED
    assert stage.beside == {frozenset('ab')}


def test_a_host_takes_part_in_so_many_moves_as_allowed(stage):
    actions = [_action(name, f's{name}', 'h') for name in 'abc']
    stage.run(stage.begin(*actions), max_per_host=1)
    assert stage.beside == set()
    stage.patience_s = 10.0
    stage.run(stage.begin(*actions), max_per_host=2)
    assert stage.beside
    assert len(stage.order) == 6


def test_no_more_run_at_once_than_allowed(stage):
    actions = [_action(name, f's{name}', f'd{name}') for name in 'abc']
    stage.run(stage.begin(*actions), max_concurrent=1)
    assert stage.beside == set()
    assert stage.order == ['a', 'b', 'c']


def test_room_is_made_before_it_is_taken(stage):
    plan = stage.begin(_action('a', 'h2', 'h3'), _action('b', 'h1', 'h2'))
    stage.run(plan, max_per_host=5)
    assert stage.beside == set()
    assert stage.order == ['a', 'b']


def test_hosts_sleep_after_and_wake_before_what_touches_them(stage):
    plan = stage.begin(
        _action('', 'h2', 'h2', ActionKind.WAKE),
        _action('a', 'h1', 'h2'),
        _action('', 'h1', 'h1', ActionKind.SLEEP),
    )
    stage.run(plan, max_per_host=5)
    assert stage.beside == set()
    assert stage.order == ['wake h2', 'a', 'sleep h1']


def test_after_a_failure_nothing_more_begins(stage):
    stage.fails['a'] = exception.TransferFailed('No room there.')
    plan = stage.begin(_action('a', 'h1', 'h2'), _action('b', 'h1', 'h2'))
    ended = stage.run(plan)
    assert ended.state is State.FAILED
    assert ended.error == 'Action 0: No room there.'
    assert [each.state for each in ended.actions] == [
        State.FAILED,
        State.CANCELLED,
    ]
    assert stage.order == ['a']


def test_a_fault_of_ours_fails_the_action_too(stage):
    stage.fails['a'] = ValueError('oops')
    ended = stage.run(stage.begin(_action('a', 'h1', 'h2')))
    assert ended.state is State.FAILED
    assert 'ValueError: oops' in ended.error


def test_a_cancelled_plan_is_left_at_once(stage):
    plan = stage.begin(_action('a', 'h1', 'h2'), _action('b', 'h1', 'h2'))

    def enact(action, *, cancelled):
        stage.ledger.set_state(plan, State.CANCELLED)
        while not cancelled():
            time.sleep(0.01)
        raise exception.TransferFailed('It was to stay.')

    stage.enact = enact
    ended = stage.run(plan)
    assert ended.state is State.CANCELLED
    assert {each.state for each in ended.actions} == {State.CANCELLED}


def test_who_must_stop_leaves_the_rest_for_the_next(stage):
    plan = stage.begin(_action('a', 'h1', 'h2'), _action('b', 'h1', 'h2'))
    left = stage.run(plan, must_stop=lambda: bool(stage.order))
    assert left.state is State.ONGOING
    kept = stage.ledger.get(plan.id)
    assert [each.state for each in kept.actions] == [
        State.SUCCEEDED,
        State.PENDING,
    ]
    assert stage.run(kept).state is State.SUCCEEDED
    assert stage.order == ['a', 'b']


def test_agents_workloads_go_to_another_enactor_than_servers():
    assert key_of(_action('lxd:web', 'a', 'b')).subject == 'container'
    assert key_of(_action('0b5bb3a2', 'a', 'b')).subject == 'vm'
