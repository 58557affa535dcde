# SPDX-License-Identifier: Apache-2.0

"""The least cost of any placement of a small cloud, and the proof of it.

Over the programme of exact_model.py. With the points that a host may have
limited to a range, its linear relaxation takes the convex envelope of the
curve over that range. Branch and bound, best bound first:

1. on y, the one nearest to a half first;
2. on the range of the host whose envelope lies furthest below its curve at
   the load that the relaxation gives it: the range is cut there, and what
   the other hosts cannot take, or must leave over, cuts it too;
3. what is left has its hosts and its pieces of the curves decided and goes
   to HiGHS whole, with the best cost known as the cutoff.

A mixed-integer solver that is given all of this at once branches on x first,
and drowns: hosts of one type differ by what is at home on them alone.
"""

import dataclasses
import heapq
import itertools
import time

import numpy as np
from exact_model import LAST
from exact_model import POINTS
from exact_model import PROVEN
from exact_model import Box
from exact_model import Model

from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.problem import LOAD
from ecrae.model import power


#: Watts that the envelopes may lack, as a part of PROVEN, at a leaf.
_ENVELOPE = 0.3


@dataclasses.dataclass(frozen=True)
class Exact:
    """The best placement's cost, and what no placement is below."""

    cost: float
    bound: float
    cpu_s: float

    @property
    def is_proven(self) -> bool:
        """Whether nothing can be better."""
        return self.bound >= self.cost * (1 - PROVEN)


class Search:
    """Branch and bound over one problem.

    :param known: the cost of some placement.
    """

    def __init__(self, objective: Objective, known: float) -> None:
        self._objective = objective
        self._best = known
        self._relaxed = Model(objective, is_integer=False)
        self._whole = Model(objective, is_integer=True)
        self._number = itertools.count()
        self._open: list[tuple[float, int, Box, np.ndarray]] = []

    def run(self, seconds: float) -> Exact:
        """The optimum, or as far as that many CPU seconds go."""
        n = self._objective.problem.n_hosts
        ends = time.process_time() + seconds
        self._push(
            Box(
                must=np.zeros(n, dtype=bool),
                may=np.ones(n, dtype=bool),
                first=np.zeros(n, dtype=int),
                last=np.full(n, LAST),
            )
        )
        bound = np.inf
        while self._open:
            bound, _, box, solution = heapq.heappop(self._open)
            left = ends - time.process_time()
            if bound >= self._goal or left <= 0:
                break
            if not self._branch(box, solution, left):
                break
            bound = np.inf
        used = seconds - (ends - time.process_time())
        return Exact(self._best, min(bound, self._best), used)

    @property
    def _goal(self) -> float:
        return self._best * (1 - PROVEN)

    def _branch(self, box: Box, solution: np.ndarray, seconds: float) -> bool:
        """Divide a box, or search it; whether the time was enough."""
        undecided = np.flatnonzero(box.must != box.may)
        if len(undecided):
            half = np.abs(solution[self._relaxed.y[undecided]] - 0.5)
            host = int(undecided[half.argmin()])
            for is_used in (False, True):
                self._push(box.switched(host, is_used=is_used))
            return True
        host, load, lack = self._worst_envelope(box, solution)
        if lack > self._best * PROVEN * _ENVELOPE:
            point = round(load * LAST)
            low, high = box.first[host] + 1, box.last[host] - 1
            for part in box.cut(host, int(np.clip(point, low, high))):
                self._push(part)
            return True
        self._whole.limit(box)
        found, is_through = self._whole.solve_below(self._goal, seconds)
        self._best = min(self._best, found)
        return is_through

    def _worst_envelope(
        self, box: Box, solution: np.ndarray
    ) -> tuple[int, float, float]:
        """The host, its load, and the watts that its envelope lacks."""
        curves = self._objective.curves
        weights = solution[self._relaxed.z]
        loads = weights @ POINTS / LAST
        on_curve = power.watts(curves, loads)
        lacks = np.where(box.may, on_curve - (weights * curves).sum(1), 0.0)
        host = int(lacks.argmax())
        return host, float(loads[host]), float(lacks[host])

    def _push(self, box: Box) -> None:
        tight = self._tightened(box)
        if tight is None:
            return
        self._relaxed.limit(tight)
        bound, _ = self._relaxed.solve()
        if bound < self._goal:
            values = self._relaxed.highs.getSolution().col_value
            heapq.heappush(
                self._open,
                (bound, next(self._number), tight, np.array(values)),
            )

    def _tightened(self, box: Box) -> Box | None:
        """Without loads that the other hosts make impossible; None: none."""
        problem = self._objective.problem
        step = problem.cores / LAST
        total = problem.demand[LOAD].sum()
        first, last = box.first.copy(), box.last.copy()
        most = np.minimum(problem.room[LOAD], last * step) * box.may
        least = first * step * box.must
        needed = total - (most.sum() - most)
        left = total - (least.sum() - least)
        used = box.must
        low = np.floor(needed / step + 1e-9).astype(int)
        high = np.ceil(left / step - 1e-9).astype(int)
        first[used] = np.maximum(first, low)[used]
        last[used] = np.minimum(last, high)[used]
        if (first > last)[used].any():
            return None
        return dataclasses.replace(box, first=first, last=last)
