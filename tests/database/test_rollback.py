# SPDX-License-Identifier: Apache-2.0

"""The way back from an upgrade, as the documents show it.

The tables of the version before are made and filled, backed up, upgraded,
and written to. Then whoever follows the page has what was there before.
"""

import os
import shlex
import subprocess

import pytest
import sqlalchemy as sa

from ecrae import exception
from ecrae.cmd import manage
from ecrae.kb import hosts
from ecrae.kb import knowledge
from ecrae.kb import schema
from ecrae.kb.db import Database
from tests import documented
from tests.database import servers
from tests.database import test_upgrade


PAGE = documented.on_page(documented.TOP / 'doc/source/install/upgrade.rst')

#: What each server's own programs are called.
PROGRAMS = {
    'mysql': ('mariadb', 'mariadb-dump'),
    'postgresql': ('psql', 'pg_dump', 'dropdb', 'createdb'),
}


#: SQLite's file is only copied.
on_servers = pytest.mark.parametrize(
    'server', ['mariadb', 'postgresql'], indirect=True, scope='session'
)


@pytest.fixture
def ecrae(server):
    """URL of the database that the page speaks of."""
    engine = sa.create_engine(server, isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        if engine.name == 'postgresql':
            connection.exec_driver_sql('CREATE ROLE ecrae')
        connection.exec_driver_sql('CREATE DATABASE ecrae')
    yield server.set(database='ecrae').render_as_string(hide_password=False)
    with engine.connect() as connection:
        force = ' WITH (FORCE)' if engine.name == 'postgresql' else ''
        connection.exec_driver_sql(f'DROP DATABASE ecrae{force}')
        if engine.name == 'postgresql':
            connection.exec_driver_sql('DROP ROLE ecrae')
    engine.dispose()


@pytest.fixture
def type_(server, tmp_path, monkeypatch):
    """Types a line as a user whom the server knows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / '.my.cnf').write_text(
        f'[client]\nhost={server.host}\nport={server.port}\nuser=root\n'
        f'password="{servers.PASSWORD}"\n'
    )
    env = {
        **os.environ,
        'HOME': str(tmp_path),
        'PGHOST': str(server.host),
        'PGPORT': str(server.port),
        'PGUSER': 'root',
        'PGPASSWORD': servers.PASSWORD,
    }

    def run(line):
        done = subprocess.run(
            shlex.split(line), capture_output=True, text=True, env=env
        )
        assert done.returncode == 0, line + done.stderr
        assert 'ERROR' not in done.stderr, line + done.stderr

    return run


def _own(server, lines):
    """Those of a server's own programs."""
    programs = PROGRAMS[server.get_backend_name()]
    return [each.line for each in lines if each.program in programs]


@on_servers
def test_a_restored_dump_is_what_there_was(server, ecrae, type_, tmp_path):
    shown = [each for each in PAGE if each.kind == documented.DATABASE]
    backup, *restore = _own(server, shown)
    today = Database(f'sqlite:///{tmp_path}/today.sqlite')
    schema.upgrade(today)
    test_upgrade._store(today)
    database = Database(ecrae)
    schema.upgrade(database, test_upgrade.REVISIONS[0])
    test_upgrade._fill(database, test_upgrade._rows(today))
    before = test_upgrade._rows(database)

    type_(backup)
    schema.upgrade(database)
    with database.writer() as session:
        knowledge.store(session, knowledge.load(session), test_upgrade.KNOWN)
    assert test_upgrade._rows(database).keys() > before.keys()
    database.engine.dispose()
    for line in restore:
        type_(line)

    after = test_upgrade._rows(database)
    assert after.keys() == before.keys()
    for table, rows in before.items():
        columns = rows[0].keys()
        assert test_upgrade._sorted(after[table], columns) == (
            test_upgrade._sorted(rows, columns)
        )
    assert schema.version(database) == test_upgrade.REVISIONS[0]
    # And from there the upgrade can be tried again.
    schema.upgrade(database)
    assert schema.version(database) == schema.newest()
    database.engine.dispose()


@on_servers
@pytest.mark.usefixtures('server')
def test_without_a_dump_knowledge_comes_back(ecrae, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'ecrae.conf').write_text(
        f'[ecrae_database]\nconnection = {ecrae}\n'
    )
    database = Database(ecrae)
    schema.upgrade(database)
    test_upgrade._store(database)
    with database.reader() as session:
        before = knowledge.load(session)
    lines = [each.line for each in PAGE if each.program == 'ecrae-manage']
    export, *_, sync, bring_in = lines

    def run(line):
        words = shlex.split(line)[1:]
        assert manage.main(['--config-file', 'ecrae.conf', *words]) == 0, line

    run(export)
    with database.engine.begin() as connection:
        found = sa.MetaData()
        found.reflect(connection)
        found.drop_all(connection)
    run(sync)
    with database.reader() as session:
        assert hosts.list_all(session) == {}
    run(bring_in)

    with database.reader() as session:
        assert knowledge.load(session) == before
    database.engine.dispose()


def test_an_older_version_refuses_newer_tables(database):
    newer = sa.text("UPDATE alembic_version SET version_num = 'newer'")
    with database.engine.begin() as connection:
        connection.execute(newer)
    with pytest.raises(exception.ConfigError, match='is newer than this'):
        schema.upgrade(database)
