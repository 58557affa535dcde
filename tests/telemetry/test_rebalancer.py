# SPDX-License-Identifier: Apache-2.0

"""What the rebalancer tells a real RabbitMQ and a real Prometheus."""

import dataclasses
import time

import oslo_messaging as messaging
import pytest
import requests

from ecrae import conf as options
from ecrae.kb import plans
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.plan import State
from tests import rebalancers
from tests.telemetry import servers
from tests.unit.migration.rebalancer import samples


@pytest.fixture(scope='module')
def transport_url(folder):
    with servers.rabbitmq(folder) as url:
        yield url


class Endpoint:
    """Keeps what arrives, by its priority."""

    def __init__(self):
        self.got = []

    def info(self, _context, publisher, event, payload, _metadata):
        self.got.append(('info', publisher, event, payload))

    def error(self, _context, publisher, event, payload, _metadata):
        self.got.append(('error', publisher, event, payload))

    def events(self):
        return [(priority, event) for priority, _, event, _ in self.got]


@pytest.fixture
def heard(transport_url, tmp_path):
    """What a program of somebody else's hears of the rebalancer."""
    path = tmp_path / 'listener.conf'
    path.write_text(f'[DEFAULT]\ntransport_url = {transport_url}\n')
    endpoint = Endpoint()
    listener = messaging.get_notification_listener(
        messaging.get_notification_transport(options.load([str(path)])),
        [messaging.Target(topic='notifications')],
        [endpoint],
        executor='threading',
    )
    listener.start()
    yield endpoint
    listener.stop()
    listener.wait()


@pytest.fixture
def connection(tmp_path):
    """A knowledge base with a plan that a rebalancer left under way."""
    url = f'sqlite:///{tmp_path}/kb.sqlite'
    database = Database(url)
    schema.upgrade(database)
    plan = samples.plan(State.ONGOING)
    moving, sleeping = plan.actions
    waiting = dataclasses.replace(sleeping, state=State.PENDING)
    with database.writer() as session:
        plans.record(
            session, dataclasses.replace(plan, actions=(moving, waiting))
        )
    database.engine.dispose()
    return url


def _query(url, expression):
    answer = requests.get(
        f'{url}/api/v1/query', params={'query': expression}, timeout=10
    ).json()
    return [float(each['value'][1]) for each in answer['data']['result']]


def _wait_for_value(url, expression, value):
    deadline = time.monotonic() + 90
    while (found := _query(url, expression)) != [value]:
        assert time.monotonic() < deadline, f'{expression}: {found}'
        time.sleep(1)


def test_a_plan_that_fails_is_told_and_counted(
    transport_url, heard, connection, tmp_path
):
    service = rebalancers.Service(
        tmp_path / 'service',
        connection,
        f'file://{tmp_path}/coordination',
        DEFAULT={'transport_url': transport_url},
        oslo_messaging_notifications={'driver': 'messagingv2'},
    )
    target = f'127.0.0.1:{service.port}'
    with (
        servers.prometheus(tmp_path, [target]) as url,
        rebalancers.running(service),
    ):
        rebalancers.wait_for(
            lambda: ('error', 'rebalancer.plan.failed') in heard.events(),
            service,
        )
        prefix = 'ecrae_rebalancer_'
        _wait_for_value(url, f'{prefix}leader', 1)
        _wait_for_value(url, f'{prefix}plans_total{{state="FAILED"}}', 1)
        _wait_for_value(
            url,
            f'{prefix}actions_total{{kind="migrate",state="FAILED"}}',
            1,
        )

    assert heard.events() == [
        ('error', 'rebalancer.action.failed'),
        ('error', 'rebalancer.plan.failed'),
    ]
    (_, publisher, _, action), (_, _, _, plan) = heard.got
    assert publisher == 'ecrae-rebalancer'
    assert (action['plan'], action['position']) == (plan['id'], 0)
    assert 'does not answer' in action['error']
    assert plan['state'] == 'FAILED'
    assert action['version'] == plan['version'] == '1.0'
