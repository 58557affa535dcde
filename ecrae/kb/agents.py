# SPDX-License-Identifier: Apache-2.0

"""Agents in the database."""

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae import exception
from ecrae.kb import models
from ecrae.model.agent import Agent


def record(session: orm.Session, agent: Agent) -> None:
    """Keep what an agent reports of itself, in place of its last report."""
    session.merge(
        models.Agent(
            hostname=agent.hostname,
            capabilities=dict(agent.capabilities),
            started_at=agent.started_at,
            heartbeat_at=agent.heartbeat_at,
        )
    )


def get(session: orm.Session, hostname: str) -> Agent:
    """The agent of one host.

    :raises NotFound: it never reported.
    """
    row = session.get(models.Agent, hostname)
    if row is None:
        raise exception.NotFound(noun='agent', name=hostname)
    return _value(row)


def list_all(session: orm.Session) -> list[Agent]:
    """All agents that ever reported, by hostname."""
    rows = session.scalars(sa.select(models.Agent))
    return sorted(
        (_value(row) for row in rows), key=lambda agent: agent.hostname
    )


def delete(session: orm.Session, hostname: str) -> None:
    """Forget the agent of a host that is gone.

    :raises NotFound: it never reported.
    """
    row = session.get(models.Agent, hostname)
    if row is None:
        raise exception.NotFound(noun='agent', name=hostname)
    session.delete(row)


def _value(row: models.Agent) -> Agent:
    return Agent(
        hostname=row.hostname,
        capabilities=row.capabilities,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
    )
