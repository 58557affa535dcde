# SPDX-License-Identifier: Apache-2.0

"""What an agent reports, in a knowledge base of its own."""

import datetime
import platform

import pytest

from ecrae import privsep
from ecrae.kb import agents
from ecrae.kb import db
from ecrae.kb import schema
from ecrae.migration import power
from ecrae.migration import registry


@pytest.fixture
def database(tmp_path):
    found = db.Database(f'sqlite:///{tmp_path}/kb.sqlite')
    schema.upgrade(found)
    return found


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(privsep.context, 'client_mode', False)


def _registry(database, workloads):
    return registry.Registry(
        database,
        'compute-1',
        lambda: {'drivers': {'fake': {}}, 'workloads': list(workloads)},
        power.Meter(max_power_w=1000.0),
    )


def _found(database):
    with database.reader() as session:
        return agents.get(session, 'compute-1')


def test_a_report_says_what_the_host_is_and_can(database):
    _registry(database, ['fake:web']).report()
    found = _found(database).capabilities
    assert found['kernel'] == platform.release()
    assert found['cpu']['architecture'] == platform.machine()
    assert found['drivers'] == {'fake': {}}
    assert found['workloads'] == ['fake:web']
    assert 'power_sensors' in found['use']


def test_the_next_report_replaces_it_and_beats(database):
    workloads = ['fake:web']
    reporter = _registry(database, workloads)
    reporter.report()
    first = _found(database)
    workloads.clear()
    reporter.report()
    second = _found(database)
    assert second.capabilities['workloads'] == []
    assert second.heartbeat_at > first.heartbeat_at
    assert second.started_at == first.started_at
    patience = datetime.timedelta(seconds=60)
    assert second.is_alive(datetime.datetime.now(datetime.UTC), patience)


def test_an_incarnation_lasts_as_long_as_what_runs_here():
    assert registry.incarnation() == registry.incarnation()
