# SPDX-License-Identifier: Apache-2.0

"""Every change of a tag's targets, so that each can be taken back."""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae import exception
from ecrae.kb import entries
from ecrae.kb import models
from ecrae.model.knowledge import Knowledge


#: Tag, node type and flavor.
Key = tuple[str, str, str]
Fields = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TargetChange:
    """What happened to one target."""

    id: int
    changed_at: datetime.datetime
    tag: str
    node_type: str
    flavor: str
    #: Which command, and why.
    cause: str
    #: The target's other fields; None where there was no such target.
    before: Fields | None
    after: Fields | None


def record(
    session: orm.Session, before: Knowledge, after: Knowledge, cause: str
) -> None:
    """Keep what differs between the targets of two states."""
    old, new = _targets(before), _targets(after)
    rows = [
        {
            'changed_at': datetime.datetime.now(datetime.UTC),
            'tag': key[0],
            'node_type': key[1],
            'flavor': key[2],
            'cause': cause,
            'old_fields': old.get(key),
            'new_fields': new.get(key),
        }
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
    if rows:
        # Through the table: the mapper would leave None out, which is JSON's
        # null here.
        table: Any = models.TargetChange.__table__
        session.execute(sa.insert(table), rows)


def get(session: orm.Session, change_id: int) -> TargetChange:
    """One change.

    :raises NotFound: there is none of that number.
    """
    row = session.get(models.TargetChange, change_id)
    if row is None:
        raise exception.NotFound(noun='change', name=change_id)
    return _value(row)


def list_newest(
    session: orm.Session, tag: str | None, limit: int
) -> list[TargetChange]:
    """The newest changes, newest first; of one tag or of all."""
    statement = sa.select(models.TargetChange)
    if tag is not None:
        statement = statement.where(models.TargetChange.tag == tag)
    statement = statement.order_by(models.TargetChange.id.desc())
    return [_value(row) for row in session.scalars(statement.limit(limit))]


def _targets(known: Knowledge) -> dict[Key, Fields]:
    return {
        (name, target.pop('node_type'), target.pop('flavor')): target
        for name, tag in entries.of(known)['tags'].items()
        for target in tag['targets']
    }


def _value(row: models.TargetChange) -> TargetChange:
    return TargetChange(
        id=row.id,
        changed_at=row.changed_at,
        tag=row.tag,
        node_type=row.node_type,
        flavor=row.flavor,
        cause=row.cause,
        before=row.old_fields,
        after=row.new_fields,
    )
