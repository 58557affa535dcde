# SPDX-License-Identifier: Apache-2.0

"""Decision records in the database."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae import exception
from ecrae.kb import models
from ecrae.model import decision
from ecrae.model.decision import Decision


def record(session: orm.Session, made: Decision) -> None:
    """Keep a decision; it is never changed afterwards."""
    session.add(
        models.Decision(
            id=made.id,
            created_at=made.created_at,
            source=made.source,
            components=decision.as_document(made)['components'],
        )
    )


def get(session: orm.Session, decision_id: str) -> Decision:
    """One decision.

    :raises NotFound: there is none of that identifier.
    """
    row = session.get(models.Decision, decision_id)
    if row is None:
        raise exception.NotFound(noun='decision', name=decision_id)
    return _value(row)


def list_since(session: orm.Session, since: float) -> list[Decision]:
    """Decisions made after a moment, in seconds since the epoch."""
    moment = datetime.datetime.fromtimestamp(since, datetime.UTC)
    statement = sa.select(models.Decision).where(
        models.Decision.created_at > moment
    )
    return [_value(row) for row in session.scalars(statement)]


def list_newest(session: orm.Session, limit: int) -> list[Decision]:
    """The newest decisions, newest first."""
    statement = (
        sa.select(models.Decision)
        .order_by(models.Decision.created_at.desc(), models.Decision.id)
        .limit(limit)
    )
    return [_value(row) for row in session.scalars(statement)]


def _value(row: models.Decision) -> Decision:
    document: dict[str, Any] = {
        'id': row.id,
        'created_at': row.created_at.isoformat(),
        'source': row.source,
        'components': row.components,
    }
    return decision.from_document(document)
