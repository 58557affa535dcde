# SPDX-License-Identifier: Apache-2.0

"""Times of the week at which plans may be enacted. Pure; all in UTC."""

import dataclasses
import datetime
import re
from collections.abc import Iterable

from ecrae import exception


_DAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
_WINDOW = re.compile(
    r'(?:(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))? +)?'
    r'(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)'
)


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """So many minutes from a time of some days."""

    #: Days on which it begins; Monday is 0.
    days: frozenset[int]
    begin_min: int
    length_min: int

    def is_open(self, now: datetime.datetime) -> bool:
        """Whether ``now``, which is aware, lies in it."""
        moment = now.astimezone(datetime.UTC)
        minute = moment.hour * 60 + moment.minute
        for days_ago in (0, 1):
            day = (moment.weekday() - days_ago) % 7
            since_min = minute + days_ago * 24 * 60 - self.begin_min
            if day in self.days and 0 <= since_min < self.length_min:
                return True
        return False


def parse(text: str) -> Window:
    """A window of ``Mon-Fri 22:00-06:00``; without days, of every day.

    :raises ConfigError: it is no such text.
    """
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise _wrong(text)
    begin_min = _minutes(match['begin'], text)
    length_min = (_minutes(match['end'], text) - begin_min) % (24 * 60)
    return Window(
        days=_days(match['first'], match['last'], text),
        begin_min=begin_min,
        length_min=length_min or 24 * 60,
    )


def is_open(windows: Iterable[Window], now: datetime.datetime) -> bool:
    """Whether any is open, or there is none at all."""
    listed = list(windows)
    return not listed or any(window.is_open(now) for window in listed)


def _minutes(clock: str, text: str) -> int:
    hours, minutes = map(int, clock.split(':'))
    if hours > 24 or minutes > 59 or hours * 60 + minutes > 24 * 60:
        raise _wrong(text)
    return hours * 60 + minutes


def _days(first: str | None, last: str | None, text: str) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    names = [first.capitalize(), (last or first).capitalize()]
    if not set(names) <= set(_DAYS):
        raise _wrong(text)
    begin, end = map(_DAYS.index, names)
    return frozenset((begin + i) % 7 for i in range((end - begin) % 7 + 1))


def _wrong(text: str) -> exception.ConfigError:
    return exception.ConfigError(
        f'[ecrae_rebalancer] windows: "{text}" is no window: write it as '
        f'"Mon-Fri 22:00-06:00" or "01:00-05:00", in UTC; days are '
        f'{", ".join(_DAYS)}.'
    )
