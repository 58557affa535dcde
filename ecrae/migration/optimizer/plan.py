# SPDX-License-Identifier: Apache-2.0

"""What the optimizer hands back: moves in order, and what they bring."""

import dataclasses
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.objective import host_watts
from ecrae.migration.optimizer.ordering import Step
from ecrae.migration.optimizer.problem import Problem
from ecrae.model.cluster import HostState
from ecrae.model.power import FloatArray


#: Lets a unit without load have a share, and keeps quotients finite.
LEAST_CORES = 1e-6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One workload from one host to another."""

    workload: str
    source: str
    destination: str
    reason: str
    #: Its share of what the plan saves, in watts. The shares of all moves
    #: add up to the plan's saving.
    saving_w: float
    #: What the migration itself costs, in joules.
    cost_j: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Moves in the order in which each of them is possible."""

    moves: tuple[Move, ...]
    watts_before: float
    watts_after: float
    #: No placement draws less, whatever is moved.
    watts_bound: float
    hosts_on_before: int
    hosts_on_after: int
    #: Time spent, by the clock that was passed.
    seconds: float
    #: The time limit ended the search before it was through. Only then does
    #: the plan depend on anything but its input and the seed.
    is_time_limited: bool = False
    #: Empty hosts to keep awake for what comes, by name.
    spare_hosts: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """How far the placement is above the bound; 0.02 is 2 %."""
        if self.watts_bound <= 0:
            return 0.0
        return self.watts_after / self.watts_bound - 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """How a search went; becomes part of its plan."""

    watts_bound: float
    seconds: float
    is_time_limited: bool


def plan(
    objective: Objective,
    steps: Sequence[Step],
    final: IntArray,
    search: Search,
) -> Plan:
    """The plan that a sequence of steps makes.

    :param final: the placement that the steps reach, shape (m,).
    """
    problem = objective.problem
    before, after = _power(problem, problem.start), _power(problem, final)
    moves = _moves(objective, steps, after.watts - before.watts, final)
    return Plan(
        moves=moves,
        watts_before=float(before.watts.sum()),
        watts_after=float(after.watts.sum()),
        watts_bound=search.watts_bound,
        hosts_on_before=int(before.is_on.sum()),
        hosts_on_after=int(after.is_on.sum()),
        seconds=search.seconds,
        is_time_limited=search.is_time_limited,
        spare_hosts=tuple(sorted(_names(problem, after.spare))),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Power:
    """What is on under a placement, shapes (n,); ``spare`` are indexes."""

    watts: FloatArray
    is_on: BoolArray
    spare: IntArray


def _power(problem: Problem, assignment: IntArray) -> _Power:
    """Watts of each host; so many empty ones stay awake as the rules say.

    Those are the ones that idle at least power.
    """
    in_use = np.bincount(assignment, minlength=problem.n_hosts) > 0
    watts = host_watts(problem, assignment)
    is_awake = np.array(
        [
            problem.snapshot.hosts[index].state is HostState.AWAKE
            for index in problem.host_index
        ],
        dtype=bool,
    )
    idle = np.flatnonzero(~in_use & is_awake)
    extra_w = problem.curves_w[idle, 0] - problem.sleep_w[idle]
    cheapest = np.argsort(extra_w, kind='stable')[: problem.rules.spare_hosts]
    spare = idle[cheapest]
    watts[spare] = problem.curves_w[spare, 0]
    in_use[spare] = True
    return _Power(watts, in_use, spare)


def _names(problem: Problem, hosts: Iterable[int]) -> list[str]:
    return [
        problem.snapshot.hosts[problem.host_index[host]].name for host in hosts
    ]


def _shares(
    problem: Problem, steps: Sequence[Step], change_w: FloatArray
) -> FloatArray:
    """What each step saves, in watts, shape (steps,)."""
    return shares(
        np.array([step.source for step in steps], dtype=np.intp),
        np.array([step.destination for step in steps], dtype=np.intp),
        problem.demand[problem.draw, [step.unit for step in steps]],
        change_w,
    )


def shares(
    sources: IntArray,
    reached: IntArray,
    cores: FloatArray,
    change_w: FloatArray,
) -> FloatArray:
    """What each of some moves saves, in watts, shape (moves,).

    What a host gains or loses is shared among the moves that leave it, or
    reach it, by the load that they move, so that the shares add up to the
    whole and the last to leave a host does not get all the credit.

    :param sources: host that each move leaves; ``reached``: that it reaches;
        ``cores``: that it keeps busy; shapes (moves,).
    :param change_w: what each host draws more afterwards, shape (n,).
    """
    weight = cores + LEAST_CORES
    n_hosts = len(change_w)
    out = np.bincount(sources, weights=weight, minlength=n_hosts)
    into = np.bincount(reached, weights=weight, minlength=n_hosts)
    by_leaving = (out > 0) & ((change_w < 0) | (into == 0))
    by_arriving = (into > 0) & ~by_leaving
    leaving = np.where(by_leaving, change_w / np.maximum(out, LEAST_CORES), 0)
    arriving = np.where(
        by_arriving, change_w / np.maximum(into, LEAST_CORES), 0
    )
    return -weight * (leaving[sources] + arriving[reached])


def _moves(
    objective: Objective,
    steps: Sequence[Step],
    change_w: FloatArray,
    final: IntArray,
) -> tuple[Move, ...]:
    problem = objective.problem
    if not steps:
        return ()
    shares = _shares(problem, steps, change_w)
    emptied = np.bincount(final, minlength=problem.n_hosts) == 0
    moves: list[Move] = []
    for step, saving_w in zip(steps, shares.tolist(), strict=True):
        source, destination = _names(problem, (step.source, step.destination))
        members = problem.bundles[step.unit]
        moves.extend(
            Move(
                workload=problem.snapshot.workloads[index].id,
                source=source,
                destination=destination,
                reason=_reason(objective, step, emptied, source, destination),
                saving_w=saving_w / len(members),
                cost_j=float(objective.move_j[step.unit]) / len(members),
            )
            for index in members
        )
    return tuple(moves)


def _reason(
    objective: Objective,
    step: Step,
    emptied: BoolArray,
    source: str,
    destination: str,
) -> str:
    if step.is_detour:
        return f'makes room on {source} for the next; goes on from there'
    if objective.stranded[step.source]:
        return f'{source} is to be evacuated'
    if objective.is_overloaded[step.source]:
        return f'{source} holds more than its capacity'
    if emptied[step.source]:
        return f'empties {source}, which can sleep then'
    if objective.strategy.imbalance or objective.strategy.heat:
        return f'{destination} is less loaded than {source}'
    return f'makes better use of {destination} than of {source}'
