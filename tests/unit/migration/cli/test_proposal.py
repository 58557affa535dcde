# SPDX-License-Identifier: Apache-2.0

"""``ecrae proposal``, from the words typed to what the database says."""

import json

import pytest

from ecrae.cmd import shell
from ecrae.model.plan import State
from tests.unit.migration.rebalancer import world as worlds


@pytest.fixture
def world(tmp_path):
    (tmp_path / 'ecrae.conf').write_text(
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
    )
    return worlds.spread(tmp_path)


@pytest.fixture
def plan(world):
    return world.cycle(worlds.ADVICE).plan().plan


@pytest.fixture
def run(tmp_path, capsys):
    def call(words):
        path = str(tmp_path / 'ecrae.conf')
        code = shell.main(['--config-file', path, 'proposal', *words.split()])
        output, errors = capsys.readouterr()
        return code, output, errors

    return call


def _told(run, words):
    code, output, errors = run(f'{words} -f json')
    assert code == 0, errors
    return json.loads(output)


def test_plans_are_listed_newest_first(run, world, plan):
    world.ledger.set_state(plan, State.CANCELLED)
    world.wait(60)
    newer = world.cycle(worlds.ADVICE).plan().plan

    ids = [each['id'] for each in _told(run, 'list')]
    assert ids == [newer.id, plan.id]
    assert [e['id'] for e in _told(run, 'list --open')] == [newer.id]
    assert [e['id'] for e in _told(run, 'list --state cancelled')] == [plan.id]
    assert len(_told(run, 'list --limit 1')) == 1


def test_a_plan_is_shown_with_each_action_and_its_reason(run, plan):
    told = _told(run, f'show {plan.id[:8]}')
    assert told['state'] == 'PENDING'
    assert len(told['actions']) == len(plan.actions)
    assert told['actions'][0]['reason'] == plan.actions[0].reason
    table = run(f'show {plan.id}')[1]
    assert f'{plan.actions[0].source} → ' in table


def test_approval_lets_the_rebalancer_enact(run, world, plan):
    assert _told(run, f'approve {plan.id}')['state'] == 'APPROVED'
    world.cycle(worlds.ADVICE).enact_approved()
    assert _told(run, f'show {plan.id}')['state'] == 'SUCCEEDED'
    done = _told(run, 'history')
    assert {each['workload'] for each in done} == set(world.moved)
    host = plan.actions[0].source
    assert {
        host in (each['source'], each['destination'])
        for each in _told(run, f'history --host {host}')
    } == {True}
    one = plan.actions[0].workload
    assert len(_told(run, f'history --workload {one}')) == 1


def test_a_cancelled_plan_is_not_enacted(run, world, plan):
    run(f'approve {plan.id}')
    assert _told(run, f'cancel {plan.id}')['state'] == 'CANCELLED'
    assert world.cycle(worlds.ADVICE).enact_approved() is None


def test_what_cannot_be_is_said_in_one_paragraph(run, plan):
    run(f'cancel {plan.id}')
    code, _, errors = run(f'approve {plan.id}')
    assert code == 1
    assert 'is CANCELLED and cannot become APPROVED' in errors
    code, _, errors = run('show no-such-plan')
    assert (code, 'no-such-plan' in errors) == (1, True)


def test_a_begin_that_several_share_is_refused(run, world, plan):
    found = world.cycle(worlds.ADVICE).plan(is_dry=True).proposal
    begins = [plan.id[0]]
    while len(set(begins)) == len(begins):
        begins.append(world.ledger.record(found, 'energy').id[0])
    code, _, errors = run(f'show {begins[-1]}')
    assert (code, 'write more of it' in errors) == (1, True)
