# SPDX-License-Identifier: Apache-2.0

import sys
import threading

import pytest
import sqlalchemy as sa

from ecrae import exception
from ecrae.kb import hosts
from ecrae.kb import knowledge
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.cluster import HostState


def test_a_url_that_is_none_is_refused_without_showing_it():
    with pytest.raises(exception.ConfigError) as caught:
        Database('hunter2')
    assert '[ecrae_database] connection' in str(caught.value)
    assert 'hunter2' not in str(caught.value)


def test_an_unknown_kind_of_database_is_refused():
    with pytest.raises(exception.ConfigError, match="'dbase'"):
        Database('dbase://localhost/ecrae')


def test_a_missing_driver_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pymysql', None)
    with pytest.raises(
        exception.ConfigError, match=r'pip install ecrae\[mysq'
    ):
        Database('mysql+pymysql://localhost/ecrae')


def test_a_missing_file_is_named_and_not_made(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    with pytest.raises(exception.ConfigError) as caught, database.reader():
        pass
    assert f'sqlite:///{tmp_path}/kb.sqlite' in str(caught.value)
    assert 'ecrae-manage db sync' in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_empty_database_asks_for_its_schema(tmp_path):
    (tmp_path / 'kb.sqlite').touch()
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    with (
        pytest.raises(exception.ConfigError, match='db sync'),
        database.reader() as session,
    ):
        knowledge.load(session)


def test_a_folder_that_is_missing_is_named(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/no/kb.sqlite')
    with pytest.raises(exception.ConfigError, match='make its folder'):
        schema.upgrade(database)


def test_writers_that_read_first_wait_for_each_other(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    schema.upgrade(database)
    with database.connection() as connection:
        connection.exec_driver_sql('CREATE TABLE counter (value INTEGER)')
        connection.exec_driver_sql('INSERT INTO counter VALUES (0)')

    def count():
        for _ in range(10):
            with database.writer() as session:
                value = session.scalar(sa.text('SELECT value FROM counter'))
                session.execute(
                    sa.text('UPDATE counter SET value = :value'),
                    {'value': value + 1},
                )

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reader() as session:
        assert session.scalar(sa.text('SELECT value FROM counter')) == 40


def test_references_are_kept(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    schema.upgrade(database)
    with pytest.raises(exception.Conflict), database.writer() as session:
        session.execute(
            sa.text(
                'INSERT INTO host (name, node_type, state) '
                "VALUES ('a', 'no such type', 'awake')"
            )
        )


def test_an_exception_of_the_caller_passes_through(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    schema.upgrade(database)
    with pytest.raises(exception.NotFound), database.writer() as session:
        hosts.set_state(session, 'a', HostState.DOWN)
