# SPDX-License-Identifier: Apache-2.0

"""Flavors in the database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae.kb import models
from ecrae.model.cluster import Flavor
from ecrae.model.knowledge import Knowledge


def list_all(session: orm.Session) -> dict[str, Flavor]:
    """All flavors by name."""
    return {
        row.name: Flavor(
            name=row.name,
            vcpus=row.vcpus,
            memory_mib=row.memory_mib,
            disk_gib=row.disk_gib,
            extra_specs=tuple(sorted(row.extra_specs.items())),
        )
        for row in session.execute(sa.select(models.Flavor.__table__))
    }


def rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows that hold the flavors."""
    return [
        {
            'name': flavor.name,
            'vcpus': flavor.vcpus,
            'memory_mib': flavor.memory_mib,
            'disk_gib': flavor.disk_gib,
            'extra_specs': dict(flavor.extra_specs),
        }
        for flavor in knowledge.flavors.values()
    ]
