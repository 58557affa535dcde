# SPDX-License-Identifier: Apache-2.0

"""What a rebalancer does each time that it looks up, while it leads."""

import time
from collections.abc import Callable
from typing import Protocol

from oslo_log import log as logging

from ecrae import exception
from ecrae.migration.rebalancer import factory
from ecrae.migration.rebalancer.cycle import Outcome
from ecrae.migration.rebalancer.cycle import Report


LOG = logging.getLogger(__name__)


class Leads(Protocol):
    """Says who acts; see :class:`.leader.Leadership`."""

    def claim(self) -> bool:
        """Whether this process leads."""


class Turns:
    """Takes turns while it leads; trouble ends a turn and no more.

    :param clock: any that only goes forward, in seconds.
    """

    def __init__(
        self,
        parts: factory.Parts,
        leads: Leads,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cycle = parts.cycle
        self._metrics = parts.metrics
        self._leads = leads
        self._interval_s = interval_s
        self._clock = clock
        self._due = clock()
        self._told = ''

    def take(self) -> Report | None:
        """Do what is to be done now; None where there was nothing."""
        is_leader = self._leads.claim()
        self._metrics.leads(is_leader)
        if not is_leader:
            return None
        try:
            report = self._work()
        except exception.EcraeError as error:
            self._due = self._clock() + self._interval_s
            report = Report(outcome=Outcome.SKIPPED, error=str(error))
        if report is not None:
            self._tell(report)
        return report

    def _work(self) -> Report | None:
        report = self._cycle.resume() or self._cycle.enact_approved()
        if report is None and self._clock() >= self._due:
            self._due = self._clock() + self._interval_s
            report = self._cycle.plan()
        return report

    def _tell(self, report: Report) -> None:
        """Log what differs from the last turn, and count every one."""
        self._metrics.cycled(report.outcome, report.verdicts)
        if report.proposal is not None:
            self._metrics.proposed(report.proposal)
        text = describe(report)
        if text != self._told:
            is_trouble = report.outcome is Outcome.SKIPPED
            (LOG.error if is_trouble else LOG.info)('%s', text)
        self._told = text


def describe(report: Report) -> str:
    """A cycle in a few sentences, for the log and for people."""
    parts = [f'Cycle: {report.outcome}.']
    if report.error:
        parts.append(report.error)
    parts += [
        f'Brake {verdict.brake}: {verdict.reason}.'
        for verdict in report.verdicts
        if verdict.is_held
    ]
    if report.plan is not None:
        plan = report.plan
        parts.append(
            f'Plan {plan.id}: {plan.state}, {len(plan.actions)} actions, '
            f'{plan.power_before_w:.0f} W to {plan.power_after_w:.0f} W.'
        )
        if plan.error:
            parts.append(plan.error)
    return ' '.join(parts)
