# SPDX-License-Identifier: Apache-2.0

"""What is done in which order, and what a fault ends."""

import dataclasses
import logging

import pytest

from ecrae import exception
from ecrae.migration.rebalancer import turns
from ecrae.migration.rebalancer.cycle import Outcome
from ecrae.migration.rebalancer.cycle import Report
from ecrae.migration.rebalancer.factory import Parts
from ecrae.migration.rebalancer.guard import Verdict
from ecrae.migration.rebalancer.metrics import Metrics
from ecrae.migration.rebalancer.turns import Turns
from ecrae.model.plan import State
from tests.unit.migration.rebalancer import samples


ENACTED = Report(outcome=Outcome.ENACTED)
BALANCED = Report(outcome=Outcome.BALANCED)


class Cycle:
    """Says what it was asked for; a plan may be under way or approved."""

    def __init__(self):
        self.asked = []
        self.begun = self.approved = None
        self.planned = BALANCED
        self.fault = None

    def _asked(self, what, answer):
        self.asked.append(what)
        if self.fault:
            raise self.fault
        return answer

    def resume(self):
        return self._asked('resume', self.begun)

    def enact_approved(self):
        return self._asked('enact', self.approved)

    def plan(self):
        return self._asked('plan', self.planned)


class Leads:
    """Leads, unless told otherwise."""

    def __init__(self):
        self.does = True

    def claim(self):
        return self.does


class Loop:
    """Turns, and all that they touch."""

    def __init__(self):
        self.now = 0.0
        self.cycle = Cycle()
        self.leads = Leads()
        self.metrics = Metrics()
        self.turns = Turns(
            Parts(cycle=self.cycle, metrics=self.metrics),
            self.leads,
            interval_s=300.0,
            clock=lambda: self.now,
        )

    def take(self):
        """A turn; what the cycle was asked for."""
        self.cycle.asked.clear()
        self.report = self.turns.take()
        return self.cycle.asked

    def counted(self, name, **labels):
        found = self.metrics.registry.get_sample_value(
            f'ecrae_rebalancer_{name}', labels
        )
        return found or 0


@pytest.fixture
def loop():
    return Loop()


def test_what_is_under_way_comes_before_what_is_approved_and_new(loop):
    loop.cycle.begun = loop.cycle.approved = ENACTED
    assert loop.take() == ['resume']
    loop.cycle.begun = None
    assert loop.take() == ['resume', 'enact']
    loop.cycle.approved = None
    assert loop.take() == ['resume', 'enact', 'plan']
    assert loop.report is BALANCED


def test_plans_are_made_at_intervals_and_approved_ones_at_once(loop):
    assert 'plan' in loop.take()
    loop.now = 299.0
    assert loop.take() == ['resume', 'enact']
    assert loop.report is None
    loop.cycle.approved = ENACTED
    loop.take()
    assert loop.report is ENACTED
    loop.cycle.approved = None
    loop.now = 300.0
    assert 'plan' in loop.take()


def test_who_does_not_lead_does_nothing(loop):
    loop.take()
    assert loop.counted('leader') == 1
    loop.leads.does = False
    assert loop.take() == []
    assert loop.report is None
    assert loop.counted('leader') == 0


def test_a_source_that_fails_ends_the_turn_and_waits_for_the_next(loop):
    loop.cycle.fault = exception.CloudError('Nova is gone.')
    loop.take()
    assert loop.report.outcome is Outcome.SKIPPED
    assert loop.report.error == 'Nova is gone.'
    loop.cycle.fault = None
    assert 'plan' not in loop.take()
    loop.now = 300.0
    assert 'plan' in loop.take()
    assert loop.counted('cycles_total', outcome='skipped') == 1
    assert loop.counted('cycles_total', outcome='balanced') == 1


def test_what_stays_the_same_is_logged_once_and_counted_each_time(
    loop, caplog
):
    caplog.set_level(logging.INFO, turns.__name__)
    loop.cycle.fault = exception.CloudError('Nova is gone.')
    for _ in range(3):
        loop.take()
    (line,) = caplog.records
    assert line.levelname == 'ERROR'
    assert 'Nova is gone.' in line.message
    assert loop.counted('cycles_total', outcome='skipped') == 3
    loop.cycle.fault = None
    loop.now = 300.0
    loop.take()
    assert [each.levelname for each in caplog.records] == ['ERROR', 'INFO']


def test_a_fault_of_ours_is_not_hidden_here(loop):
    loop.cycle.fault = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        loop.take()


def test_a_report_in_words_names_brakes_plan_and_errors():
    report = Report(
        outcome=Outcome.WAITING,
        verdicts=(
            Verdict(brake='mode', is_held=True, reason='advice only'),
            Verdict(brake='flux', is_held=False, reason='all is calm'),
        ),
        plan=samples.plan(State.PENDING),
    )
    text = turns.describe(report)
    assert text.startswith('Cycle: waiting. Brake mode: advice only. Plan ')
    assert 'PENDING, 2 actions, 300 W to 200 W.' in text
    assert 'calm' not in text
    failed = dataclasses.replace(
        report, plan=samples.plan(State.FAILED, 'no room'), error='late'
    )
    assert turns.describe(failed).endswith('no room')
    assert ' late ' in turns.describe(failed)
