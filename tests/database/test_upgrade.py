# SPDX-License-Identifier: Apache-2.0

"""What was stored by any earlier version is there after an upgrade.

Tables of an earlier revision get the rows of today's, as far as they had
columns for them, and made-up ones where today's are empty.
"""

import dataclasses
import datetime

import pytest
import sqlalchemy as sa
from alembic import script

from ecrae.kb import agents
from ecrae.kb import catalogue
from ecrae.kb import decisions
from ecrae.kb import knowledge
from ecrae.kb import plans
from ecrae.kb import readings
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.knowledge import KnownHost
from tests.unit.kb import test_plans
from tests.unit.kb import test_readings
from tests.unit.kb import test_records


REVISIONS = [
    each.revision
    for each in script.ScriptDirectory.from_config(
        schema._config()
    ).walk_revisions()
][::-1]

HOST = KnownHost(name='compute-1', node_type='x86-xeon-8380')
KNOWN = dataclasses.replace(catalogue.load(), hosts={HOST.name: HOST})
PLAN = test_plans._plan()
DECISION = test_records._decision(1)
AGENT = test_records._agent()
READING = test_readings.read(HOST.name, 2)

MOMENT = datetime.datetime(2026, 3, 4, 5, 6, 7)


def _store(database):
    """One of everything that ECRAE keeps."""
    with database.writer() as session:
        knowledge.store(session, knowledge.load(session), KNOWN)
        plans.record(session, PLAN)
        decisions.record(session, DECISION)
        agents.record(session, AGENT)
        readings.replace_all(session, [READING])


def _tables(database):
    """Tables as they are, parents first."""
    found = sa.MetaData()

    @sa.event.listens_for(found, 'column_reflect')
    def floats(_inspector, _table, column):
        if isinstance(column['type'], sa.Double):
            column['type'].asdecimal = False

    found.reflect(database.engine)
    return [
        table
        for table in found.sorted_tables
        if table.name != 'alembic_version'
    ]


def _rows(database):
    """Every row of every table."""
    with database.engine.connect() as connection:
        return {
            table.name: [
                dict(row._mapping)
                for row in connection.execute(table.select())
            ]
            for table in _tables(database)
        }


def _made_up(column, rows):
    """A value that the column takes."""
    for key in column.foreign_keys:
        return rows[key.column.table.name][0][key.column.name]
    if isinstance(column.type, sa.DateTime):
        return MOMENT
    if isinstance(column.type, sa.Integer | sa.Numeric | sa.Float):
        return 1
    # Long texts are JSON, or take it.
    return 'made-up' if getattr(column.type, 'length', None) else '{}'


def _fill(database, newest):
    """Rows into the tables of an earlier revision; what they are."""
    written = {}
    with database.engine.begin() as connection:
        for table in _tables(database):
            written[table.name] = [
                {
                    column.name: row[column.name]
                    if column.name in row
                    else _made_up(column, written)
                    for column in table.columns
                }
                for row in newest.get(table.name) or [{}]
            ]
            connection.execute(table.insert(), written[table.name])
    return written


@pytest.mark.parametrize('revision', REVISIONS)
def test_nothing_stored_is_lost(url, tmp_path, revision):
    today = Database(f'sqlite:///{tmp_path}/today.sqlite')
    schema.upgrade(today)
    _store(today)
    database = Database(url)
    schema.upgrade(database, revision)
    written = _fill(database, _rows(today))

    schema.upgrade(database)

    found = _rows(database)
    for table, rows in written.items():
        shared = rows[0].keys() & found[table][0].keys()
        assert shared, table
        assert _sorted(found[table], shared) == _sorted(rows, shared), table
    with database.reader() as session:
        _assert_is_read(session)


def _sorted(rows, columns):
    # By what is printed, because None and a number have no order.
    return sorted(
        (tuple((name, row[name]) for name in sorted(columns)) for row in rows),
        key=repr,
    )


def _assert_is_read(session):
    """This version understands what an earlier one wrote."""
    loaded = knowledge.load(session)
    assert loaded.hosts == KNOWN.hosts
    assert loaded.tags.keys() == KNOWN.tags.keys()
    assert loaded.node_types.keys() == KNOWN.node_types.keys()
    assert plans.list_newest(session, 2) == [PLAN]
    assert decisions.list_newest(session, 2) == [DECISION]
    assert agents.list_all(session) == [AGENT]
    assert set(readings.list_all(session)) <= {READING}
