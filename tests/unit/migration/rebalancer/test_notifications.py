# SPDX-License-Identifier: Apache-2.0

"""Notifications as a listener of oslo.messaging gets them."""

import json
import queue

import oslo_messaging as messaging
import pytest

from ecrae import conf as options
from ecrae import exception
from ecrae import rpc
from ecrae.migration.rebalancer.notifications import VERSION
from ecrae.migration.rebalancer.notifications import Notifications
from ecrae.model.plan import State
from tests.unit.migration.rebalancer import samples


class Endpoint:
    """Keeps what arrives, by its priority."""

    def __init__(self):
        self.got = queue.Queue()

    def info(self, _context, publisher, event, payload, _metadata):
        self.got.put(('info', publisher, event, payload))

    def error(self, _context, publisher, event, payload, _metadata):
        self.got.put(('error', publisher, event, payload))


@pytest.fixture
def bus(tmp_path):
    """A notifier, and what a listener on the same bus has got."""
    path = tmp_path / 'ecrae.conf'
    path.write_text(
        '[DEFAULT]\ntransport_url = fake://\n'
        '[oslo_messaging_notifications]\ndriver = messagingv2\n'
    )
    conf = options.load([str(path)])
    notifications = Notifications(conf)
    endpoint = Endpoint()
    listener = messaging.get_notification_listener(
        messaging.get_notification_transport(conf),
        [messaging.Target(topic='notifications')],
        [endpoint],
        executor='threading',
    )
    listener.start()
    yield notifications, lambda: endpoint.got.get(timeout=10)
    listener.stop()
    listener.wait()


def test_a_plan_is_told_without_its_actions(bus):
    notifications, get = bus
    notifications.plan(samples.plan(State.PENDING))
    priority, publisher, event, payload = get()
    assert (priority, publisher) == ('info', 'ecrae-rebalancer')
    assert event == 'rebalancer.plan.pending'
    assert payload == {
        'version': VERSION,
        'id': '11111111-2222-3333-4444-555555555555',
        'state': 'PENDING',
        'strategy': 'energy',
        'created_at': '2026-11-18T12:00:00+00:00',
        'updated_at': '2026-11-18T12:00:00+00:00',
        'power_before_w': 300.0,
        'power_after_w': 200.0,
        'power_bound_w': 190.0,
        'actions': 2,
        'error': '',
    }


def test_an_action_says_of_which_plan_it_is_and_what_it_saves(bus):
    notifications, get = bus
    notifications.action(samples.plan(State.SUCCEEDED), 1)
    _, _, event, payload = get()
    assert event == 'rebalancer.action.succeeded'
    assert payload['plan'] == '11111111-2222-3333-4444-555555555555'
    assert payload['position'] == 1
    assert (payload['kind'], payload['source']) == ('sleep', 'a')
    assert payload['saving_w'] == 98.0
    assert payload['started_at'] is None
    json.dumps(payload)


@pytest.mark.parametrize('state', list(State))
def test_failures_are_errors_and_all_else_is_not(bus, state):
    notifications, get = bus
    notifications.plan(samples.plan(state, 'no room'))
    notifications.action(samples.plan(state, 'no room'), 0)
    for noun in ('plan', 'action'):
        priority, _, event, payload = get()
        assert event == f'rebalancer.{noun}.{state.lower()}'
        assert priority == ('error' if state is State.FAILED else 'info')
        assert payload['error'] == 'no room'


def test_a_url_of_no_transport_is_an_option_to_change(tmp_path):
    path = tmp_path / 'ecrae.conf'
    path.write_text('[DEFAULT]\ntransport_url = nothing://\n')
    with pytest.raises(exception.ConfigError, match='transport_url'):
        rpc.get_notifier(options.load([str(path)]), 'x')
