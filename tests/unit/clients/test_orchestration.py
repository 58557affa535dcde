# SPDX-License-Identifier: Apache-2.0

import re

import pytest

from ecrae import exception
from ecrae.clients import orchestration
from ecrae.clients.stack import Request
from tests.unit.clients import wire


REQUEST = Request(
    template={'heat_template_version': '2013-05-23'},
    files={'a.sh': 'echo'},
    parameters={'size': 3},
    timeout_min=7,
)


#: heatclient reads a body only where this says so.
IS_JSON = {'Content-Type': 'application/json'}


def _stack(status, **fields):
    return {
        'stack': {
            'id': 'the-id',
            'stack_name': 'shop',
            'stack_status': status,
            'stack_status_reason': '',
            'outputs': [],
            **fields,
        }
    }


def _event(number, status='CREATE_COMPLETE'):
    return {
        'id': f'e{number}',
        'event_time': '2026-11-20T10:00:00Z',
        'resource_name': f'r{number}',
        'resource_status': status,
        'resource_status_reason': 'state changed',
    }


def _history(cloud, statuses, event_pages=()):
    """A stack that is in each of ``statuses`` in turn, then gone (None)."""
    cloud.mock.get(
        f'{wire.HEAT}/stacks/the-id',
        [
            {'status_code': 404, 'json': {'error': {'message': 'gone'}}}
            if status is None
            else {'json': _stack(status), 'headers': IS_JSON}
            for status in statuses
        ],
    )
    cloud.mock.get(
        re.compile(f'{wire.HEAT}/stacks/the-id/events'),
        [
            {'json': {'events': page}, 'headers': IS_JSON}
            for page in (event_pages or [[]])
        ],
    )


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


def _wait(cloud, **kwargs):
    clock = Clock()
    return orchestration.Stacks(cloud.connection()).wait(
        'the-id', timeout_s=60, clock=clock, sleep=clock.sleep, **kwargs
    )


def test_stack_is_created_with_all_that_was_asked(cloud):
    posted = cloud.mock.post(
        f'{wire.HEAT}/stacks',
        json={'stack': {'id': 'the-id'}},
        headers=IS_JSON,
    )
    stacks = orchestration.Stacks(cloud.connection())
    assert stacks.create('shop', REQUEST) == 'the-id'
    assert posted.last_request.json() == {
        'stack_name': 'shop',
        'disable_rollback': True,
        'template': {'heat_template_version': '2013-05-23'},
        'files': {'a.sh': 'echo'},
        'parameters': {'size': 3},
        'timeout_mins': 7,
    }


def test_name_that_is_taken(cloud):
    cloud.mock.post(
        f'{wire.HEAT}/stacks',
        status_code=409,
        json={'error': {'message': 'The Stack (shop) already exists.'}},
    )
    with pytest.raises(exception.Conflict, match='named shop'):
        orchestration.Stacks(cloud.connection()).create('shop', REQUEST)


def test_refusal_is_passed_on_in_heats_own_words(cloud):
    cloud.mock.post(
        f'{wire.HEAT}/stacks',
        status_code=400,
        json={'error': {'message': 'No tag named web-fronted.'}},
    )
    with pytest.raises(exception.CloudError) as caught:
        orchestration.Stacks(cloud.connection()).create('shop', REQUEST)
    assert str(caught.value) == (
        'Heat could not create stack shop: No tag named web-fronted.'
    )


def test_stack_that_is_not_there(cloud):
    cloud.mock.get(f'{wire.HEAT}/stacks/shop', status_code=404, json={})
    assert orchestration.Stacks(cloud.connection()).find('shop') is None


def test_outputs_of_a_stack(cloud):
    outputs = [{'output_key': 'url', 'output_value': 'http://x'}]
    cloud.mock.get(
        f'{wire.HEAT}/stacks/shop',
        json=_stack('CREATE_COMPLETE', outputs=outputs),
        headers=IS_JSON,
    )
    found = orchestration.Stacks(cloud.connection()).find('shop')
    assert found.outputs == {'url': 'http://x'}
    assert found.is_complete


def test_each_event_is_told_once_in_order(cloud):
    _history(
        cloud,
        ['CREATE_IN_PROGRESS', 'CREATE_IN_PROGRESS', 'CREATE_COMPLETE'],
        [[_event(1), _event(2)], [], [_event(3)]],
    )
    told = []
    stack = _wait(cloud, on_event=lambda event: told.append(event.resource))
    assert stack.is_complete
    assert told == ['r1', 'r2', 'r3']
    markers = [
        request.qs.get('marker')
        for request in cloud.mock.request_history
        if request.path.endswith('/events')
    ]
    assert markers == [None, ['e2'], ['e2']]


def test_failed_stack_is_returned_not_raised(cloud):
    _history(cloud, ['CREATE_IN_PROGRESS', 'CREATE_FAILED'])
    stack = _wait(cloud)
    assert not stack.is_complete
    assert not stack.is_in_progress


def test_deleted_stack_is_none(cloud):
    _history(cloud, ['DELETE_IN_PROGRESS', None])
    assert _wait(cloud) is None


def test_patience_ends(cloud):
    _history(cloud, ['CREATE_IN_PROGRESS'])
    with pytest.raises(exception.CloudError, match='CREATE_IN_PROGRESS'):
        _wait(cloud)


def test_update_and_delete_reach_heat(cloud):
    put = cloud.mock.put(f'{wire.HEAT}/stacks/the-id', status_code=202)
    delete = cloud.mock.delete(f'{wire.HEAT}/stacks/the-id', status_code=204)
    stacks = orchestration.Stacks(cloud.connection())
    stacks.update('the-id', REQUEST)
    stacks.delete('the-id')
    assert put.last_request.json()['parameters'] == {'size': 3}
    assert delete.called


def test_preview_lists_what_would_be_made(cloud):
    cloud.mock.post(
        f'{wire.HEAT}/stacks/preview',
        json={'stack': {'resources': [{'resource_name': 'web'}]}},
        headers=IS_JSON,
    )
    stacks = orchestration.Stacks(cloud.connection())
    assert stacks.preview('shop', REQUEST) == [{'resource_name': 'web'}]


def test_stored_template(cloud):
    cloud.mock.get(
        f'{wire.HEAT}/stacks/the-id/template',
        json={'resources': {}},
        headers=IS_JSON,
    )
    stacks = orchestration.Stacks(cloud.connection())
    assert stacks.template('the-id') == {'resources': {}}


def test_template_versions_and_their_aliases(cloud):
    cloud.mock.get(
        f'{wire.HEAT}/template_versions',
        json={
            'template_versions': [
                {
                    'version': 'heat_template_version.2026-11-20',
                    'type': 'hot',
                    'aliases': ['heat_template_version.ecrae_tosca_1'],
                }
            ]
        },
        headers=IS_JSON,
    )
    stacks = orchestration.Stacks(cloud.connection())
    assert stacks.template_versions() == {'2026-11-20', 'ecrae_tosca_1'}
