# SPDX-License-Identifier: Apache-2.0

"""Redeployment against Nova's, Glance's and Heat's HTTP answers."""

import itertools
import re

import pytest

from ecrae import exception
from ecrae.clients import orchestration
from tests.unit.clients import wire
from tests.unit.migration.stack import IS_JSON
from tests.unit.migration.stack import NEW
from tests.unit.migration.stack import OLD
from tests.unit.migration.stack import TEMPLATE
from tests.unit.migration.stack import World


@pytest.fixture
def world(requests_mock, tmp_path):
    return World(requests_mock, tmp_path)


def test_one_server_is_replaced_and_nothing_else_changes(world):
    world.redeploy()
    (update,) = world.asked
    assert update['disable_rollback'] is False
    assert 'parameters' not in update
    web = update['template']['resources']['web']['properties']
    assert web == {
        **TEMPLATE['resources']['web']['properties'],
        'flavor': web['flavor'],
        'image': 'ubuntu-24.04-x86_64',
        'flavor_update_policy': 'REPLACE',
        'image_update_policy': 'REPLACE',
        'scheduler_hints': {'ecrae:node_type': 'x86-xeon-8380'},
        'metadata': {
            'ecrae:tag': 'web-frontend',
            'ecrae:node_type': 'x86-xeon-8380',
            'ecrae:replaces': OLD,
        },
    }
    assert web['flavor'].startswith('ecrae.web.')
    assert update['template']['resources']['other'] == {
        'type': 'OS::Heat::None'
    }


def test_doing_it_again_finds_the_successor(world):
    world.redeploy()
    world.redeploy()
    assert len(world.asked) == 1


def test_a_server_that_is_gone_without_successor_is_an_error(world):
    world.server = 'somebody-elses'
    with pytest.raises(exception.NotFound):
        world.redeploy()


class KilledError(BaseException):
    """The rebalancer dies."""


def _addresses(world):
    held = world.network.addresses.values()
    return sorted(itertools.chain.from_iterable(held))


def _all_is_as_it_was(world):
    assert world.server == OLD
    assert _addresses(world) == ['10.0.0.5', '10.0.0.6']
    assert world.network.volumes == {'data': '/dev/vdb'}
    assert not world.is_replacing
    assert world.status.endswith('_COMPLETE')


@pytest.mark.parametrize('puts_ports_on', [False, True])
@pytest.mark.parametrize('ends', ['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED'])
def test_a_failure_leaves_all_as_it_was(world, ends, puts_ports_on):
    world.ends, world.puts_ports_on = ends, puts_ports_on
    with pytest.raises(exception.TransferFailed, match='No valid host'):
        world.redeploy()
    _all_is_as_it_was(world)
    # What was kept of it does not spoil the next time.
    world.ends = 'UPDATE_COMPLETE'
    world.redeploy()
    assert world.server == NEW


def test_a_stack_that_has_failed_is_looked_at_again(world):
    world.ends = 'ROLLBACK_FAILED'
    with pytest.raises(exception.TransferFailed):
        world.redeploy()
    assert world.asked[1:] == [{'disable_rollback': True}]
    assert world.status == 'UPDATE_COMPLETE'


def test_heat_is_not_asked_to_look_at_a_broken_server(world):
    """It would make another one in its place, by the former template."""
    world.ends = 'ROLLBACK_FAILED'
    world.server_status = 'ERROR'
    with pytest.raises(exception.RestoreFailed, match='stack failures list'):
        world.redeploy()
    assert len(world.asked) == 1
    assert _addresses(world) == ['10.0.0.5', '10.0.0.6']


def test_a_stack_that_did_not_go_back_needs_a_person(world):
    world.ends = 'UPDATE_FAILED'
    with pytest.raises(exception.RestoreFailed, match='UPDATE_FAILED'):
        world.redeploy()
    assert len(world.asked) == 1
    assert _addresses(world) == ['10.0.0.5', '10.0.0.6']


def test_what_cannot_be_given_back_is_named(world):
    world.ends = 'ROLLBACK_COMPLETE'
    world.network.refused = {'data'}
    ticks = itertools.count(step=10)
    with pytest.raises(exception.RestoreFailed, match='lacks volume data'):
        world.redeploy(clock=lambda: next(ticks))
    assert _addresses(world) == ['10.0.0.5', '10.0.0.6']


def test_what_the_failed_server_still_holds_is_waited_for(world):
    world.ends = 'ROLLBACK_COMPLETE'
    world.network.refused = {'stacks'}

    def pause(_seconds):
        if world.status == 'ROLLBACK_COMPLETE':
            world.network.refused = set()

    with pytest.raises(exception.TransferFailed):
        world.redeploy(pause=pause)
    _all_is_as_it_was(world)


def test_an_address_that_another_took_meanwhile_is_told(world):
    world.ends = 'ROLLBACK_COMPLETE'
    world.network.taken = {'10.0.0.6'}
    with pytest.raises(exception.TransferFailed, match=r'10\.0\.0\.6 was not'):
        world.redeploy()
    assert _addresses(world) == ['10.0.0.5', '10.0.0.99']


@pytest.mark.parametrize('ends', ['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED'])
@pytest.mark.parametrize('dies_in', ['UPDATE', 'ROLLBACK'])
def test_another_rebalancer_takes_it_back(world, ends, dies_in):
    world.ends = ends
    world.network.refused = {'stacks'}

    def pause(_seconds):
        if world.status.startswith(dies_in):
            raise KilledError

    with pytest.raises(KilledError):
        world.redeploy(pause=pause)
    world.network.refused = set()
    with pytest.raises(exception.TransferFailed, match='No valid host'):
        world.redeploy()
    _all_is_as_it_was(world)


def test_one_that_died_before_heat_was_asked_is_done_again(world, monkeypatch):
    def die(*_):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(orchestration.Stacks, 'change_template', die)
        with pytest.raises(KilledError):
            world.redeploy()
    assert world.asked == []
    world.redeploy()
    assert world.server == NEW


def test_a_heat_that_never_ends_is_given_up(world):
    world.looks = 10**6
    world.ends = 'ROLLBACK_COMPLETE'
    ticks = itertools.count(step=600)
    with pytest.raises(exception.RestoreFailed, match='took too long'):
        world.redeploy(clock=lambda: next(ticks))
    assert world.asked[1:] == [{'cancel_update': None}]
    assert _addresses(world) == ['10.0.0.5', '10.0.0.6']


def test_cancelling_lets_heat_go_back(world):
    with pytest.raises(exception.TransferFailed, match='cancelled'):
        world.redeploy(cancelled=lambda: True)
    assert world.asked[1:] == [{'cancel_update': None}]
    _all_is_as_it_was(world)


@pytest.mark.parametrize(
    ('metadata', 'extra_specs'),
    [
        ({}, {}),
        ({'ecrae:relocatable': 'false'}, {'ecrae:relocatable': 'true'}),
        ({'ecrae:relocatable': 'true', 'ecrae:pinned': 'true'}, {}),
        ({'ecrae:relocatable': 'true'}, {'ecrae:pinned': 'true'}),
    ],
)
def test_owners_must_agree(world, metadata, extra_specs):
    world.metadata, world.extra_specs = metadata, extra_specs
    with pytest.raises(exception.PreCheckFailed, match='may not be'):
        world.redeploy()
    assert world.asked == []


def test_without_an_image_for_it_nothing_is_touched(world):
    world.metadata = {'ecrae:relocatable': 'true'}
    with pytest.raises(exception.PreCheckFailed, match='ppc64le'):
        world.redeploy('power-1')
    assert world.asked == []


def test_a_busy_stack_is_left_to_whoever_is_at_it(world):
    world.status = 'UPDATE_IN_PROGRESS'
    with pytest.raises(exception.PreCheckFailed, match='UPDATE_IN_PROGRESS'):
        world.redeploy()
    assert world.asked == []


def test_a_server_of_no_stack_cannot_be_redeployed(world, requests_mock):
    requests_mock.get(
        re.compile(rf'{wire.HEAT}/stacks\?'),
        json={'stacks': []},
        headers=IS_JSON,
    )
    with pytest.raises(exception.PreCheckFailed, match='no Heat stack'):
        world.redeploy()
