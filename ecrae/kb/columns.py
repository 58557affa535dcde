# SPDX-License-Identifier: Apache-2.0

"""Column types of the knowledge base, alike on every database."""

import datetime
import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql


MYSQL = ('mysql', 'mariadb')

#: Lengths of what operators name, and of what Nova names.
NAME_LENGTH = 128
LABEL_LENGTH = 255


class UtcDateTime(sa.types.TypeDecorator[datetime.datetime]):
    """Aware UTC datetimes, kept by every database as naive UTC."""

    impl = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *MYSQL)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """Refuse what has no zone; it would be read back as another hour."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError('a time without its zone cannot be kept')
        return value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        """Put the zone back."""
        return value and value.replace(tzinfo=datetime.UTC)


class JsonText(sa.types.TypeDecorator[Any]):
    """A JSON value as text, of any length."""

    impl = sa.Text().with_variant(mysql.LONGTEXT(), *MYSQL)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str:
        """Compact and in a fixed order, so that equal values are equal."""
        return json.dumps(value, sort_keys=True, separators=(',', ':'))

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        """The value that was put in."""
        return json.loads(value)


class Base(orm.DeclarativeBase):
    """Every table: named constraints, exact comparison of names."""

    metadata = sa.MetaData(
        naming_convention={
            'ix': 'ix_%(table_name)s_%(column_0_N_name)s',
            'uq': 'uq_%(table_name)s_%(column_0_N_name)s',
            'fk': 'fk_%(table_name)s_%(column_0_N_name)s',
            'pk': 'pk_%(table_name)s',
        }
    )
    # MySQL's default collation takes ``Web`` and ``web`` for one name.
    __table_args__: Any = {
        'mysql_engine': 'InnoDB',
        'mysql_charset': 'utf8mb4',
        'mysql_collate': 'utf8mb4_bin',
        'mariadb_engine': 'InnoDB',
        'mariadb_charset': 'utf8mb4',
        'mariadb_collate': 'utf8mb4_bin',
    }
