# SPDX-License-Identifier: Apache-2.0

"""Moves over oslo.messaging between agents; files stand for containers."""

import contextlib
import datetime
import threading

import pytest

from ecrae import exception
from ecrae.migration import container_moves
from ecrae.migration import rpcapi
from ecrae.migration.drivers import fake
from ecrae.model import plan
from tests.unit.migration.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    found = Cloud(tmp_path)
    found.add('one')
    found.add('two')
    found.run('one', 'web')
    yield found
    found.stop()


def _action(**fields):
    defaults = {
        'kind': plan.ActionKind.MIGRATE,
        'workload': 'fake:web',
        'source': 'one',
        'destination': 'two',
        'reason': 'two is thriftier',
        'saving_w': 10.0,
        'cost_j': 1.0,
        'started_at': datetime.datetime.now(datetime.UTC),
    }
    return plan.Action(**{**defaults, **fields})


def _mover(cloud, **options):
    options = {'poll_s': 0.01, 'timeout_s': 20.0, **options}
    return container_moves.ContainerMover(
        rpcapi.AgentAPI(cloud.transport, timeout_s=1.0), **options
    )


def _never():
    return False


def test_a_container_moves(cloud):
    _mover(cloud)(_action(), cancelled=_never)
    assert cloud.copies('web') == {('two', 'running')}


def test_moving_again_finds_it_done(cloud):
    action = _action()
    for _ in range(2):
        _mover(cloud)(action, cancelled=_never)
    assert len(cloud.api.list_migrations('one')) == 1


class KilledError(BaseException):
    """The rebalancer dies."""


def test_the_next_rebalancer_follows_what_one_began(cloud):
    def die(_seconds):
        raise KilledError

    action = _action()
    # It may be over before the first look; then there is nothing to die of.
    with contextlib.suppress(KilledError):
        _mover(cloud, pause=die)(action, cancelled=_never)
    _mover(cloud)(action, cancelled=_never)
    assert cloud.copies('web') == {('two', 'running')}
    assert len(cloud.api.list_migrations('one')) == 1


def test_a_lost_answer_is_looked_for_in_the_journal(cloud):
    mover = _mover(cloud)
    api = mover._api
    migrate = api.migrate

    def lose(*arguments):
        migrate(*arguments)
        raise exception.Unreachable('no answer')

    api.migrate = lose
    mover(_action(), cancelled=_never)
    assert cloud.copies('web') == {('two', 'running')}


def test_what_is_refused_is_untouched(cloud):
    cloud.run('two', 'web')
    with pytest.raises(exception.PreCheckFailed, match='already has'):
        _mover(cloud)(_action(), cancelled=_never)
    assert cloud.copies('web') == {('one', 'running'), ('two', 'running')}


def test_what_comes_back_is_a_failure_and_stays_one(cloud, monkeypatch):
    """A journal that says "returned" is not tried again for this action."""

    def fail(self, job, sent, timeout_s):
        raise exception.TransferFailed('no room')

    monkeypatch.setattr(fake.FakeDestination, 'transfer', fail)
    action = _action()
    for _ in range(2):
        with pytest.raises(exception.TransferFailed, match='stays on one'):
            _mover(cloud)(action, cancelled=_never)
    assert cloud.copies('web') == {('one', 'running')}
    assert len(cloud.api.list_migrations('one')) == 1
    # A later action of a later plan is a new try.
    monkeypatch.undo()
    later = _action(
        started_at=datetime.datetime.now(datetime.UTC)
        + datetime.timedelta(seconds=1)
    )
    _mover(cloud)(later, cancelled=_never)
    assert cloud.copies('web') == {('two', 'running')}


def test_a_cancelled_move_leaves_it_at_home(cloud, monkeypatch):
    asked = threading.Event()

    def wait(self, job):
        assert asked.wait(10)
        return {}

    monkeypatch.setattr(fake.FakeDestination, 'prepare', wait)
    mover = _mover(cloud)
    cancel = mover._api.cancel_migration

    def cancel_migration(*arguments):
        cancel(*arguments)
        asked.set()

    mover._api.cancel_migration = cancel_migration
    with pytest.raises(exception.TransferFailed, match='stays on one'):
        mover(_action(), cancelled=lambda: True)
    assert cloud.copies('web') == {('one', 'running')}


def test_a_silent_agent_is_waited_for_and_then_reported(cloud):
    looks = []
    mover = _mover(cloud, silence_s=30.0, clock=lambda: len(looks) * 10.0)

    def silent(*_):
        looks.append(1)
        raise exception.Unreachable('The agent of one does not answer.')

    mover._api.get_migration = silent
    with pytest.raises(exception.Unreachable):
        mover(_action(), cancelled=_never)
    assert len(looks) >= 3


def test_a_move_that_never_ends_needs_a_person(cloud):
    ticks = iter(range(0, 10**6, 100))
    mover = _mover(cloud, timeout_s=150.0, clock=lambda: float(next(ticks)))
    mover._api.get_migration = lambda *_: {
        'phase': 'handed-over',
        'problem': 'two is silent',
    }
    with pytest.raises(exception.RestoreFailed, match='two is silent'):
        mover(_action(), cancelled=_never)
