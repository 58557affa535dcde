# SPDX-License-Identifier: Apache-2.0

"""The optimizer's objective as a mixed-integer programme, for HiGHS.

Binary x_ih puts unit i on host h, y_h says that h is in use, and the load of
a host in use is a convex combination z_hk of neighbouring points of its cost
curve, one of whose segments the binary s_hk picks.
"""

import dataclasses
import itertools
import time

import highspy
import numpy as np

from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.problem import LOAD
from ecrae.model import power


#: A cost within this part of the bound counts as proven.
PROVEN = 1e-4

_NOTHING = (
    highspy.HighsModelStatus.kInfeasible,
    # No cost is unbounded.
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
)

POINTS = np.arange(power.POINTS)
LAST = power.POINTS - 1


@dataclasses.dataclass(frozen=True)
class Box:
    """Part of the placements; arrays of shape (n,)."""

    #: Hosts that must be in use, and that may.
    must: np.ndarray
    may: np.ndarray
    #: First and last point of the curve that a host in use may have.
    first: np.ndarray
    last: np.ndarray

    def switched(self, host: int, *, is_used: bool) -> 'Box':
        """With a host decided."""
        must, may = self.must.copy(), self.may.copy()
        must[host] = may[host] = is_used
        return dataclasses.replace(self, must=must, may=may)

    def cut(self, host: int, point: int) -> tuple['Box', 'Box']:
        """The placements below a point, and above it."""
        first, last = self.first.copy(), self.last.copy()
        first[host] = last[host] = point
        return (
            dataclasses.replace(self, last=last),
            dataclasses.replace(self, first=first),
        )


class Model:
    """The mixed-integer programme, or its relaxation without segments."""

    def __init__(self, objective: Objective, *, is_integer: bool) -> None:
        problem = objective.problem
        n, m = problem.n_hosts, problem.n_units
        self.objective = objective
        self.x = np.arange(m * n).reshape(m, n)
        self.y = m * n + np.arange(n)
        self.z = (m + 1) * n + np.arange(n * power.POINTS).reshape(n, -1)
        #: Which segment of its curve a host is on: integers only.
        n_segments = n * LAST if is_integer else 0
        self.s = self.z.max() + 1 + np.arange(n_segments).reshape(-1, LAST)
        self._rows: list[tuple[float, float, np.ndarray, np.ndarray]] = []
        self.highs = highspy.Highs()
        self.highs.silent()
        self.highs.setOptionValue('threads', 1)
        self.highs.setOptionValue('mip_rel_gap', PROVEN / 10)
        self._add_columns(int(self.z.max()) + 1 + n_segments)
        self._require_rooms()
        self._require_curves()
        self._add_rows()
        if is_integer:
            whole = np.concatenate(
                (self.x.ravel(), self.y, self.s.ravel())
            ).astype(np.int32)
            kinds = np.full(len(whole), highspy.HighsVarType.kInteger)
            self.highs.changeColsIntegrality(len(whole), whole, kinds)

    def _add_columns(self, size: int) -> None:
        objective = self.objective
        start = objective.problem.start
        moves = np.repeat(objective.move[:, np.newaxis], len(self.y), axis=1)
        moves[np.arange(len(start)), start] = 0.0
        cost = np.zeros(size)
        cost[self.x] = moves
        cost[self.z] = objective.curves - objective.off[:, np.newaxis]
        self.highs.addVars(size, np.zeros(size), np.ones(size))
        every = np.arange(size, dtype=np.int32)
        self.highs.changeColsCost(size, every, cost)

    def _require(
        self, low: float, high: float, columns: list, values: list
    ) -> None:
        self._rows.append(
            (low, high, np.hstack(columns), np.hstack(values).astype(float))
        )

    def _require_rooms(self) -> None:
        """Each unit somewhere, on hosts in use with room for all theirs."""
        problem = self.objective.problem
        for unit in self.x:
            self._require(1, 1, [unit], [np.ones(len(unit))])
        for row, room in zip(problem.demand, problem.room, strict=True):
            # Follows from the rest, but not for the relaxation of a part.
            self._require(row.sum(), np.inf, [self.y], [room])
            for host in np.flatnonzero(row.sum() > room):
                self._require(
                    -np.inf,
                    0,
                    [self.x[:, host], self.y[host]],
                    [row, -room[host]],
                )
        for unit, host in itertools.product(*map(range, self.x.shape)):
            pair = [self.x[unit, host], self.y[host]]
            self._require(-np.inf, 0, pair, [1, -1])

    def _require_curves(self) -> None:
        """The load of a host between neighbouring points of its curve."""
        problem = self.objective.problem
        ones = np.ones(power.POINTS)
        for host, points in enumerate(self.z):
            self._require(
                0,
                0,
                [self.x[:, host], points],
                [problem.demand[LOAD], -problem.cores[host] * POINTS / LAST],
            )
            self._require(0, 0, [points, self.y[host]], [ones, -1])
        for points, segments, host in zip(
            self.z, self.s, self.y, strict=False
        ):
            self._require(0, 0, [segments, host], [np.ones(LAST), -1])
            for k, point in enumerate(points):
                near = segments[max(0, k - 1) : k + 1]
                self._require(
                    -np.inf, 0, [point, near], [1, -np.ones(len(near))]
                )

    def _add_rows(self) -> None:
        low, high, columns, values = zip(*self._rows, strict=True)
        starts = np.cumsum([0, *map(len, columns[:-1])]).astype(np.int32)
        indexes = np.concatenate(columns).astype(np.int32)
        self.highs.addRows(
            len(low),
            np.array(low, dtype=float),
            np.array(high, dtype=float),
            len(indexes),
            starts,
            indexes,
            np.concatenate(values),
        )

    def limit(self, box: Box) -> None:
        """Leave only the placements of a box."""
        may, first, last = (
            each[:, np.newaxis] for each in (box.may, box.first, box.last)
        )
        self._bound(self.y, box.must, box.may)
        at = (first <= POINTS) & (last >= POINTS) & may
        self._bound(self.z, np.zeros(self.z.size), at)
        if self.s.size:
            on = (first <= POINTS[:-1]) & (last > POINTS[:-1]) & may
            self._bound(self.s, np.zeros(self.s.size), on)

    def _bound(
        self, columns: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> None:
        self.highs.changeColsBounds(
            columns.size,
            columns.ravel().astype(np.int32),
            low.ravel().astype(float),
            high.ravel().astype(float),
        )

    def solve(self) -> tuple[float, bool]:
        """Least cost found, and whether nothing is below it.

        Infinite where there is no placement.
        """
        self.highs.run()
        status = self.highs.getModelStatus()
        if status in _NOTHING:
            return np.inf, True
        found = self.highs.getInfo().objective_function_value
        return (
            float(found + self.objective.off.sum()),
            status == highspy.HighsModelStatus.kOptimal,
        )

    def solve_below(self, cutoff: float, seconds: float) -> tuple[float, bool]:
        """The same; infinite where nothing is below a cutoff.

        How long it takes hangs on chance, so it begins anew, with another
        seed and twice as many nodes, until it is through.
        """
        ends = time.process_time() + seconds
        best = np.inf
        for attempt in itertools.count():
            goal = min(cutoff, best) - float(self.objective.off.sum())
            self.highs.setOptionValue('objective_bound', goal)
            self.highs.setOptionValue('random_seed', attempt)
            self.highs.setOptionValue('mip_max_nodes', 4000 << attempt)
            self.highs.clearSolver()
            found, is_through = self.solve()
            best = min(best, found)
            if is_through or time.process_time() > ends:
                return best, is_through
        raise AssertionError
