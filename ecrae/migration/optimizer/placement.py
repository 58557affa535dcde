# SPDX-License-Identifier: Apache-2.0

"""A placement that is changed move by move and is feasible after each one.

Every search of the optimizer goes through this class, which is where the
rules that depend on other workloads are kept: capacity, CPU load,
anti-affinity, the rack's limit and the migration budget.
"""

from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.objective import loads
from ecrae.migration.optimizer.problem import TOLERANCE
from ecrae.model import power


class Placement:
    """An assignment of units to hosts with its loads and costs in step.

    :param assignment: host of each unit, shape (m,).
    :param budget: greatest number of units away from where they started.
    """

    def __init__(
        self, objective: Objective, assignment: IntArray, budget: int
    ) -> None:
        problem = objective.problem
        self.objective = objective
        self.problem = problem
        self.budget = budget
        self.assignment = assignment.copy()
        self.load = loads(problem, assignment)
        self.limit = problem.room * (1 + TOLERANCE) + TOLERANCE
        self.count = np.bincount(assignment, minlength=problem.n_hosts)
        self.members: list[list[int]] = [[] for _ in range(problem.n_hosts)]
        for unit, host in enumerate(assignment.tolist()):
            self.members[host].append(unit)
        self.moved = int((assignment != problem.start).sum())
        self.cost = objective.host_costs(
            np.arange(problem.n_hosts), self.load, self.count
        )

    def copy(self) -> 'Placement':
        """An independent placement, the same at first."""
        twin = object.__new__(Placement)
        twin.objective = self.objective
        twin.problem = self.problem
        twin.budget = self.budget
        twin.limit = self.limit
        twin.assignment = self.assignment.copy()
        twin.load = self.load.copy()
        twin.count = self.count.copy()
        twin.cost = self.cost.copy()
        twin.members = [list(units) for units in self.members]
        twin.moved = self.moved
        return twin

    @property
    def total(self) -> float:
        """Cost of the placement, the moves that lead to it included."""
        away = self.assignment != self.problem.start
        return float(self.cost.sum() + self.objective.move[away].sum())

    def move(self, unit: int, host: int) -> None:
        """Put a unit on another host; :meth:`refresh` brings the costs."""
        source = self.assignment[unit]
        home = self.problem.start[unit]
        self.moved += int(host != home) - int(source != home)
        demand = self.problem.demand[:, unit]
        self.load[:, source] -= demand
        self.load[:, host] += demand
        self.members[source].remove(unit)
        self.members[host].append(unit)
        self.count[source] -= 1
        self.count[host] += 1
        self.assignment[unit] = host

    def move_change(self, unit: int, host: int) -> float:
        """What moving a unit adds to the cost of moves."""
        home = self.problem.start[unit]
        steps = int(host != home) - int(self.assignment[unit] != home)
        return steps * float(self.objective.move[unit])

    def moved_after(self, unit: int, host: int) -> int:
        """Units away from where they started, if one is moved to a host."""
        home = self.problem.start[unit]
        return (
            self.moved + int(host != home) - int(self.assignment[unit] != home)
        )

    def refresh(self, hosts: Sequence[int] | IntArray) -> None:
        """Bring the costs of hosts in step with their contents."""
        which = np.asarray(hosts, dtype=np.intp)
        empty = which[self.count[which] == 0]
        self.load[:, empty] = 0.0
        self.cost[which] = self.objective.host_costs(
            which, self.load[:, which], self.count[which]
        )

    def cool_enough(self, unit: int, hosts: IntArray) -> BoolArray:
        """Whether a host's rack would stay below its limit, shape (c,)."""
        problem = self.problem
        row = problem.draw
        draw = np.where(
            self.count > 0,
            power.watts(problem.curves_w, self.load[row] / problem.cores),
            problem.sleep_w,
        )
        racks = problem.rack[hosts]
        sums = np.bincount(
            problem.rack + 1, weights=draw, minlength=problem.rack.max() + 2
        )
        after = power.watts(
            problem.curves_w[hosts],
            (self.load[row, hosts] + problem.demand[row, unit])
            / problem.cores[hosts],
        )
        rack_w = sums[racks + 1] - draw[hosts] + after
        return (racks < 0) | (rack_w <= problem.rules.rack_limit_w)

    def fits(self, unit: int, host: int) -> bool:
        """Whether a unit may be moved to a host as things are now."""
        problem = self.problem
        if not problem.eligible[problem.eligibility_class[unit], host]:
            return False
        after = self.load[:, host] + problem.demand[:, unit]
        if (after > self.limit[:, host]).any():
            return False
        group = problem.apart[unit]
        if group >= 0 and (problem.apart[self.members[host]] == group).any():
            return False
        return not problem.rules.rack_limit_w or bool(
            self.cool_enough(unit, np.array([host]))[0]
        )
