# SPDX-License-Identifier: Apache-2.0

"""The same tagged server goes elsewhere when its first choice gets busier."""

import time

import nova.conf
import pytest

from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests.functional.nova.topology import Cloud
from tests.functional.nova.topology import Scheduler


@pytest.fixture
def scheduler(conf, knowledge_base, enable):
    conf.config(group='ecrae_scheduler', refresh_interval=1)
    cloud = Cloud().add('new-1', 'new').add('arm-1', 'arm')
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')
    return Scheduler(cloud)


def _measure(age_s=0.0, **values):
    database = Database(nova.conf.CONF.ecrae_database.connection)
    with database.writer() as session:
        readings.replace_all(
            session,
            [
                Reading(
                    subject=Subject.HOST,
                    name='arm-1',
                    metric=Metric(metric),
                    value=value,
                    measured_at=time.time() - age_s,
                    source='test',
                )
                for metric, value in values.items()
            ],
        )


def _eventually(scheduler, host):
    deadline = time.monotonic() + 20
    while scheduler.boot('web') != [host]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    'measured',
    [{'utilization': 0.99}, {'utilization': 0.1, 'power_w': 160.0}],
    ids=['load', 'power'],
)
def test_busier_first_choice(scheduler, measured):
    assert scheduler.boot('web') == ['arm-1']

    _measure(**measured)
    _eventually(scheduler, 'new-1')

    _measure(utilization=0.1, power_w=60.0)
    _eventually(scheduler, 'arm-1')


def test_telemetry_stops(scheduler):
    _measure(utilization=0.99)
    _eventually(scheduler, 'new-1')

    # Nothing newer arrives; the estimate takes over.
    _measure(age_s=3600.0, utilization=0.99)
    _eventually(scheduler, 'arm-1')
