# SPDX-License-Identifier: Apache-2.0

"""What would be better than the present placement, and by how much. Pure."""

import dataclasses
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable

import numpy as np

from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.objective import Migration
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.objective import Strategy
from ecrae.migration.optimizer.plan import Plan
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind


#: What is not done to save watts.
_MUST = (ActionKind.WAKE, ActionKind.REDEPLOY)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What plans are made for."""

    strategy: Strategy
    rules: Rules = dataclasses.field(default_factory=Rules)
    migration: Migration = dataclasses.field(default_factory=Migration)
    max_migrations: int | None = None
    time_limit_s: float | None = None
    seed: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What some moves bring, in watts or what the strategy takes for them."""

    #: What the placement costs now, and less after the moves.
    present_w: float
    gain_w: float
    #: Energy that the moves take.
    cost_j: float
    #: A host holds more than its capacity, or is to be emptied.
    is_urgent: bool

    @property
    def part(self) -> float:
        """The gain as a part of what is."""
        return self.gain_w / self.present_w if self.present_w > 0 else 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Actions in order, and the figures that the brakes ask for."""

    actions: tuple[Action, ...]
    worth: Worth
    power_before_w: float
    power_after_w: float
    power_bound_w: float
    #: Empty hosts to keep awake, by name.
    spare_hosts: tuple[str, ...] = ()
    #: What the plan is called; empty: by the aim's strategy.
    strategy: str = ''


def propose(
    snapshot: Snapshot, aim: Aim, clock: Callable[[], float] | None = None
) -> Proposal:
    """The best migrations that are found; none when it is good as it is."""
    problem = Problem.of(snapshot, aim.rules)
    plan = engine.optimize(
        problem,
        aim.strategy,
        seed=aim.seed,
        max_migrations=aim.max_migrations,
        time_limit_s=aim.time_limit_s,
        clock=clock,
        migration=aim.migration,
    )
    actions = tuple(_actions(plan))
    return Proposal(
        actions=actions,
        worth=worth(snapshot, actions, aim),
        power_before_w=plan.watts_before,
        power_after_w=plan.watts_after,
        power_bound_w=plan.watts_bound,
        spare_hosts=plan.spare_hosts,
    )


def worth(snapshot: Snapshot, actions: Collection[Action], aim: Aim) -> Worth:
    """What actions would bring in this cloud.

    The objective takes an empty host for one that sleeps, so one that is
    still awake adds its idle draw to the present and, where it is to sleep,
    to the gain. Hosts are woken and components redeployed because they must.

    :raises KeyError: a workload or a host of theirs is not there.
    """
    problem = Problem.of(snapshot, aim.rules)
    objective = Objective.of(problem, aim.strategy, aim.migration)
    moves = [each for each in actions if each.kind is ActionKind.MIGRATE]
    after = assignment(problem, moves)
    present_w = objective.running(problem.start)
    empty_w = idle_w(snapshot, actions)
    return Worth(
        present_w=present_w + empty_w,
        gain_w=present_w - objective.running(after) + empty_w,
        cost_j=sum(each.cost_j for each in actions),
        is_urgent=any(each.kind in _MUST for each in actions)
        or any(_is_urgent(objective, problem, each.source) for each in moves),
    )


def idle_w(snapshot: Snapshot, actions: Iterable[Action]) -> float:
    """Draw of hosts that are empty already and that actions put to sleep."""
    held = {workload.host for workload in snapshot.workloads}
    asleep = {each.source for each in actions if each.kind is ActionKind.SLEEP}
    return sum(
        host.curve.power_w[0] - host.curve.sleep_w
        for host in snapshot.hosts
        if host.name in asleep - held
    )


def _actions(plan: Plan) -> Iterable[Action]:
    for move in plan.moves:
        yield Action(
            kind=ActionKind.MIGRATE,
            workload=move.workload,
            source=move.source,
            destination=move.destination,
            reason=move.reason,
            saving_w=move.saving_w,
            cost_j=move.cost_j,
        )


def assignment(problem: Problem, moves: Iterable[Action]) -> IntArray:
    """Where each unit is after some migrations, shape (units,)."""
    unit, place = units(problem), places(problem)
    found = problem.start.copy()
    for move in moves:
        found[unit[move.workload]] = place[move.destination]
    return found


def units(problem: Problem) -> dict[str, int]:
    """The unit of each workload, by its id."""
    workloads = problem.snapshot.workloads
    return {
        workloads[index].id: unit
        for unit, bundle in enumerate(problem.bundles)
        for index in bundle
    }


def places(problem: Problem) -> dict[str, int]:
    """The problem's number of each host, by its name."""
    hosts = problem.snapshot.hosts
    return {
        hosts[index].name: place
        for place, index in enumerate(problem.host_index.tolist())
    }


def _is_urgent(objective: Objective, problem: Problem, host: str) -> bool:
    place = places(problem)[host]
    return bool(
        objective.is_overloaded[place]
        or np.greater(objective.stranded[place], 0.0)
    )
