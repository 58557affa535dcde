# SPDX-License-Identifier: Apache-2.0

"""One turn of the loop: observe, propose, guard, record, enact.

Each part is a function or an object of its own; this is only their order.
What was begun comes first, then what a person approved, then new plans.
"""

import dataclasses
import datetime
import enum
import time
from collections.abc import Callable
from collections.abc import Iterable
from typing import Protocol

from oslo_log import log as logging

from ecrae.migration.rebalancer import guard
from ecrae.migration.rebalancer import ledger as ledgers
from ecrae.migration.rebalancer import proposal as proposals
from ecrae.migration.rebalancer import validity
from ecrae.migration.rebalancer import windows
from ecrae.migration.rebalancer.guard import Limits
from ecrae.migration.rebalancer.guard import Situation
from ecrae.migration.rebalancer.guard import Verdict
from ecrae.migration.rebalancer.ledger import Ledger
from ecrae.migration.rebalancer.observer import View
from ecrae.migration.rebalancer.proposal import Proposal
from ecrae.migration.rebalancer.worth import Aim
from ecrae.migration.rebalancer.worth import Baseline
from ecrae.model.plan import Action
from ecrae.model.plan import Plan
from ecrae.model.plan import State


LOG = logging.getLogger(__name__)

#: A plan that waits is kept while it brings this part of what a new one
#: would: a plan that changes at every look cannot be approved.
_STILL_GOOD = 0.8


class Outcome(enum.StrEnum):
    """What came of a cycle."""

    #: A source could not be reached.
    SKIPPED = 'skipped'
    #: Nothing better was found.
    BALANCED = 'balanced'
    #: A brake held.
    HELD = 'held'
    #: A plan waits for a person, or for its time.
    WAITING = 'waiting'
    #: A plan was enacted, well or not.
    ENACTED = 'enacted'
    #: Only looked at, as asked.
    DRY_RUN = 'dry-run'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a cycle found and did."""

    outcome: Outcome
    verdicts: tuple[Verdict, ...] = ()
    proposal: Proposal | None = None
    plan: Plan | None = None
    error: str = ''


class Look(Protocol):
    """Observes; see :class:`.observer.Observer`."""

    def look(self) -> View:
        """The cloud as it is now."""


class Run(Protocol):
    """Enacts; see :class:`.executor.Executor`."""

    def run(self, plan: Plan) -> Plan:
        """Do what is left of a plan that is ONGOING."""

    def settle(self, plan: Plan) -> Plan:
        """Finish only what was begun of a plan that is ONGOING."""


Propose = Callable[[Baseline], Proposal]

#: Adds what the optimizer does not decide; see :mod:`.supplement`.
Supplement = Callable[[View, Baseline, Proposal], Proposal]


def propose(baseline: Baseline) -> Proposal:
    """The optimizer's migrations, by the clock of this machine."""
    return proposals.propose(baseline, time.monotonic)


class Cycle:
    """Turns, one after the other, and what must be known between them."""

    def __init__(
        self,
        observer: Look,
        ledger: Ledger,
        executor: Run,
        aim: Aim,
        limits: Limits,
        *,
        propose: Propose = propose,
        supplement: Supplement = lambda _view, _baseline, found: found,
        clock: Callable[[], datetime.datetime] = ledgers.utc_now,
    ) -> None:
        self._observer = observer
        self._ledger = ledger
        self._executor = executor
        self._aim = aim
        self._limits = limits
        self._propose = propose
        self._supplement = supplement
        self._clock = clock
        self._worthwhile_since: datetime.datetime | None = None

    def resume(self) -> Report | None:
        """Finish the plan that is under way, or None if there is none.

        It was begun by a process that died, or by this one before it
        stopped to lead.
        """
        plan = self._ledger.oldest(State.ONGOING)
        if plan is None:
            return None
        LOG.warning('Plan %s was left under way: going on', plan.id)
        begun = [each for each in plan.actions if each.state is State.ONGOING]
        if begun:
            # How these end must be known before anything is looked at.
            plan = self._executor.settle(plan)
            if plan.state is not State.ONGOING:
                return Report(outcome=Outcome.ENACTED, plan=plan)
        return self._enact(plan, self._observer.look())

    def enact_approved(self) -> Report | None:
        """Enact the plan that was approved first; None if there is none."""
        plan = self._ledger.oldest(State.APPROVED)
        if plan is None:
            return None
        if not windows.is_open(self._limits.windows, self._clock()):
            return Report(outcome=Outcome.WAITING, plan=plan)
        return self._enact(plan, self._observer.look())

    def plan(
        self, *, ignores_hold: bool = False, is_dry: bool = False
    ) -> Report:
        """Look, propose, and go as far with it as the brakes let."""
        view = self._observer.look()
        limits = self._limits
        if ignores_hold:
            limits = dataclasses.replace(limits, hold_s=0.0)
        situation = self._situation(view)
        verdicts = guard.before_search(situation, limits)
        if guard.is_held(verdicts) and not is_dry:
            self._worthwhile_since = None
            return Report(outcome=Outcome.HELD, verdicts=tuple(verdicts))
        baseline = Baseline.of(view.snapshot, self._aim)
        found = self._supplement(view, baseline, self._propose(baseline))
        verdicts += guard.before_record(found.worth, situation, limits)
        verdicts += guard.before_enact(situation, limits)
        report = Report(
            outcome=Outcome.DRY_RUN, verdicts=tuple(verdicts), proposal=found
        )
        return report if is_dry else self._follow(report, found, view)

    def _follow(self, report: Report, found: Proposal, view: View) -> Report:
        """Record, and enact, what the verdicts let."""
        enact = [v for v in report.verdicts if v.brake in guard.BEFORE_ENACT]
        record = [v for v in report.verdicts if v not in enact]
        if not found.actions or not guard.is_worthwhile(record):
            self._worthwhile_since = None
            self._ledger.drop_waiting()
            outcome = Outcome.HELD if found.actions else Outcome.BALANCED
            return dataclasses.replace(report, outcome=outcome)
        self._worthwhile_since = self._worthwhile_since or view.now
        if guard.is_held(record):
            return dataclasses.replace(report, outcome=Outcome.HELD)
        plan = self._kept(found, view) or self._ledger.record(
            found, found.strategy or self._aim.strategy.name
        )
        report = dataclasses.replace(
            report, outcome=Outcome.WAITING, plan=plan
        )
        if guard.is_held(enact):
            return report
        plan = self._ledger.set_state(plan, State.APPROVED)
        return dataclasses.replace(
            report, outcome=Outcome.ENACTED, plan=self._begin(plan)
        )

    def _kept(self, found: Proposal, view: View) -> Plan | None:
        """The plan that waits already, if it is about as good."""
        plan = self._ledger.waiting()
        strategy = found.strategy or self._aim.strategy.name
        if plan is None or plan.strategy != strategy:
            return None
        if _steps(plan.actions) == _steps(found.actions):
            return plan
        if found.strategy:
            return None
        baseline = validity.baseline(view.snapshot, self._aim)
        if validity.obstacle(baseline, plan.actions):
            return None
        value = baseline.worth(plan.actions)
        if value.gain_w < _STILL_GOOD * found.worth.gain_w:
            return None
        return plan

    def _enact(self, plan: Plan, view: View) -> Report:
        """Enact what is left of a plan, if it still can and should be."""
        left = [each for each in plan.actions if not each.state.is_final]
        baseline = validity.baseline(view.snapshot, self._aim)
        obstacle = validity.obstacle(baseline, left)
        # What is not done for watts is not judged by watts.
        is_for_watts = plan.strategy == self._aim.strategy.name
        if (
            not obstacle
            and is_for_watts
            and not validity.is_worth_it(baseline, left)
        ):
            obstacle = 'what is left of it makes nothing better'
        if obstacle:
            LOG.warning('Plan %s is outdated: %s', plan.id, obstacle)
            plan = self._ledger.set_state(
                plan, State.SUPERSEDED, f'Outdated: {obstacle}.'
            )
            return Report(outcome=Outcome.HELD, plan=plan, error=obstacle)
        return Report(outcome=Outcome.ENACTED, plan=self._begin(plan))

    def _begin(self, plan: Plan) -> Plan:
        if plan.state is not State.ONGOING:
            plan = self._ledger.set_state(plan, State.ONGOING)
        ended = self._executor.run(plan)
        LOG.info('Plan %s: %s %s', ended.id, ended.state, ended.error)
        return ended

    def _situation(self, view: View) -> Situation:
        pause = datetime.timedelta(seconds=self._limits.failure_pause_s)
        return Situation(
            now=view.now,
            n_servers=view.n_servers,
            n_in_flux=view.n_in_flux,
            n_measured=view.n_measured,
            reading_age_s=view.reading_age_s,
            worthwhile_since=self._worthwhile_since,
            failed_at=self._ledger.failed_at(view.now - pause),
        )


def _steps(actions: Iterable[Action]) -> list[tuple[str, str, str]]:
    """What actions do, whatever is thought of them."""
    return [(each.kind, each.workload, each.destination) for each in actions]
