# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from ecrae import exception
from ecrae.model.fleet import FleetServer
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.simulator import cloud_history


def server(name, vcpus=2):
    return FleetServer(
        id=name,
        name=name,
        host='compute-1',
        status='ACTIVE',
        task='',
        is_locked=False,
        vcpus=vcpus,
        memory_mib=4096,
        disk_gib=20,
        extra_specs={},
        metadata={},
    )


def series(name, *cells):
    """Readings of (seconds, cores)."""
    return {
        name: [
            Reading(
                subject=Subject.INSTANCE,
                name=name,
                metric=Metric.CPU_CORES_USED,
                value=value,
                measured_at=1000.0 + at,
                source='test',
            )
            for at, value in cells
        ]
    }


def trace(servers, readings, stop=1500.0):
    return cloud_history.trace(servers, readings, 1000.0, stop, 100.0)


def test_a_server_is_there_from_its_first_reading_to_its_last():
    found = trace([server('a')], series('a', (110, 1.0), (130, 2.0), (390, 1)))
    # Two in one interval count as their mean; a gap keeps what was.
    assert found.demand_cpu.tolist() == [[0.0, 1.5, 1.5, 1.0, 0.0]]
    assert (found.arrival[0], found.departure[0]) == (1, 4)
    assert found.interval_s == 100.0


def test_no_server_asks_for_more_than_it_has():
    found = trace([server('a', 1)], series('a', (10, 1.7), (110, 0.2)))
    assert found.demand_cpu[0, :2].tolist() == [1.0, 0.2]


def test_servers_that_were_not_measured_are_left_out():
    readings = series('a', (10, 1.0), (110, 1.0)) | series('gone', (10, 1.0))
    found = trace([server('a'), server('b')], readings)
    assert found.names == ('a',)
    assert not np.isnan(found.demand_cpu).any()


@pytest.mark.parametrize(
    'readings', [{}, series('a', (10, 1.0)), series('a', (-50, 1.0))]
)
def test_nothing_measured_is_said(readings):
    with pytest.raises(exception.InputError, match='--history'):
        trace([server('a')], readings)


def test_a_cloud_without_hosts_is_said():
    with pytest.raises(exception.InputError, match='ecrae hosts'):
        cloud_history.fleet([])
