# SPDX-License-Identifier: Apache-2.0

"""Each brake at its edge."""

import datetime
import pathlib

import pytest

from ecrae.migration.rebalancer import guard
from ecrae.migration.rebalancer import windows
from ecrae.migration.rebalancer.worth import Worth


DOCUMENTATION = pathlib.Path(__file__).parents[4] / (
    'doc/source/admin/rebalancer.rst'
)
NOON = datetime.datetime(2026, 11, 18, 12, tzinfo=datetime.UTC)
LIMITS = guard.Limits(
    is_automatic=True,
    max_age_s=600.0,
    min_measured=0.5,
    max_flux=0.05,
    threshold=0.03,
    margin=2.0,
    horizon_s=100.0,
    hold_s=60.0,
    failure_pause_s=30.0,
    windows=(windows.parse('11:00-13:00'),),
)
GOOD = {
    'now': NOON,
    'n_servers': 100,
    'n_in_flux': 5,
    'n_measured': 50,
    'reading_age_s': 600.0,
    'worthwhile_since': NOON - datetime.timedelta(seconds=60),
    'failed_at': NOON - datetime.timedelta(seconds=30),
}
WORTH = {'present_w': 100.0, 'gain_w': 3.0, 'cost_j': 150.0}


def _held(situation=(), worth=()):
    seen = guard.Situation(**{**GOOD, **dict(situation)})
    value = Worth(**{**WORTH, 'is_urgent': False, **dict(worth)})
    verdicts = [
        *guard.before_search(seen, LIMITS),
        *guard.before_record(value, seen, LIMITS),
        *guard.before_enact(seen, LIMITS),
    ]
    assert [each.brake for each in verdicts] == list(guard.BRAKES)
    assert all(each.reason for each in verdicts)
    return {each.brake for each in verdicts if each.is_held}


def test_at_its_limits_nothing_is_held():
    assert _held() == set()


#: What makes each brake hold: the situation and the plan's worth.
CASES = [
    ('stale-readings', {'reading_age_s': 601.0}, {}),
    ('unmeasured', {'n_measured': 49}, {}),
    ('cluster-in-flux', {'n_in_flux': 6}, {}),
    ('threshold', {}, {'gain_w': 2.9, 'cost_j': 0.0}),
    ('margin', {}, {'cost_j': 151.0}),
    (
        'hold-time',
        {'worthwhile_since': NOON - datetime.timedelta(seconds=59)},
        {},
    ),
    ('hold-time', {'worthwhile_since': None}, {}),
    ('window', {'now': NOON.replace(hour=14)}, {}),
    (
        'recent-failure',
        {'failed_at': NOON - datetime.timedelta(seconds=29)},
        {},
    ),
]


@pytest.mark.parametrize(('brake', 'situation', 'worth'), CASES)
def test_beyond_its_limit_each_brake_holds_alone(brake, situation, worth):
    if brake == 'window':
        situation |= {'worthwhile_since': NOON}
    assert _held(situation, worth) == {brake}


def test_advice_is_never_enacted_by_itself():
    advice = guard.Limits(is_automatic=False)
    verdicts = guard.before_enact(guard.Situation(now=NOON), advice)
    assert [each.brake for each in verdicts if each.is_held] == ['advice-mode']


def test_relief_of_an_overloaded_host_waits_for_nothing():
    worth = {'is_urgent': True, 'gain_w': -5.0}
    assert _held({'worthwhile_since': None}, worth) == set()


def test_nothing_measured_at_all_is_no_stale_telemetry():
    assert 'stale-readings' not in _held({'reading_age_s': None})


def test_the_hold_time_alone_leaves_a_plan_worthwhile():
    seen = guard.Situation(**{**GOOD, 'worthwhile_since': None})
    worth = Worth(**WORTH, is_urgent=False)
    verdicts = guard.before_record(worth, seen, LIMITS)
    assert guard.is_held(verdicts)
    assert guard.is_worthwhile(verdicts)


def test_every_brake_is_tested_and_documented():
    tested = {brake for brake, _, _ in CASES} | {'advice-mode'}
    assert set(guard.BRAKES) == tested
    page = DOCUMENTATION.read_text()
    assert {brake for brake in tested if f'``{brake}``' not in page} == set()
