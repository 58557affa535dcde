# SPDX-License-Identifier: Apache-2.0

"""Compute hosts in the database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae import exception
from ecrae.kb import models
from ecrae.model.cluster import HostState
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost


def list_all(session: orm.Session) -> dict[str, KnownHost]:
    """All known hosts by name, in the order of their names."""
    return {
        row.name: KnownHost(
            name=row.name,
            node_type=row.node_type,
            state=HostState(row.state),
            power_profile=row.power_profile or '',
        )
        for row in session.execute(
            sa.select(models.Host.__table__).order_by(models.Host.name)
        )
    }


def set_state(session: orm.Session, name: str, state: HostState) -> None:
    """Remember what a host is doing.

    :raises NotFound: the knowledge base does not know the host.
    """
    host = session.get(models.Host, name)
    if host is None:
        raise exception.NotFound(noun='host', name=name)
    host.state = str(state)


def rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows that hold the hosts."""
    return [
        {
            'name': host.name,
            'node_type': host.node_type,
            'state': str(host.state),
            'power_profile': host.power_profile or None,
        }
        for host in knowledge.hosts.values()
    ]
