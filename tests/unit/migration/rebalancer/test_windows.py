# SPDX-License-Identifier: Apache-2.0

import datetime

import pytest

from ecrae import exception
from ecrae.migration.rebalancer import windows


def _at(text):
    """A moment of the week of Monday, 2026-11-16."""
    day, clock = text.split()
    days = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
    return datetime.datetime.fromisoformat(
        f'2026-11-{16 + days.index(day)}T{clock}:00+00:00'
    )


@pytest.mark.parametrize(
    ('window', 'opens', 'closes'),
    [
        ('01:00-05:00', 'Wed 01:00', 'Wed 05:00'),
        ('Mon-Fri 22:00-06:00', 'Fri 22:00', 'Sat 06:00'),
        ('Sun 23:30-00:30', 'Sun 23:30', 'Mon 00:30'),
        ('Fri-Mon 08:00-09:00', 'Mon 08:00', 'Mon 09:00'),
        ('sat 00:00-24:00', 'Sat 00:00', 'Sun 00:00'),
    ],
)
def test_a_window_opens_and_closes(window, opens, closes):
    parsed = windows.parse(window)
    minute = datetime.timedelta(minutes=1)
    begin, end = _at(opens), _at(closes)
    if end < begin:
        end += datetime.timedelta(days=7)

    assert not parsed.is_open(begin - minute)
    assert parsed.is_open(begin)
    assert parsed.is_open(end - minute)
    assert not parsed.is_open(end)


def test_time_zones_are_minded():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    parsed = windows.parse('01:00-05:00')
    assert parsed.is_open(datetime.datetime(2026, 11, 18, 3, tzinfo=zone))
    assert not parsed.is_open(datetime.datetime(2026, 11, 18, 1, tzinfo=zone))


def test_without_windows_it_is_always_time():
    assert windows.is_open([], _at('Wed 12:00'))
    assert not windows.is_open(
        [windows.parse('01:00-02:00')], _at('Wed 12:00')
    )


@pytest.mark.parametrize(
    'text', ['', 'always', 'Mon-Fri', 'Foo 01:00-02:00', '25:00-26:00', '1-2']
)
def test_what_is_no_window_is_refused_with_how_to_write_one(text):
    with pytest.raises(exception.ConfigError, match='Mon-Fri 22:00-06:00'):
        windows.parse(text)
