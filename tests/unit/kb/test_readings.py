# SPDX-License-Identifier: Apache-2.0

from ecrae.kb import readings
from ecrae.model import reading


def read(name, value, subject=reading.Subject.HOST):
    return reading.Reading(
        subject=subject,
        name=name,
        metric=reading.Metric.MEMORY_USED_MIB,
        value=value,
        measured_at=1767225600.25,
        source='gnocchi',
    )


def test_newest_readings_replace_all_others(database):
    with database.writer() as session:
        readings.replace_all(session, [read('gone', 1), read('arm-1', 2)])
    fresh = [read('arm-1', 3), read('uuid', 4, reading.Subject.INSTANCE)]
    with database.writer() as session:
        readings.replace_all(session, fresh)
    with database.reader() as session:
        assert readings.list_all(session) == fresh
        assert readings.list_all(session, reading.Subject.HOST) == fresh[:1]


def test_more_than_one_statement_holds(database):
    many = [read(f'host-{i:05}', i) for i in range(readings.CHUNK + 1)]
    with database.writer() as session:
        readings.replace_all(session, many)
    with database.reader() as session:
        assert readings.list_all(session) == many
