# SPDX-License-Identifier: Apache-2.0

import logging

import pytest

from ecrae.model import snapshot
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.telemetry import coverage


HOSTS = ('arm-1', 'x86-1')


@pytest.fixture
def said(caplog):
    """Note a round of utilizations by host; what the log says of it."""
    noted = coverage.Coverage({Metric.UTILIZATION})

    def note(*names):
        caplog.clear()
        taken = snapshot.of_readings(
            [
                Reading(
                    subject=Subject.HOST,
                    name=name,
                    metric=Metric.UTILIZATION,
                    value=0.4,
                    measured_at=0.0,
                    source='gnocchi',
                )
                for name in names
            ],
            0.0,
        )
        with caplog.at_level(logging.INFO, 'ecrae'):
            noted.note(HOSTS, taken)
        return caplog.messages

    return note


def test_host_that_vanishes_and_returns_is_named_once_each(said):
    assert said('arm-1', 'x86-1') == []
    (lost,) = said('arm-1')
    assert lost == (
        'No credible utilization of host x86-1: load is estimated from what '
        'is allocated there until there is one'
    )
    assert said('arm-1') == []
    assert said('arm-1', 'x86-1') == [
        'There is utilization of host x86-1 again'
    ]
    assert said('arm-1', 'x86-1') == []


def test_host_never_measured_is_named_at_once(said):
    (lost,) = said('x86-1')
    assert 'host arm-1' in lost


def test_host_that_nobody_knows_is_not_missed(said):
    assert said(*HOSTS, 'stranger') == []
    assert said(*HOSTS) == []


def test_metric_that_nobody_is_asked_for_is_not_missed(caplog):
    noted = coverage.Coverage(frozenset())
    noted.note(HOSTS, snapshot.of_readings([], 0.0))
    assert not caplog.messages


def test_many_hosts_are_one_line(caplog):
    noted = coverage.Coverage({Metric.POWER_W})
    hosts = [f'x86-{i}' for i in range(5)]
    noted.note(hosts, snapshot.of_readings([], 0.0))
    (line,) = caplog.messages
    assert 'x86-0, x86-1, x86-2 and 2 more hosts' in line
    assert 'power curve' in line
