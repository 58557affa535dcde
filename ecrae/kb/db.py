# SPDX-License-Identifier: Apache-2.0

"""The one way to the knowledge base's database.

oslo.db makes the engine and names its errors. Its transaction factory is
left aside: what that is not told it takes from the global ``[database]``
section, which inside nova-scheduler and heat-engine is someone else's.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import engines
from oslo_db.sqlalchemy import orm as oslo_orm
from sqlalchemy import orm

from ecrae import exception


OPTION = '[ecrae_database] connection'

#: Seconds that a connection attempt, or a lock of SQLite, may take.
PATIENCE_S = 10

#: What makes a driver behave like the others, unless the URL says more.
_PARAMETERS = {
    'mysql': {'charset': 'utf8mb4', 'connect_timeout': str(PATIENCE_S)},
    'mariadb': {'charset': 'utf8mb4', 'connect_timeout': str(PATIENCE_S)},
    'postgresql': {'connect_timeout': str(PATIENCE_S)},
    'sqlite': {'timeout': str(PATIENCE_S)},
}
_DRIVER_EXTRAS = {'pymysql': 'mysql', 'psycopg2': 'postgresql'}

#: Error numbers of a table or column that is not there.
_MYSQL_SCHEMA_ERRORS = {1054, 1146}
_POSTGRESQL_SCHEMA_ERRORS = {'42P01', '42703'}
_POSTGRESQL_SERIALIZATION_FAILURE = '40001'

_WRITES = 'ecrae_writes'


class Database:
    """Transactions on one knowledge base; safe to share between threads.

    Nothing is connected before the first transaction.

    :raises ConfigError: the URL cannot be used.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(_parse(url))
        self._reader = oslo_orm.get_maker(self.engine)
        self._writer = oslo_orm.get_maker(
            self.engine.execution_options(**{_WRITES: True})
        )

    @property
    def label(self) -> str:
        """The URL without its password and parameters, for people."""
        return self.engine.url.set(query={}).render_as_string()

    @contextlib.contextmanager
    def reader(self) -> Iterator[orm.Session]:
        """Session that sees one state of the database throughout.

        :raises ConfigError: no database, or no schema in it.
        """
        with self._transaction(self._reader) as session:
            yield session

    @contextlib.contextmanager
    def writer(self) -> Iterator[orm.Session]:
        """Session whose changes happen all, or none on any exception.

        :raises ConfigError: no database, or no schema in it.
        :raises Conflict: another writer was in the way; try again.
        """
        with self._transaction(self._writer) as session:
            yield session

    @contextlib.contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """Connection in a transaction, for the schema's own changes.

        :raises ConfigError: no database.
        """
        writer = self.engine.execution_options(**{_WRITES: True})
        is_connected = False
        try:
            with writer.begin() as connection:
                is_connected = True
                yield connection
        except _ERRORS as error:
            raise self._failed(error, is_connected) from error

    @contextlib.contextmanager
    def _transaction(self, maker: Any) -> Iterator[orm.Session]:
        self._check_file()
        is_connected = False
        try:
            with maker.begin() as session:
                session.connection()
                is_connected = True
                yield session
        except _ERRORS as error:
            raise self._failed(error, is_connected) from error

    def _check_file(self) -> None:
        """Do not leave an empty file where there is no knowledge base."""
        path = self.engine.url.database
        if (
            self.engine.dialect.name == 'sqlite'
            and path
            and path != ':memory:'
            and not path.startswith('file:')
            and not os.path.exists(path)
        ):
            raise exception.ConfigError(
                f'There is no knowledge base at {self.label}: run '
                f'"ecrae-manage db sync", or correct {OPTION}.'
            )

    def _failed(
        self, error: Exception, is_connected: bool
    ) -> exception.EcraeError:
        if _is_conflict(error):
            return exception.Conflict(
                'The knowledge base was changed by another at the same time, '
                'and nothing of this change was kept: try again.'
            )
        if _is_schema_error(error):
            return exception.ConfigError(
                f'The knowledge base at {self.label} has no tables, or those '
                'of an older ECRAE: run "ecrae-manage db sync", or correct '
                f'{OPTION}.'
            )
        if not is_connected or isinstance(
            error, db_exception.DBConnectionError
        ):
            mend = (
                'make its folder, writable for this user'
                if self.engine.dialect.name == 'sqlite'
                else 'start the database'
            )
            return exception.ConfigError(
                f'The knowledge base at {self.label} cannot be reached '
                f'({_reason(error)}): {mend}, or correct {OPTION}.'
            )
        return exception.ConfigError(
            f'The knowledge base at {self.label} failed: {_reason(error)}.'
        )


#: What oslo.db and, for what it does not know, SQLAlchemy raise.
_ERRORS = (db_exception.DBError, sa.exc.DBAPIError, sa.exc.TimeoutError)


def _parse(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except sa.exc.ArgumentError:
        raise exception.ConfigError(
            f'{OPTION} is not a database URL; it looks like '
            'sqlite:////var/lib/ecrae/ecrae.sqlite or '
            'mysql+pymysql://USER:PASSWORD@HOST/ecrae.'
        ) from None


def _engine(url: sa.URL) -> sa.Engine:
    defaults = _PARAMETERS.get(url.get_backend_name(), {})
    url = url.update_query_dict({**defaults, **url.query})
    try:
        # Repeating a first connection is the caller's choice: a command
        # should fail at once, a service has its next round.
        engine = engines.create_engine(
            url,
            sqlite_fk=True,
            mysql_sql_mode='TRADITIONAL',
            max_retries=0,
        )
    except sa.exc.NoSuchModuleError:
        raise exception.ConfigError(
            f'{OPTION}: no such kind of database as {url.drivername!r}; '
            'use sqlite, mysql+pymysql or postgresql+psycopg2.'
        ) from None
    except ModuleNotFoundError as error:
        extra = _DRIVER_EXTRAS.get(error.name or '')
        mend = f'pip install ecrae[{extra}]' if extra else 'install it'
        raise exception.ConfigError(
            f'{OPTION} needs the Python package {error.name}: {mend}.'
        ) from None
    if engine.dialect.name != 'sqlite':
        return engine.execution_options(isolation_level='REPEATABLE READ')
    # One state throughout a transaction is what SQLite has anyway.
    sa.event.listen(engine, 'engine_connect', _begin_by_ourselves)
    sa.event.listen(engine, 'begin', _lock_before_reading)
    return engine


def _begin_by_ourselves(connection: sa.Connection) -> None:
    """Keep oslo.db from emitting a writer's BEGIN, by its own mark."""
    if connection.get_execution_options().get(_WRITES):
        connection.info['in_transaction'] = True


def _lock_before_reading(connection: sa.Connection) -> None:
    """Take SQLite's write lock at the start of a writer's transaction.

    Of two that read first and want to write later, one would fail at once.
    """
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql('BEGIN IMMEDIATE')


def _driver_error(error: Exception) -> Any:
    """The driver's own exception below SQLAlchemy's and oslo.db's."""
    inner = getattr(error, 'inner_exception', None) or error
    return getattr(inner, 'orig', None) or inner


def _reason(error: Exception) -> str:
    driver = _driver_error(error)
    text = str(driver.args[-1]) if driver.args else type(driver).__name__
    return text.strip().splitlines()[0].rstrip('.')


def _is_conflict(error: Exception) -> bool:
    if isinstance(
        error,
        (
            db_exception.DBDeadlock,
            db_exception.DBDuplicateEntry,
            db_exception.DBReferenceError,
        ),
    ):
        return True
    driver = _driver_error(error)
    return getattr(
        driver, 'pgcode', None
    ) == _POSTGRESQL_SERIALIZATION_FAILURE or 'database is locked' in str(
        driver
    )


def _is_schema_error(error: Exception) -> bool:
    driver = _driver_error(error)
    number = driver.args[0] if driver.args else None
    return (
        number in _MYSQL_SCHEMA_ERRORS
        or getattr(driver, 'pgcode', None) in _POSTGRESQL_SCHEMA_ERRORS
        or str(number).startswith(('no such table', 'no such column'))
        or ' has no column named ' in str(number)
    )
