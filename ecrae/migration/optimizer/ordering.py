# SPDX-License-Identifier: Apache-2.0

"""An order of moves in which each one is possible when its turn comes.

A move whose destination is still full waits until something leaves that
destination. Where moves wait for one another in a circle, one unit takes a
detour over a third host; where there is no such host, a move is given up.
"""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.placement import Placement


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One unit from one host to another."""

    unit: int
    source: int
    destination: int
    #: Not where it is to stay: it goes on from there in a later step.
    is_detour: bool = False


def ordered(
    objective: Objective, target: IntArray, budget: int
) -> tuple[list[Step], IntArray]:
    """Steps from the present placement towards a target.

    :param target: host of each unit, shape (m,).
    :param budget: greatest number of steps.
    :returns: the steps, and the placement that they reach, which is the
        target unless moves had to be given up.
    """
    queue = _Queue(objective, target, budget)
    queue.run()
    while queue.blocked():
        if not queue.take_detour():
            queue.give_up()
        queue.run()
    return queue.steps, queue.placement.assignment


class _Queue:
    def __init__(
        self, objective: Objective, target: IntArray, budget: int
    ) -> None:
        problem = objective.problem
        self.placement = Placement(objective, problem.start, problem.n_units)
        self.target = target.copy()
        self.budget = budget
        self.steps: list[Step] = []
        self.detoured: set[int] = set()
        self.ready = collections.deque(_by_saving(objective, target))
        self.waiting: dict[int, list[int]] = collections.defaultdict(list)

    def run(self) -> None:
        """Make every move that is possible, and those this makes possible."""
        while self.ready:
            unit = self.ready.popleft()
            destination = int(self.target[unit])
            if self.placement.fits(unit, destination):
                self._step(unit, destination, is_detour=False)
            else:
                self.waiting[destination].append(unit)

    def blocked(self) -> list[int]:
        """Units that wait, those with least to copy first."""
        units = [unit for units in self.waiting.values() for unit in units]
        memory = self.placement.problem.memory_used_mib
        return sorted(units, key=lambda unit: (memory[unit], unit))

    def take_detour(self) -> bool:
        """Park one waiting unit where that lets another one move."""
        if len(self.steps) + len(self.blocked()) >= self.budget:
            return False
        for unit in self.blocked():
            source = int(self.placement.assignment[unit])
            if unit in self.detoured or not self.waiting[source]:
                continue
            host = self._parking(unit)
            if host is not None and self._opens(unit, source):
                self.detoured.add(unit)
                self._step(unit, host, is_detour=True)
                return True
        return False

    def give_up(self) -> None:
        """Leave the waiting unit that would have been moved last."""
        unit = self.blocked()[-1]
        self.waiting[int(self.target[unit])].remove(unit)
        self.target[unit] = self.placement.assignment[unit]

    def _step(self, unit: int, destination: int, *, is_detour: bool) -> None:
        source = int(self.placement.assignment[unit])
        self.placement.move(unit, destination)
        self.steps.append(Step(unit, source, destination, is_detour))
        self.ready.extend(self.waiting.pop(source, ()))

    def _parking(self, unit: int) -> int | None:
        placement = self.placement
        after = placement.load + placement.problem.demand[:, [unit]]
        roomy = (after <= placement.limit).all(axis=0) & (placement.count > 0)
        for host in np.flatnonzero(roomy).tolist():
            if placement.fits(unit, host):
                return int(host)
        return None

    def _opens(self, unit: int, source: int) -> bool:
        """Whether a unit waiting for a host fits once another left it."""
        placement = self.placement
        demand = placement.problem.demand
        placement.load[:, source] -= demand[:, unit]
        placement.members[source].remove(unit)
        opens = any(
            placement.fits(other, source) for other in self.waiting[source]
        )
        placement.load[:, source] += demand[:, unit]
        placement.members[source].append(unit)
        return opens


def _by_saving(objective: Objective, target: IntArray) -> Sequence[int]:
    """Moving units, those first whose host saves most for each move."""
    problem = objective.problem
    before = Placement(objective, problem.start, problem.n_units)
    after = Placement(objective, target, problem.n_units)
    units = np.flatnonzero(target != problem.start)
    sources = problem.start[units]
    moves = np.bincount(sources, minlength=problem.n_hosts)
    saved = (before.cost - after.cost) / np.maximum(moves, 1)
    order = np.lexsort((units, sources, -saved[sources]))
    return [int(unit) for unit in units[order]]
