# SPDX-License-Identifier: Apache-2.0

"""From a problem to a plan.

A round searches for a better placement and orders the moves to it. Rounds
follow one another, each from where the last one ended, until one finds
nothing. Since a round depends on nothing but its start and the seed, the
same call on the enacted result finds nothing either: it is the round that
ended this one. Two things end the rounds early, and with them that promise:
the time limit and the migration budget.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from ecrae.migration.optimizer import bound
from ecrae.migration.optimizer import construct
from ecrae.migration.optimizer import emptying
from ecrae.migration.optimizer import improve
from ecrae.migration.optimizer import local_search
from ecrae.migration.optimizer import ordering
from ecrae.migration.optimizer import plan as plans
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.improve import Effort
from ecrae.migration.optimizer.objective import Migration
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.objective import Strategy
from ecrae.migration.optimizer.placement import Placement
from ecrae.migration.optimizer.plan import Plan
from ecrae.migration.optimizer.problem import Problem


#: A round's result counts when it lowers the cost by this part.
LEAST_GAIN = 0.002


def optimize(
    problem: Problem,
    strategy: Strategy,
    *,
    seed: int = 0,
    max_migrations: int | None = None,
    time_limit_s: float | None = None,
    clock: Callable[[], float] | None = None,
    migration: Migration | None = None,
    effort: Effort | None = None,
) -> Plan:
    """The best plan that is found.

    With neither a clock nor a time limit reached, the plan is a function of
    the other arguments alone. A plan is never worse than staying.

    :param max_migrations: greatest number of moves; ``None`` for no limit.
    :param time_limit_s: seconds by ``clock`` after which the search stops
        and the best plan so far is returned.
    """
    return _Run(
        strategy,
        seed,
        migration or Migration(),
        effort or Effort(),
        _Timer(clock, time_limit_s),
    ).plan(problem, max_migrations)


class _Timer:
    """Seconds since the start, by a clock that may be missing."""

    def __init__(
        self, clock: Callable[[], float] | None, limit_s: float | None
    ) -> None:
        self.clock = clock
        self.limit_s = limit_s
        self.began = clock() if clock else 0.0
        self.has_expired = False

    def seconds(self) -> float:
        return self.clock() - self.began if self.clock else 0.0

    def expired(self) -> bool:
        """Whether to stop; remembers that it said so."""
        if self.limit_s is not None and self.seconds() >= self.limit_s:
            self.has_expired = True
        return self.has_expired


class _Run:
    def __init__(
        self,
        strategy: Strategy,
        seed: int,
        migration: Migration,
        effort: Effort,
        timer: _Timer,
    ) -> None:
        self.strategy = strategy
        self.seed = seed
        self.migration = migration
        self.effort = effort
        self.timer = timer

    def plan(self, problem: Problem, max_migrations: int | None) -> Plan:
        """Rounds until one finds nothing, and the plan of them all."""
        objective = Objective.of(problem, self.strategy, self.migration)
        left = problem.n_units if max_migrations is None else max_migrations
        latest = problem
        steps: list[ordering.Step] = []
        while left > 0 and not self.timer.expired():
            found, reached = self.round(latest, left)
            if not found:
                break
            steps += _translated(found, latest, problem)
            left -= len(found)
            latest = latest.moved(reached)
        final = _carried(latest, latest.start, problem)
        direct, reached = ordering.ordered(objective, final, problem.n_units)
        if len(direct) <= len(steps) and (reached == final).all():
            steps = direct
        return plans.plan(
            objective,
            steps,
            final,
            plans.Search(
                bound.watts_bound(problem),
                self.timer.seconds(),
                self.timer.has_expired,
            ),
        )

    def round(
        self, problem: Problem, budget: int
    ) -> tuple[list[ordering.Step], IntArray]:
        """Steps to a better placement and that placement, or no steps."""
        objective = Objective.of(problem, self.strategy, self.migration)
        target = self.search(objective, budget)
        steps, reached = ordering.ordered(objective, target, budget)
        gain = objective.total(problem.start) - objective.total(reached)
        if gain <= LEAST_GAIN * objective.running(problem.start):
            return [], problem.start
        return steps, reached

    def search(self, objective: Objective, budget: int) -> IntArray:
        """The best placement found from the present one."""
        problem = objective.problem
        placement = Placement(objective, problem.start, budget)
        if not problem.movable.any():
            return placement.assignment
        guide = emptying.guide(placement)
        construct.empty_hosts(placement, guide)
        local_search.relocate(placement, guide, self.timer.expired)
        improve.improve(
            placement,
            guide,
            np.random.default_rng(self.seed),
            self.effort,
            self.timer.expired,
        )
        return placement.assignment


def _unit_map(problem: Problem, other: Problem) -> IntArray:
    """Index in another problem of each of this one's units."""
    index = {bundle: unit for unit, bundle in enumerate(other.bundles)}
    return np.array(
        [index[bundle] for bundle in problem.bundles], dtype=np.intp
    )


def _host_map(problem: Problem, other: Problem) -> IntArray:
    """Index in another problem of each of this one's hosts."""
    place = np.empty(other.n_hosts, dtype=np.intp)
    place[other.host_index] = np.arange(other.n_hosts)
    return place[problem.host_index]


def _carried(
    problem: Problem, assignment: IntArray, other: Problem
) -> IntArray:
    """An assignment of one problem in terms of another."""
    carried = np.empty_like(assignment)
    carried[_unit_map(problem, other)] = _host_map(problem, other)[assignment]
    return carried


def _translated(
    steps: list[ordering.Step], problem: Problem, other: Problem
) -> list[ordering.Step]:
    units, hosts = _unit_map(problem, other), _host_map(problem, other)
    return [
        dataclasses.replace(
            step,
            unit=int(units[step.unit]),
            source=int(hosts[step.source]),
            destination=int(hosts[step.destination]),
        )
        for step in steps
    ]
