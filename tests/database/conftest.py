# SPDX-License-Identifier: Apache-2.0

"""An empty database of each kind, and one with the newest tables."""

import contextlib
import itertools
import pathlib
import tempfile

import pytest
import sqlalchemy as sa

from ecrae.kb import schema
from ecrae.kb.db import Database
from tests.database import servers


_NUMBERS = itertools.count(1)


@pytest.fixture(scope='session', params=['sqlite', 'mariadb', 'postgresql'])
def server(request):
    """URL of a server's own database, as its administrator."""
    # Servers do not run as root and must be able to reach it.
    with (
        tempfile.TemporaryDirectory(prefix='ecrae-database-') as name,
        contextlib.ExitStack() as stack,
    ):
        folder = pathlib.Path(name)
        if request.param == 'sqlite':
            yield sa.URL.create('sqlite', database=f'{folder}/main.sqlite')
            return
        drivers = {
            'mariadb': ('mysql+pymysql', 'mysql'),
            'postgresql': ('postgresql+psycopg2', 'postgres'),
        }
        driver, database = drivers[request.param]
        start = getattr(servers, request.param)
        host, port = stack.enter_context(start(folder)).split(':')
        yield sa.URL.create(
            driver,
            username='root',
            password=servers.PASSWORD,
            host=host,
            port=int(port),
            database=database,
        )


@pytest.fixture
def url(server):
    """URL of a database with nothing in it, dropped after the test."""
    name = f'ecrae_{next(_NUMBERS)}'
    if server.drivername == 'sqlite':
        folder = pathlib.Path(server.database).parent
        yield f'sqlite:///{folder}/{name}.sqlite'
        return
    engine = sa.create_engine(server, isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE {name}')
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        force = ' WITH (FORCE)' if engine.name == 'postgresql' else ''
        connection.exec_driver_sql(f'DROP DATABASE {name}{force}')
    engine.dispose()


@pytest.fixture
def database(url):
    """Knowledge base with the newest tables and nothing in them."""
    made = Database(url)
    schema.upgrade(made)
    yield made
    made.engine.dispose()
