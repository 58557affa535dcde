# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest
import sqlalchemy as sa

from ecrae import exception
from ecrae.kb import catalogue
from ecrae.kb import hosts
from ecrae.kb import knowledge
from ecrae.model.cluster import HostState
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost


NOTHING = Knowledge(tags={}, node_types={}, flavors={})


def _load(database):
    with database.reader() as session:
        return knowledge.load(session)


def _store(database, after):
    with database.writer() as session:
        knowledge.store(session, knowledge.load(session), after)


def _with_hosts(count):
    node_types = sorted(catalogue.load().node_types)
    return dataclasses.replace(
        catalogue.load(),
        hosts={
            f'compute-{n}': KnownHost(
                name=f'compute-{n}',
                node_type=node_types[n % len(node_types)],
            )
            for n in range(count)
        },
    )


def _statements(database, work):
    seen = []

    def record(_conn, _cursor, statement, *_rest):
        seen.append(statement)

    sa.event.listen(database.engine, 'before_cursor_execute', record)
    work()
    sa.event.remove(database.engine, 'before_cursor_execute', record)
    return len(seen)


def test_a_new_database_knows_nothing(database):
    assert _load(database) == NOTHING


def test_what_is_stored_is_loaded(database):
    _store(database, _with_hosts(50))
    assert _load(database) == _with_hosts(50)


def test_any_knowledge_turns_into_any_other(database):
    few = _with_hosts(3)
    half = dataclasses.replace(
        few,
        tags={
            name: dataclasses.replace(tag, targets=tag.targets[1:3])
            for name, tag in list(few.tags.items())[:5]
        },
        hosts={
            'compute-1': KnownHost(
                name='compute-1',
                node_type='arm-altra-q80',
                state=HostState.ASLEEP,
            )
        },
    )
    for after in (few, half, NOTHING, half, few):
        _store(database, after)
        assert _load(database) == after


def test_loading_takes_as_many_statements_however_much_there_is(database):
    _store(database, _with_hosts(1))
    few = _statements(database, lambda: _load(database))
    _store(database, _with_hosts(500))
    assert _statements(database, lambda: _load(database)) == few


def test_storing_what_is_there_writes_nothing(database):
    _store(database, _with_hosts(20))
    reads = _statements(database, lambda: _load(database))
    again = _statements(database, lambda: _store(database, _with_hosts(20)))
    assert again == reads


def _store_then_fail(database):
    with database.writer() as session:
        knowledge.store(session, knowledge.load(session), NOTHING)
        raise ZeroDivisionError


def test_a_failed_transaction_leaves_all_as_it_was(database):
    _store(database, _with_hosts(2))
    with pytest.raises(ZeroDivisionError):
        _store_then_fail(database)
    assert _load(database) == _with_hosts(2)


def test_a_host_falls_asleep(database):
    _store(database, _with_hosts(2))
    with database.writer() as session:
        hosts.set_state(session, 'compute-1', HostState.ASLEEP)
    assert _load(database).hosts['compute-1'].state is HostState.ASLEEP


def test_an_unknown_host_cannot_fall_asleep(database):
    with (
        pytest.raises(exception.NotFound, match='No host named nowhere'),
        database.writer() as session,
    ):
        hosts.set_state(session, 'nowhere', HostState.ASLEEP)
