# SPDX-License-Identifier: Apache-2.0

import math

import hypothesis
import hypothesis.strategies as st
import pytest

from ecrae.model import reading
from ecrae.model import snapshot


NOW = 1_000_000.0
LIMITS = snapshot.Limits(
    max_age_s=600,
    host_max_w={'arm-1': 200.0},
    host_min_w={'arm-1': 2.0},
    host_memory_mib={'arm-1': 65536.0},
)
PRIORITY = {metric: ('gnocchi', 'file') for metric in reading.Metric}


def read(value, **changes):
    fields = {
        'subject': reading.Subject.HOST,
        'name': 'arm-1',
        'metric': reading.Metric.UTILIZATION,
        'value': value,
        'measured_at': NOW - 10,
        'source': 'gnocchi',
    }
    return reading.Reading(**{**fields, **changes})


def assemble(*readings):
    return snapshot.assemble(readings, PRIORITY, NOW, LIMITS)


def utilization(taken, name='arm-1'):
    return taken.hosts.value(name, reading.Metric.UTILIZATION)


def test_columns_hold_values_and_ages():
    taken = assemble(read(0.4), read(0.2, name='x86-1', measured_at=NOW - 100))
    assert taken.hosts.names == ('arm-1', 'x86-1')
    column = taken.hosts.columns[reading.Metric.UTILIZATION]
    assert list(column.values) == [0.4, 0.2]
    assert list(column.age_s) == [10, 100]
    assert math.isnan(taken.hosts.columns[reading.Metric.POWER_W].values[0])


def test_the_preferred_source_wins_even_when_older():
    taken = assemble(
        read(0.9, source='file', measured_at=NOW),
        read(0.4, source='gnocchi', measured_at=NOW - 300),
    )
    assert utilization(taken) == 0.4


def test_next_source_fills_in_for_readings_that_are_not_believed():
    taken = assemble(
        read(float('nan'), source='gnocchi'), read(0.9, source='file')
    )
    assert utilization(taken) == 0.9


def test_source_that_is_not_listed_for_a_metric_is_not_heard():
    assert utilization(assemble(read(0.9, source='elsewhere'))) is None


@pytest.mark.parametrize(
    ('faulty', 'reason'),
    [
        (read(float('nan')), 'not a number'),
        (read(-0.1), 'negative'),
        (read(42.0), 'absurdly large'),
        (read(0.5, measured_at=NOW - 601), 'stale'),
        (read(0.5, measured_at=NOW + 3600), 'from the future'),
        (
            read(2001.0, metric=reading.Metric.POWER_W),
            'absurdly large',
        ),
        # Kilowatts, and bytes.
        (
            read(0.15, metric=reading.Metric.POWER_W),
            'absurdly small',
        ),
        (
            read(3e10, metric=reading.Metric.MEMORY_USED_MIB),
            'absurdly large',
        ),
    ],
)
def test_incredible_readings_are_rejected_and_counted(faulty, reason):
    taken = assemble(faulty, faulty)
    assert taken.hosts.names == ()
    (rejection,) = taken.rejections
    assert (rejection.reason, rejection.count) == (reason, 2)
    assert rejection.example is faulty


def test_two_hosts_of_one_name_are_neither_believed():
    taken = assemble(read(0.1, origin='cell1'), read(0.9, origin='cell2'))
    assert utilization(taken) is None
    assert taken.rejections[0].reason == 'two of one name'


def test_newest_reading_of_one_origin_wins():
    taken = assemble(
        read(0.1, origin='cell1', measured_at=NOW - 60),
        read(0.9, origin='cell1', measured_at=NOW - 5),
    )
    assert utilization(taken) == 0.9


def test_host_that_vanished_is_unknown():
    assert utilization(assemble(read(0.4)), 'gone') is None


@hypothesis.given(
    st.lists(
        st.builds(
            read,
            st.floats(),
            name=st.sampled_from(['arm-1', 'x86-1']),
            metric=st.sampled_from(list(reading.Metric)[:1]),
            source=st.sampled_from(['gnocchi', 'file']),
            measured_at=st.floats(NOW - 1000, NOW + 1000),
        )
    )
)
def test_whatever_comes_in_only_credible_values_come_out(readings):
    taken = assemble(*readings)
    column = taken.hosts.columns[reading.Metric.UTILIZATION]
    assert ((column.values >= 0) & (column.values <= 1.05)).all()
    assert (column.age_s <= LIMITS.max_age_s).all()
