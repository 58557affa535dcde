# SPDX-License-Identifier: Apache-2.0

"""Power profiles in the database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae.kb import models
from ecrae.model.knowledge import Knowledge
from ecrae.model.power import PowerCurve
from ecrae.model.power import PowerProfile
from ecrae.model.power import Quality


def list_all(session: orm.Session) -> dict[str, PowerProfile]:
    """All power profiles by name."""
    table = models.PowerProfile.__table__
    return {
        row.name: PowerProfile(
            name=row.name,
            curve=PowerCurve(tuple(row.power_w), row.sleep_w),
            quality=Quality(row.quality),
            source=row.source,
        )
        for row in session.execute(sa.select(table))
    }


def rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows that hold the power profiles."""
    return [
        {
            'name': profile.name,
            'quality': str(profile.quality),
            'source': profile.source,
            'power_w': list(profile.curve.power_w),
            'sleep_w': profile.curve.sleep_w,
        }
        for profile in knowledge.power_profiles.values()
    ]
