# SPDX-License-Identifier: Apache-2.0

"""The whole of the knowledge, between the database and its value.

Both ways take a number of statements that does not grow with the number of
hosts, so that ten thousand of them take seconds.
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae.kb import flavors
from ecrae.kb import hosts
from ecrae.kb import models
from ecrae.kb import node_types
from ecrae.kb import power_profiles
from ecrae.kb import tags
from ecrae.model.knowledge import Knowledge


Rows = list[dict[str, Any]]
Key = tuple[Any, ...]

#: Every table with what fills it; a table refers to earlier ones only.
_TABLES: tuple[tuple[sa.Table, Callable[[Knowledge], Rows]], ...] = (
    (models.PowerProfile.__table__, power_profiles.rows),
    (models.NodeType.__table__, node_types.rows),
    (models.Accelerator.__table__, node_types.accelerator_rows),
    (models.Flavor.__table__, flavors.rows),
    (models.Tag.__table__, tags.rows),
    (models.TagTarget.__table__, tags.target_rows),
    (models.Host.__table__, hosts.rows),
)  # type: ignore[assignment]

#: Keys in one statement; SQLite's oldest limit is 999 values.
_CHUNK = 300


def load(session: orm.Session) -> Knowledge:
    """All that the database knows, in seven queries."""
    profiles = power_profiles.list_all(session)
    known_types = node_types.list_all(session, profiles)
    known_flavors = flavors.list_all(session)
    return Knowledge(
        tags=tags.list_all(session, known_types, known_flavors),
        node_types=known_types,
        flavors=known_flavors,
        hosts=hosts.list_all(session),
        power_profiles=profiles,
    )


def store(session: orm.Session, before: Knowledge, after: Knowledge) -> None:
    """Turn what the database knows from ``before`` into ``after``.

    Only rows that differ are written: what another transaction does to
    other rows at the same time is kept.

    :param before: what :func:`load` gave in this same session.
    """
    gone: list[tuple[sa.Table, list[Key]]] = []
    for table, rows in _TABLES:
        old = _by_key(table, rows(before))
        new = _by_key(table, rows(after))
        _insert(session, table, [new[key] for key in new.keys() - old.keys()])
        _update(
            session,
            table,
            [
                new[key]
                for key in new.keys() & old.keys()
                if new[key] != old[key]
            ],
        )
        gone.append((table, list(old.keys() - new.keys())))
    for table, keys in reversed(gone):
        _delete(session, table, keys)


def _by_key(table: sa.Table, rows: Rows) -> dict[Key, dict[str, Any]]:
    names = [column.name for column in table.primary_key]
    return {tuple(row[name] for name in names): row for row in rows}


def _insert(session: orm.Session, table: sa.Table, rows: Rows) -> None:
    if rows:
        session.execute(sa.insert(table), rows)


def _update(session: orm.Session, table: sa.Table, rows: Rows) -> None:
    if not rows:
        return
    keys = {column.name for column in table.primary_key}
    statement = (
        sa.update(table)
        .where(*(table.c[key] == sa.bindparam(f'key_{key}') for key in keys))
        .values(
            {
                column.name: sa.bindparam(f'new_{column.name}')
                for column in table.c
                if column.name not in keys
            }
        )
    )
    session.connection().execute(
        statement,
        [
            {
                (f'key_{name}' if name in keys else f'new_{name}'): value
                for name, value in row.items()
            }
            for row in rows
        ],
    )


def _delete(session: orm.Session, table: sa.Table, keys: list[Key]) -> None:
    columns = sa.tuple_(*table.primary_key)
    for chunk in _chunks(keys):
        session.execute(sa.delete(table).where(columns.in_(chunk)))


def _chunks(keys: list[Key]) -> Iterator[list[Key]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]
