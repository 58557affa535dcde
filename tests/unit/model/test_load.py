# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from ecrae.model import load
from ecrae.model import reading
from tests.unit.model.test_ranking import host


NOW = 1000.0


def read(metric, value, measured_at=NOW):
    return reading.Reading(
        subject=reading.Subject.HOST,
        name='arm-1',
        metric=metric,
        value=value,
        measured_at=measured_at,
        source='file',
    )


def test_estimate_never_leaves_its_range():
    estimate = load.allocated_utilization(
        np.array([0.0, 10.0, 1000.0]), np.array([10.0, 10.0, 10.0])
    )
    assert list(estimate) == [0, load.DEFAULT_BUSY_FRACTION, 1]


def test_measurement_takes_the_place_of_the_estimate():
    (measured,) = load.with_readings(
        [host('arm-1', utilization=0.1)],
        [
            read(reading.Metric.UTILIZATION, 0.6),
            read(reading.Metric.POWER_W, 170),
        ],
        NOW,
        60,
    )
    assert (measured.utilization, measured.power_w) == (0.6, 170)


@pytest.mark.parametrize(
    'readings',
    [[], [read(reading.Metric.UTILIZATION, 0.6, measured_at=NOW - 61)]],
)
def test_estimate_stays_where_nothing_fresh_is_measured(readings):
    (kept,) = load.with_readings(
        [host('arm-1', utilization=0.1)], readings, NOW, 60
    )
    assert (kept.utilization, kept.power_w) == (0.1, None)
