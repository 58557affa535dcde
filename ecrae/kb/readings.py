# SPDX-License-Identifier: Apache-2.0

"""The newest measurements, for those who cannot ask telemetry themselves.

The collector writes them all at once, nova-scheduler and the others read
them: no telemetry client has to live in Nova's process, and all loops see
the same numbers.
"""

import datetime
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae.kb import models
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


#: Rows in one statement; MariaDB's default packet holds far more.
CHUNK = 5000


def replace_all(session: orm.Session, readings: Iterable[Reading]) -> None:
    """Put these readings in the place of all that were there."""
    rows = [
        {
            'subject': str(reading.subject),
            'name': reading.name,
            'metric': str(reading.metric),
            'value': reading.value,
            'measured_at': datetime.datetime.fromtimestamp(
                reading.measured_at, datetime.UTC
            ),
            'source': reading.source,
        }
        for reading in readings
    ]
    session.execute(sa.delete(models.Reading))
    for start in range(0, len(rows), CHUNK):
        session.execute(sa.insert(models.Reading), rows[start : start + CHUNK])


def list_all(
    session: orm.Session, subject: Subject | None = None
) -> list[Reading]:
    """The newest readings, of one kind of subject or of all."""
    table = models.Reading.__table__
    query = sa.select(table)
    if subject is not None:
        query = query.where(table.c.subject == str(subject))
    return [
        Reading(
            subject=Subject(row.subject),
            name=row.name,
            metric=Metric(row.metric),
            value=row.value,
            measured_at=row.measured_at.timestamp(),
            source=row.source,
        )
        for row in session.execute(query)
    ]
