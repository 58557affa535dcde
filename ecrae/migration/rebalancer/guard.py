# SPDX-License-Identifier: Apache-2.0

"""The brakes: what must be so before anything is proposed or done. Pure.

Each brake is a function under its name in a table, and says in a sentence
what it found, whether it holds or not. Some brakes work earlier, inside the
search: ``cooldown``, ``migration-budget``, ``headroom``, ``cpu-ceiling`` and
``spare-hosts`` are rules that no plan breaks in the first place. Concurrency
is kept by the one that enacts.

=====================  ====================================================
before the search      ``stale-readings``, ``unmeasured``, ``cluster-in-flux``
before it is recorded  ``threshold``, ``margin``, ``hold-time``
before it is enacted   ``advice-mode``, ``window``, ``recent-failure``
=====================  ====================================================
"""

import dataclasses
import datetime
from collections.abc import Callable
from collections.abc import Mapping

from ecrae.migration.rebalancer import windows
from ecrae.migration.rebalancer.windows import Window
from ecrae.migration.rebalancer.worth import Worth


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How strong each brake is. Parts are in [0, 1]."""

    is_automatic: bool = False
    max_age_s: float = 600.0
    min_measured: float = 0.0
    max_flux: float = 0.05
    threshold: float = 0.03
    margin: float = 1.5
    horizon_s: float = 14400.0
    hold_s: float = 600.0
    failure_pause_s: float = 1800.0
    windows: tuple[Window, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the brakes look at, besides the plan."""

    now: datetime.datetime
    n_servers: int = 0
    n_in_flux: int = 0
    #: Servers whose CPU use is measured.
    n_measured: int = 0
    #: Age of the newest reading of all; None where nothing is measured.
    reading_age_s: float | None = None
    #: Since when a plan was worthwhile in every cycle.
    worthwhile_since: datetime.datetime | None = None
    #: When a plan of the rebalancer's own failed last.
    failed_at: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What one brake says."""

    brake: str
    is_held: bool
    reason: str


Look = tuple[bool, str]


def _stale_readings(situation: Situation, limits: Limits) -> Look:
    age_s = situation.reading_age_s
    if age_s is None:
        return False, 'nothing is measured, load is estimated'
    return (
        age_s > limits.max_age_s,
        f'the newest reading is {age_s:.0f} s old, '
        f'{limits.max_age_s:.0f} s are allowed',
    )


def _unmeasured(situation: Situation, limits: Limits) -> Look:
    part = situation.n_measured / max(situation.n_servers, 1)
    return (
        part < limits.min_measured and situation.n_servers > 0,
        f'{part:.0%} of servers are measured, '
        f'{limits.min_measured:.0%} are wanted',
    )


def _cluster_in_flux(situation: Situation, limits: Limits) -> Look:
    part = situation.n_in_flux / max(situation.n_servers, 1)
    return (
        part > limits.max_flux,
        f'{situation.n_in_flux} of {situation.n_servers} servers are in the '
        f'making, moving or going; {limits.max_flux:.0%} are allowed',
    )


def _threshold(worth: Worth, situation: Situation, limits: Limits) -> Look:
    if worth.is_urgent:
        return False, 'a host holds more than its capacity'
    return (
        worth.part < limits.threshold,
        f'the plan gains {worth.part:.1%}, {limits.threshold:.1%} are wanted',
    )


def _margin(worth: Worth, situation: Situation, limits: Limits) -> Look:
    gain_j = worth.gain_w * limits.horizon_s
    if worth.is_urgent:
        return False, 'a host holds more than its capacity'
    return (
        gain_j < limits.margin * worth.cost_j,
        f'the plan brings {gain_j:.0f} J within {limits.horizon_s:.0f} s and '
        f'costs {worth.cost_j:.0f} J; {limits.margin:g} times that is wanted',
    )


def _hold_time(worth: Worth, situation: Situation, limits: Limits) -> Look:
    since = situation.worthwhile_since or situation.now
    held_s = (situation.now - since).total_seconds()
    if worth.is_urgent:
        return False, 'a host holds more than its capacity'
    return (
        held_s < limits.hold_s,
        f'plans are worthwhile for {held_s:.0f} s, '
        f'{limits.hold_s:.0f} s are wanted',
    )


def _advice_mode(situation: Situation, limits: Limits) -> Look:
    if limits.is_automatic:
        return False, 'plans are enacted without being asked for'
    return True, 'plans wait for "ecrae proposal approve"'


def _window(situation: Situation, limits: Limits) -> Look:
    if windows.is_open(limits.windows, situation.now):
        return False, 'it is time'
    return True, 'no window is open now'


def _recent_failure(situation: Situation, limits: Limits) -> Look:
    if situation.failed_at is None:
        return False, 'no plan failed lately'
    ago_s = (situation.now - situation.failed_at).total_seconds()
    return (
        ago_s < limits.failure_pause_s,
        f'a plan failed {ago_s:.0f} s ago, '
        f'{limits.failure_pause_s:.0f} s of rest are wanted',
    )


#: Before the search: whether what is known is good enough to plan on.
BEFORE_SEARCH: Mapping[str, Callable[[Situation, Limits], Look]] = {
    'stale-readings': _stale_readings,
    'unmeasured': _unmeasured,
    'cluster-in-flux': _cluster_in_flux,
}

#: Before a plan is recorded: whether it is worth it.
BEFORE_RECORD: Mapping[str, Callable[[Worth, Situation, Limits], Look]] = {
    'threshold': _threshold,
    'margin': _margin,
    'hold-time': _hold_time,
}

#: Before a plan is enacted without having been approved.
BEFORE_ENACT: Mapping[str, Callable[[Situation, Limits], Look]] = {
    'advice-mode': _advice_mode,
    'window': _window,
    'recent-failure': _recent_failure,
}

BRAKES = (*BEFORE_SEARCH, *BEFORE_RECORD, *BEFORE_ENACT)


def before_search(situation: Situation, limits: Limits) -> list[Verdict]:
    """Verdicts on planning at all."""
    return [
        Verdict(name, *brake(situation, limits))
        for name, brake in BEFORE_SEARCH.items()
    ]


def before_record(
    worth: Worth, situation: Situation, limits: Limits
) -> list[Verdict]:
    """Verdicts on a plan."""
    return [
        Verdict(name, *brake(worth, situation, limits))
        for name, brake in BEFORE_RECORD.items()
    ]


def before_enact(situation: Situation, limits: Limits) -> list[Verdict]:
    """Verdicts on enacting a plan that nobody approved."""
    return [
        Verdict(name, *brake(situation, limits))
        for name, brake in BEFORE_ENACT.items()
    ]


def is_worthwhile(verdicts: list[Verdict]) -> bool:
    """Whether nothing but the hold time keeps a plan from being recorded."""
    return not any(
        verdict.is_held for verdict in verdicts if verdict.brake != 'hold-time'
    )


def is_held(verdicts: list[Verdict]) -> bool:
    """Whether any brake holds."""
    return any(verdict.is_held for verdict in verdicts)
