# SPDX-License-Identifier: Apache-2.0

"""Finding the best host for a unit among many, and taking it back."""

from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.placement import Placement
from ecrae.model import power
from ecrae.model.power import FloatArray


#: Feasible hosts, in order of preference, that are compared for one unit.
WINDOW = 96

#: What free capacity left on a host counts against watts: fills the fuller
#: of two hosts that would serve a unit alike.
TIGHTNESS = 0.03


class Insertion:
    """Columns of the hosts that may receive units, kept in step.

    :param receivers: hosts that may receive, the preferred first, shape (c,).
    :param worth: worth of a unit of each resource of each host, (K, n).
    :param open_anyway: hosts taken as being in use, whatever they hold.
    """

    def __init__(
        self,
        placement: Placement,
        receivers: IntArray,
        worth: FloatArray,
        open_anyway: IntArray | None = None,
    ) -> None:
        objective = placement.objective
        problem = placement.problem
        self.placement = placement
        self.hosts = receivers
        self.position = np.full(problem.n_hosts, -1, dtype=np.intp)
        self.position[receivers] = np.arange(len(receivers))
        self.free = (placement.limit - placement.load)[:, receivers]
        self.row = objective.row
        self.load = placement.load[self.row, receivers]
        self.cost = placement.cost[receivers]
        self.cores = problem.cores[receivers]
        self.curves = objective.curves[receivers]
        self.eligible = problem.eligible[:, receivers]
        self.tightness = TIGHTNESS * worth[:, receivers]
        self.closed = np.zeros(len(receivers), dtype=bool)
        if open_anyway is not None:
            where = self.position[open_anyway]
            where = where[(where >= 0)]
            where = where[placement.count[receivers[where]] == 0]
            self.cost[where] = self.curves[where, 0]

    def best(self, unit: int) -> tuple[int, float] | None:
        """Position of the best receiver and the cost that it adds."""
        problem = self.placement.problem
        demand = problem.demand[:, unit]
        fits = self.eligible[problem.eligibility_class[unit]] & ~self.closed
        for row, size in zip(self.free, demand, strict=True):
            fits &= row >= size
        group = problem.apart[unit]
        if group >= 0:
            self._keep_apart(fits, group)
        if self.placement.problem.rules.rack_limit_w:
            fits &= self.placement.cool_enough(unit, self.hosts)
        found = np.flatnonzero(fits)[:WINDOW]
        if not len(found):
            return None
        added = (
            power.watts(
                self.curves[found],
                (self.load[found] + demand[self.row]) / self.cores[found],
            )
            - self.cost[found]
        )
        left = self.free[:, found] - demand[:, np.newaxis]
        score = added + (self.tightness[:, found] * left).sum(axis=0)
        choice = int(score.argmin())
        return int(found[choice]), float(added[choice])

    def put(self, unit: int, position: int) -> None:
        """Move a unit to the receiver at a position."""
        placement = self.placement
        source = int(placement.assignment[unit])
        host = int(self.hosts[position])
        placement.move(unit, host)
        placement.refresh((source, host))
        self.sync(position)
        if self.position[source] >= 0:
            self.sync(int(self.position[source]))

    def sync(self, position: int) -> None:
        """Read one receiver's contents again."""
        placement, host = self.placement, self.hosts[position]
        self.free[:, position] = (
            placement.limit[:, host] - placement.load[:, host]
        )
        self.load[position] = placement.load[self.row, host]
        self.cost[position] = placement.cost[host]

    def place(
        self, units: Sequence[int]
    ) -> tuple[list[tuple[int, int]], float] | None:
        """Move every unit to a receiver, or none.

        :returns: each unit with the host that it left, and the cost that
            the receivers and the moves add; ``None`` where the units do not
            all fit within capacity and budget.
        """
        placement = self.placement
        done: list[tuple[int, int]] = []
        total = 0.0
        for unit in units:
            found = self.best(unit)
            if found is None:
                self.undo(done)
                return None
            host = int(self.hosts[found[0]])
            if placement.moved_after(unit, host) > placement.budget:
                self.undo(done)
                return None
            total += found[1] + placement.move_change(unit, host)
            done.append((unit, int(placement.assignment[unit])))
            self.put(unit, found[0])
        return done, total

    def undo(self, done: Sequence[tuple[int, int]]) -> None:
        """Put units back on the hosts that they left."""
        placement = self.placement
        for unit, source in reversed(done):
            host = int(placement.assignment[unit])
            placement.move(unit, source)
            placement.refresh((source, host))
            for place in (self.position[source], self.position[host]):
                if place >= 0:
                    self.sync(int(place))

    def _keep_apart(self, fits: BoolArray, group: int) -> None:
        placement = self.placement
        mates = placement.problem.apart == group
        where = self.position[placement.assignment[mates]]
        fits[where[where >= 0]] = False
