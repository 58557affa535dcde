# SPDX-License-Identifier: Apache-2.0

"""What an operator reads when the database is not as it should be."""

import pytest
import sqlalchemy as sa

from ecrae import exception
from ecrae.kb import knowledge
from ecrae.kb import schema
from ecrae.kb.db import Database
from tests.database import servers


#: For what SQLite cannot suffer, having no server.
served = pytest.mark.parametrize(
    'server', ['mariadb', 'postgresql'], indirect=True
)


def _error(url):
    with (
        pytest.raises(exception.ConfigError) as caught,
        Database(url).reader() as session,
    ):
        knowledge.load(session)
    message = str(caught.value)
    assert '[ecrae_database] connection' in message
    assert 'Traceback' not in message
    assert 'battery' not in message
    assert '\n' not in message
    return message


def _changed(url, **parts):
    changed = sa.make_url(url).set(**parts)
    return changed.render_as_string(hide_password=False)


def test_without_tables_it_says_how_to_make_them(url):
    if url.startswith('sqlite'):
        sa.create_engine(url).connect().close()
    assert 'ecrae-manage db sync' in _error(url)


@served
def test_nobody_listens(url):
    port = servers.free_port()
    message = _error(_changed(url, port=port))
    assert f'@127.0.0.1:{port}/' in message
    assert 'refused' in message


@served
def test_a_wrong_password(url):
    message = _error(_changed(url, password='battery'))
    assert 'cannot be reached' in message
    assert 'denied' in message or 'authentication failed' in message


@served
def test_a_database_that_is_not_there(url):
    message = _error(_changed(url, database='nothing'))
    assert '/nothing cannot be reached' in message


def test_tables_of_an_older_version(database):
    with database.connection() as connection:
        connection.exec_driver_sql('ALTER TABLE host DROP COLUMN state')
    with (
        pytest.raises(exception.ConfigError, match='db sync'),
        database.reader() as session,
    ):
        knowledge.load(session)


@served
def test_lost_connections_are_made_again(database):
    with database.reader() as session:
        knowledge.load(session)
    _drop_connections(database)
    with database.reader() as session:
        knowledge.load(session)


@served
def test_a_connection_lost_midway_changes_nothing(database):
    def write():
        with database.writer() as session:
            session.execute(
                sa.text("INSERT INTO tag VALUES ('a', 'hint', '', '')")
            )
            _drop_connections(database)
            session.execute(sa.text('DELETE FROM host'))

    with pytest.raises(exception.ConfigError):
        write()
    with database.reader() as session:
        assert not knowledge.load(session).tags


def _drop_connections(database):
    """What a restart of the server does to its clients."""
    name = database.engine.url.database
    queries = {
        'mysql': (
            'SELECT id FROM information_schema.processlist WHERE db = :name',
            'KILL {}',
        ),
        'postgresql': (
            'SELECT pid FROM pg_stat_activity WHERE datname = :name',
            'SELECT pg_terminate_backend({})',
        ),
    }
    query, kill = queries[database.engine.name]
    other = {'mysql': 'mysql', 'postgresql': 'postgres'}
    administrator = sa.create_engine(
        database.engine.url.set(database=other[database.engine.name]),
        isolation_level='AUTOCOMMIT',
    )
    with administrator.connect() as connection:
        for number in connection.scalars(sa.text(query), {'name': name}):
            connection.exec_driver_sql(kill.format(number))
    administrator.dispose()


@served
def test_sync_says_the_same(url):
    with pytest.raises(exception.ConfigError, match='cannot be reached'):
        schema.upgrade(Database(_changed(url, password='battery')))
