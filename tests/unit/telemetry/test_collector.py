# SPDX-License-Identifier: Apache-2.0

import logging
import threading
import time

import pytest

from ecrae import exception
from ecrae.model import reading
from ecrae.model import snapshot
from ecrae.telemetry import collector


LIMITS = snapshot.Limits(max_age_s=600)


class Wire:
    """A telemetry service that does what the test says."""

    def __init__(self, name, behave):
        self.name = name
        self.behave = behave
        self.questions = 0

    def latest(self, now):
        self.questions += 1
        return [
            reading.Reading(
                subject=reading.Subject.HOST,
                name='arm-1',
                metric=reading.Metric.UTILIZATION,
                value=self.behave(),
                measured_at=now,
                source=self.name,
            )
        ]


@pytest.fixture
def released():
    event = threading.Event()
    yield event
    event.set()


def refuse():
    raise exception.CloudError('connection refused')


def collector_of(*sources, timeout_s=0.2):
    names = [source.name for source in sources]
    return collector.Collector(
        sources,
        dict.fromkeys(reading.Metric, names),
        timeout_s=timeout_s,
    )


def utilization(taken):
    return taken.hosts.value('arm-1', reading.Metric.UTILIZATION)


def test_dead_source_leaves_its_place_to_the_next():
    many = collector_of(Wire('gnocchi', refuse), Wire('file', lambda: 0.3))
    assert utilization(many.collect(LIMITS)) == 0.3
    assert many.failures == {'gnocchi': 'connection refused'}


def test_broken_source_is_one_source_less():
    many = collector_of(
        Wire('gnocchi', lambda: 1 / 0), Wire('file', lambda: 0.3)
    )
    assert utilization(many.collect(LIMITS)) == 0.3
    assert 'ZeroDivisionError' in many.failures['gnocchi']


def test_slow_source_blocks_nobody_and_is_not_asked_twice(released):
    slow = Wire('gnocchi', lambda: released.wait(30) and 0.9)
    many = collector_of(slow, Wire('file', lambda: 0.3))
    started = time.monotonic()
    assert utilization(many.collect(LIMITS)) == 0.3
    assert utilization(many.collect(LIMITS)) == 0.3
    assert time.monotonic() - started < 10
    assert slow.questions == 1


def test_failure_and_recovery_are_logged_once_each(caplog):
    answers = iter([refuse, refuse, lambda: 0.5, lambda: 0.5])
    many = collector_of(Wire('gnocchi', lambda: next(answers)()))
    with caplog.at_level(logging.INFO, 'ecrae'):
        for _ in range(4):
            many.collect(LIMITS)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert 'left out' in said[0]
    assert 'answers again' in said[1]


def test_incredible_readings_are_counted_and_logged_once(caplog):
    many = collector_of(Wire('gnocchi', lambda: 4200.0))
    for _ in range(3):
        many.collect(LIMITS)
    assert list(many.rejected.values()) == [3]
    (record,) = caplog.records
    assert 'absurdly large, such as 4200 for arm-1' in record.getMessage()
