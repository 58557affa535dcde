# SPDX-License-Identifier: Apache-2.0

import datetime

import pytest

from ecrae.kb import agents
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.agent import Agent
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.telemetry.agent import AgentSource


NOW = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.UTC)


@pytest.fixture
def database(tmp_path):
    found = Database(f'sqlite:///{tmp_path}/ecrae.sqlite')
    schema.upgrade(found)
    return found


def _report(database, hostname, capabilities):
    with database.writer() as session:
        agents.record(
            session,
            Agent(
                hostname=hostname,
                capabilities=capabilities,
                started_at=NOW,
                heartbeat_at=NOW,
            ),
        )


def test_what_agents_measured_are_readings_of_their_hosts(database):
    _report(
        database,
        'compute-1',
        {
            'use': {
                'utilization': 0.25,
                'power_w': 180.5,
                'power_source': 'ipmi',
            }
        },
    )
    _report(database, 'compute-2', {'use': {'utilization': 0.5}})
    found = {
        (reading.name, reading.metric): reading.value
        for reading in AgentSource(database).latest(NOW.timestamp())
    }
    assert found == {
        ('compute-1', Metric.UTILIZATION): 0.25,
        ('compute-1', Metric.POWER_W): 180.5,
        ('compute-2', Metric.UTILIZATION): 0.5,
    }


def test_a_reading_is_as_old_as_the_report(database):
    _report(database, 'compute-1', {'use': {'utilization': 0.25}})
    (reading,) = AgentSource(database).latest(NOW.timestamp() + 3600)
    assert reading.measured_at == NOW.timestamp()


def test_an_agent_that_measured_nothing_has_no_readings(database):
    _report(database, 'compute-1', {})
    source = AgentSource(database)
    assert source.latest(NOW.timestamp()) == []
    assert source.history(Subject.HOST, Metric.POWER_W, 0.0, 9e9) == []
