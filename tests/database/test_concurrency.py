# SPDX-License-Identifier: Apache-2.0

"""Several processes on one knowledge base at once."""

import concurrent.futures
import dataclasses
import datetime
import threading

import sqlalchemy as sa

from ecrae import exception
from ecrae.kb import agents
from ecrae.kb import catalogue
from ecrae.kb import hosts
from ecrae.kb import knowledge
from ecrae.kb import plans
from ecrae.model.agent import Agent
from ecrae.model.cluster import HostState
from ecrae.model.knowledge import KnownHost
from ecrae.model.plan import Plan
from ecrae.model.plan import State


NOW = datetime.datetime(2026, 3, 4, tzinfo=datetime.UTC)


def _with_hosts(count, node_type='arm-altra-q80'):
    return dataclasses.replace(
        catalogue.load(),
        hosts={
            f'c{n}': KnownHost(name=f'c{n}', node_type=node_type)
            for n in range(count)
        },
    )


def _store(database, after):
    with database.writer() as session:
        knowledge.store(session, knowledge.load(session), after)


def _load(database):
    with database.reader() as session:
        return knowledge.load(session)


def _at_once(count, work):
    """Results of ``work(n)`` begun together; Conflict where it was one."""
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        try:
            return work(number)
        except exception.Conflict:
            return exception.Conflict

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_of_imports_at_once_each_is_kept_whole_or_not_at_all(database):
    versions = [
        _with_hosts(30, node_type)
        for node_type in ('arm-altra-q80', 'x86-epyc-9754', 'x86-xeon-8380')
    ]
    results = _at_once(3, lambda n: _store(database, versions[n]))
    assert None in results
    assert _load(database) in versions


def test_an_import_keeps_what_the_rebalancer_did_to_other_hosts(database):
    _store(database, _with_hosts(3))
    with database.writer() as session:
        before = knowledge.load(session)
        after = _with_hosts(4)
    with database.writer() as session:
        hosts.set_state(session, 'c1', HostState.ASLEEP)
    with database.writer() as session:
        knowledge.store(session, before, after)
    assert _load(database).hosts['c1'].state is HostState.ASLEEP
    assert 'c3' in _load(database).hosts


def test_a_reader_sees_one_state_throughout(database):
    _store(database, _with_hosts(3))
    count = sa.text('SELECT count(*) FROM host')
    with database.reader() as session:
        first = session.scalar(count)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            written = pool.submit(_store, database, _with_hosts(9))
            # SQLite's writer waits for the reader, the others do not.
            concurrent.futures.wait([written], timeout=1)
            assert session.scalar(count) == first == 3
            session.rollback()
            written.result()
    assert len(_load(database).hosts) == 9


def test_of_those_who_take_a_plan_one_gets_it(database):
    plan = Plan(
        id='p',
        created_at=NOW,
        updated_at=NOW,
        strategy='energy',
        actions=(),
        power_before_w=2.0,
        power_after_w=1.0,
        state=State.APPROVED,
    )
    with database.writer() as session:
        plans.record(session, plan)

    def take(_number):
        with database.writer() as session:
            plans.set_state(session, 'p', State.ONGOING, NOW)

    results = _at_once(4, take)
    assert sorted(results, key=str) == [exception.Conflict] * 3 + [None]


def test_agents_report_at_once(database):
    def report(number):
        for second in range(5):
            with database.writer() as session:
                agents.record(
                    session,
                    Agent(
                        hostname=f'c{number}',
                        capabilities={},
                        started_at=NOW,
                        heartbeat_at=NOW + datetime.timedelta(seconds=second),
                    ),
                )

    assert _at_once(8, report) == [None] * 8
    with database.reader() as session:
        assert len(agents.list_all(session)) == 8
