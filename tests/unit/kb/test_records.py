# SPDX-License-Identifier: Apache-2.0

"""Decisions and agents in the database."""

import dataclasses
import datetime

import pytest

from ecrae import exception
from ecrae.kb import agents
from ecrae.kb import decisions
from ecrae.model.agent import Agent
from ecrae.model.decision import CandidateScore
from ecrae.model.decision import ComponentDecision
from ecrae.model.decision import Decision
from ecrae.model.knowledge import TagKind


NOON = datetime.datetime(2026, 3, 4, 12, 0, 0, 123456, datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def _decision(number, components=1):
    scores = tuple(
        CandidateScore(
            node_type=f'type-{n}',
            flavor='ecrae.web.small',
            host='größe-1',
            marginal_power_w=1 / 3 + n,
            efficiency=0.1,
            reason='lost: 0.1 < 0.2 ✓',
        )
        for n in range(12)
    )
    return Decision(
        id=f'00000000-0000-0000-0000-{number:012}',
        created_at=NOON + number * HOUR,
        source='owncloud.yaml',
        components=tuple(
            ComponentDecision(
                node=f'node-{n}',
                tag='web-frontend',
                kind=TagKind.HINT,
                chosen=scores[0],
                candidates=scores,
            )
            for n in range(components)
        ),
    )


def test_a_decision_is_kept_however_large(database):
    made = _decision(1, components=200)
    with database.writer() as session:
        decisions.record(session, made)
    with database.reader() as session:
        assert decisions.get(session, made.id) == made


def test_newest_decisions_first(database):
    made = [_decision(n) for n in range(4)]
    with database.writer() as session:
        for each in made:
            decisions.record(session, each)
    with database.reader() as session:
        assert decisions.list_newest(session, 2) == [made[3], made[2]]


def test_an_unknown_decision_is_not_found(database):
    with (
        pytest.raises(exception.NotFound, match='No decision named x'),
        database.reader() as session,
    ):
        decisions.get(session, 'x')


def _agent(hostname='compute-1', **fields):
    return Agent(
        hostname=hostname,
        capabilities={'criu': {'version': '4.2.1', 'features': ['lazy']}},
        started_at=NOON,
        **{'heartbeat_at': NOON, **fields},
    )


def test_an_agent_reports_again_and_again(database):
    for hour in range(3):
        with database.writer() as session:
            agents.record(session, _agent(heartbeat_at=NOON + hour * HOUR))
    with database.reader() as session:
        agent = agents.get(session, 'compute-1')
    assert agent == _agent(heartbeat_at=NOON + 2 * HOUR)
    assert agent.is_alive(NOON + 3 * HOUR, HOUR)
    assert not agent.is_alive(NOON + 4 * HOUR, HOUR)


def test_agents_are_listed_and_forgotten(database):
    with database.writer() as session:
        for hostname in ('b', 'a'):
            agents.record(session, _agent(hostname))
    with database.writer() as session:
        assert [a.hostname for a in agents.list_all(session)] == ['a', 'b']
        agents.delete(session, 'a')
    with database.reader() as session:
        assert [a.hostname for a in agents.list_all(session)] == ['b']


@pytest.mark.parametrize('query', [agents.get, agents.delete])
def test_an_agent_that_never_reported_is_not_found(database, query):
    with (
        pytest.raises(exception.NotFound, match='No agent named a'),
        database.writer() as session,
    ):
        query(session, 'a')


def test_a_time_without_zone_is_refused(database):
    naive = dataclasses.replace(
        _agent(), heartbeat_at=NOON.replace(tzinfo=None)
    )
    with (
        pytest.raises(Exception, match='without its zone'),
        database.writer() as session,
    ):
        agents.record(session, naive)
