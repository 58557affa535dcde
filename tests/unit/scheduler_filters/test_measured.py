# SPDX-License-Identifier: Apache-2.0

import logging

import numpy as np
import pytest

from ecrae.model.host_arrays import draw_w
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.scheduler_filters.host_table import HostTable
from ecrae.scheduler_filters.keeper import Facts
from ecrae.scheduler_filters.keeper import Keeper
from tests import hardware
from tests.unit.scheduler_filters.states import State


def reading(name, metric, value, measured_at=1000.0, subject=Subject.HOST):
    return Reading(
        subject=subject,
        name=name,
        metric=metric,
        value=value,
        measured_at=measured_at,
        source='test',
    )


def _table(*readings):
    known = hardware.knowledge({'a': 'new', 'b': 'new'})
    return HostTable(known, set(), readings, now=1060.0, max_age_s=300.0)


def _arrays(table, **vcpus_used):
    states = [
        State(name, vcpus_used=used) for name, used in vcpus_used.items()
    ]
    return table.arrays(table.locate(states), states)


def test_measurement_goes_before_the_estimate():
    table = _table(reading('a', Metric.UTILIZATION, 0.9))

    hosts = _arrays(table, a=32, b=32, c=32)

    assert hosts.utilization[:2].tolist() == pytest.approx([0.9, 0.3])


@pytest.mark.parametrize(
    'ignored',
    [
        reading('a', Metric.UTILIZATION, 0.9, measured_at=700.0),
        reading('z', Metric.UTILIZATION, 0.9),
        reading('a', Metric.MEMORY_USED_MIB, 900),
        reading('a', Metric.UTILIZATION, 0.9, subject=Subject.INSTANCE),
    ],
    ids=['stale', 'stranger', 'memory', 'instance'],
)
def test_other_readings_change_nothing(ignored):
    table = _table(ignored)

    assert _arrays(table, a=32).utilization.tolist() == pytest.approx([0.3])


def test_what_is_given_out_since_is_added():
    table = _table(reading('a', Metric.UTILIZATION, 0.5))

    assert _arrays(table, a=32).utilization.tolist() == [0.5]
    later = _arrays(table, a=64)
    assert later.utilization.tolist() == pytest.approx([0.8])
    # Servers that went away take their part with them.
    gone = _arrays(table, a=0)
    assert gone.utilization.tolist() == pytest.approx([0.2])


def test_an_estimate_follows_what_is_allocated():
    table = _table()

    # An overbooked host is full, and half of it is not when half is gone.
    assert _arrays(table, a=128).utilization.tolist() == [1.0]
    assert _arrays(table, a=64).utilization.tolist() == pytest.approx([0.6])


def test_the_same_measurement_keeps_counting_in_the_next_view():
    old = _table(reading('a', Metric.UTILIZATION, 0.5))
    _arrays(old, a=32)
    again = _table(reading('a', Metric.UTILIZATION, 0.5))
    newer = _table(reading('a', Metric.UTILIZATION, 0.5, measured_at=1050.0))
    for table in (again, newer):
        table.measured.follow(old.measured)

    assert _arrays(again, a=64).utilization.tolist() == pytest.approx([0.8])
    assert _arrays(newer, a=64).utilization.tolist() == [0.5]


def test_measured_watts_scale_the_curve():
    table = _table(
        reading('a', Metric.UTILIZATION, 0.5),
        reading('a', Metric.POWER_W, 200),
    )

    hosts = _arrays(table, a=0, b=0)

    # The type's curve says 160 W at half load.
    assert draw_w(hosts).tolist() == pytest.approx([200, 60])
    assert hosts.curves_w[0].tolist() == pytest.approx(
        (np.linspace(60, 260, 11) * 200 / 160).tolist()
    )


@pytest.mark.parametrize(('watts', 'factor'), [(5000, 2.0), (1, 0.5)])
def test_absurd_watts_do_not_carry_the_curve_away(watts, factor):
    hosts = _arrays(_table(reading('a', Metric.POWER_W, watts)), a=0)

    assert hosts.curves_w[0, 0] == pytest.approx(60 * factor)


def test_measured_watts_of_a_host_out_of_sight():
    table = _table(reading('a', Metric.POWER_W, 133.0))

    assert table.draw_of_w('a', 90.0) == 133.0
    assert table.draw_of_w('b', 90.0) == 90.0
    assert table.draw_of_w('c', 0.0) == 0.0


def test_old_measurements_are_told_once(caplog):
    now = [1000.0]
    facts = Facts(
        hardware.knowledge({'a': 'new'}),
        [reading('a', Metric.UTILIZATION, 0.5)],
    )
    keeper = Keeper(
        lambda: facts,
        refresh_interval_s=60,
        max_age_s=300,
        first_load_timeout_s=0,
        wall=lambda: now[0],
    )
    caplog.set_level(logging.INFO)

    for now[0] in (1000.0, 1301.0, 1400.0, 1200.0):
        keeper._refresh()

    assert [r.levelname for r in caplog.records] == ['WARNING', 'INFO']
