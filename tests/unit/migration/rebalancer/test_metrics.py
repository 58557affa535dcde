# SPDX-License-Identifier: Apache-2.0

"""What Prometheus gets to read, by HTTP and by its own parser."""

import socket
import time
import urllib.request

import pytest
from prometheus_client import parser

from ecrae import exception
from ecrae.migration.rebalancer.guard import Verdict
from ecrae.migration.rebalancer.metrics import Metrics
from ecrae.migration.rebalancer.proposal import Proposal
from ecrae.migration.rebalancer.worth import Worth
from ecrae.model.plan import State
from tests.unit.migration.rebalancer import samples


PREFIX = 'ecrae_rebalancer_'


def _port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.fixture
def served():
    """Metrics, and what a look at them finds, by name and labels."""
    metrics, port = Metrics(), _port()
    metrics.serve('127.0.0.1', port)

    def read():
        url = f'http://127.0.0.1:{port}/metrics'
        with urllib.request.urlopen(url, timeout=10) as answer:
            families = parser.text_string_to_metric_families(
                answer.read().decode()
            )
            return {
                (sample.name.removeprefix(PREFIX), *sample.labels.values()): (
                    sample.value
                )
                for family in families
                for sample in family.samples
            }

    return metrics, read


def test_cycles_and_the_brakes_that_held_are_counted(served):
    metrics, read = served
    began = time.time()
    verdicts = [
        Verdict(brake='flux', is_held=True, reason=''),
        Verdict(brake='mode', is_held=False, reason=''),
    ]
    metrics.cycled('held', verdicts)
    metrics.cycled('held', ())
    metrics.cycled('balanced', ())
    found = read()
    assert found['cycles_total', 'held'] == 2
    assert found['cycles_total', 'balanced'] == 1
    assert found['brakes_total', 'flux'] == 1
    assert ('brakes_total', 'mode') not in found
    assert found['last_cycle_timestamp_seconds',] >= began


def test_who_leads_and_what_was_proposed_are_told_as_they_are(served):
    metrics, read = served
    assert read()['leader',] == 0
    metrics.leads(True)
    metrics.proposed(
        Proposal(
            actions=(),
            worth=Worth(
                present_w=300.0, gain_w=100.0, cost_j=0.0, is_urgent=False
            ),
            power_before_w=300.0,
            power_after_w=200.0,
            power_bound_w=190.0,
        )
    )
    found = read()
    assert found['leader',] == 1
    assert found['power_watts', 'present'] == 300
    assert found['power_watts', 'proposed'] == 200
    assert found['power_watts', 'bound'] == 190
    metrics.leads(False)
    assert read()['leader',] == 0


def test_plans_and_actions_are_counted_by_what_became_of_them(served):
    metrics, read = served
    for state in (State.PENDING, State.FAILED):
        plan = samples.plan(state)
        metrics.plan(plan)
        metrics.action(plan, 0)
    metrics.action(plan, 1)
    found = read()
    assert found['plans_total', 'PENDING'] == 1
    assert found['plans_total', 'FAILED'] == 1
    assert found['actions_total', 'migrate', 'PENDING'] == 1
    assert found['actions_total', 'migrate', 'FAILED'] == 1
    assert found['actions_total', 'sleep', 'FAILED'] == 1


def test_port_nought_serves_nothing():
    Metrics().serve('127.0.0.1', 0)


def test_an_address_that_is_taken_is_an_option_to_change():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(exception.ConfigError, match=f'{port}'):
            Metrics().serve('127.0.0.1', port)
