# SPDX-License-Identifier: Apache-2.0

"""Rebalancers that agree on a leader in a server, of each kind."""

import urllib.request

import pytest
import redis
import sqlalchemy as sa

from ecrae.kb import schema
from ecrae.kb.db import Database
from tests import rebalancers
from tests.database import servers


#: tooz hands passwords on as the URL has them, so this one is plain.
NAME = 'tooz'

MAKE_USER = {
    'mysql+pymysql': (
        f"CREATE OR REPLACE USER {NAME}@'127.0.0.1' IDENTIFIED BY '{NAME}'",
        f"GRANT ALL ON *.* TO {NAME}@'127.0.0.1'",
    ),
    'postgresql+psycopg2': (
        f'DROP ROLE IF EXISTS {NAME}',
        f"CREATE ROLE {NAME} LOGIN PASSWORD '{NAME}'",
    ),
}
CONNECTIONS = {
    'mysql+pymysql': (
        "SELECT id FROM information_schema.processlist WHERE user = 'tooz'"
    ),
    'postgresql+psycopg2': (
        "SELECT pid FROM pg_stat_activity WHERE usename = 'tooz'"
    ),
}
END = {
    'mysql+pymysql': 'KILL {}',
    'postgresql+psycopg2': 'SELECT pg_terminate_backend({})',
}


@pytest.fixture
def execute(server):
    """Executes a statement as the server's administrator; its rows."""
    engine = sa.create_engine(server, isolation_level='AUTOCOMMIT')

    def execute(statement):
        with engine.connect() as connection:
            found = connection.exec_driver_sql(statement)
            return found.all() if found.returns_rows else []

    yield execute
    engine.dispose()


@pytest.fixture
def coordination_url(server, url, execute):
    """Where rebalancers agree, as a user who may do little else."""
    for statement in MAKE_USER[server.drivername]:
        execute(statement)
    place = f'{NAME}:{NAME}@{server.host}:{server.port}'
    name = sa.make_url(url).database
    if server.drivername.startswith('mysql'):
        return f'mysql://{place}/{name}'
    return f'postgresql://{place}?dbname={name}'


@pytest.fixture
def end_connections(server, execute):
    """Lets the server end every connection of the rebalancers' locks."""

    def end():
        for (number,) in execute(CONNECTIONS[server.drivername]):
            execute(END[server.drivername].format(number))

    return end


def _agree(connection, coordination_url, lose, folder):
    """One leads, whoever is killed, and whenever the server loses the lock.

    :param lose: lets the server lose every lock.
    """
    one, two = services = [
        rebalancers.Service(folder / name, connection, coordination_url)
        for name in ('one', 'two')
    ]
    with rebalancers.running(one):
        rebalancers.wait_for(lambda: one.leads, one)
        with rebalancers.running(two):
            rebalancers.wait_for(lambda: two.leads is False, *services)
            assert one.leads
            one.kill()
            rebalancers.wait_for(lambda: two.leads, *services)
            one.start()
            rebalancers.wait_for(lambda: one.leads is False, *services)

            lose()
            rebalancers.wait_for(
                lambda: 'lost the lock' in two.log(), *services
            )
            rebalancers.wait_for(
                lambda: sorted((one.leads, two.leads)) == [False, True],
                *services,
            )


@pytest.mark.parametrize('server', ['mariadb', 'postgresql'], indirect=True)
def test_one_leads_whoever_is_killed_and_whatever_connection_ends(
    database, url, coordination_url, end_connections, tmp_path
):
    _agree(url, coordination_url, end_connections, tmp_path)


@pytest.fixture
def connection(tmp_path):
    """URL of a knowledge base for locks that are kept elsewhere."""
    url = f'sqlite:///{tmp_path}/kb.sqlite'
    made = Database(url)
    schema.upgrade(made)
    made.engine.dispose()
    return url


def test_one_leads_by_redis_whoever_is_killed_and_whatever_it_forgets(
    connection, tmp_path
):
    with servers.redis(tmp_path) as address:
        host, port = address.split(':')
        _agree(
            connection,
            f'redis://{address}?timeout=5',
            redis.Redis(host, int(port)).flushall,
            tmp_path,
        )


def test_one_leads_by_etcd_whoever_is_killed_and_whatever_it_forgets(
    connection, tmp_path
):
    with servers.etcd(tmp_path) as address:

        def forget():
            # Every key from the least on.
            urllib.request.urlopen(
                f'http://{address}/v3/kv/deleterange',
                data=b'{"key": "AA==", "range_end": "AA=="}',
                timeout=10,
            ).close()

        url = f'etcd3+http://{address}?lock_timeout=5&membership_timeout=5'
        _agree(connection, url, forget, tmp_path)
