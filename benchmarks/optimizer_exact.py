# SPDX-License-Identifier: Apache-2.0

"""How far from the exact optimum are plans for clouds small enough to know?

The optimum is that of the same objective (power curves, hosts off, cost of
migration) as a mixed-integer programme, solved by HiGHS. An instance that
HiGHS does not finish in its time is compared with HiGHS's own bound, which
can only make our gap look larger.

usage: optimizer_exact.py [--seeds N] [--first SEED] [--milp-seconds S]
"""

import argparse
import dataclasses
import time

import numpy as np
import scenarios
from scipy import optimize
from scipy import sparse

from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.problem import LOAD
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.model import power


STRATEGY = STRATEGIES['energy']
STEPS = np.linspace(0.0, 1.0, power.POINTS)


def small_cloud(seed: int) -> Snapshot:
    """Up to 12 hosts of up to four types and up to 60 workloads."""
    rng = np.random.default_rng(seed)
    n_hosts = int(rng.integers(3, 13))
    n_workloads = int(rng.integers(2 * n_hosts, 5 * n_hosts + 1))
    kinds = scenarios.SCENARIOS[rng.choice(list(scenarios.SCENARIOS))]
    return scenarios.cloud(n_hosts, n_workloads, kinds, seed)


@dataclasses.dataclass(frozen=True)
class Exact:
    """What HiGHS found, and what it proved."""

    cost: float
    bound: float
    seconds: float


def exact(objective: Objective, seconds: float) -> Exact:
    """Least cost of any placement.

    Binary x_ih puts unit i on host h; the load of a host in use is a convex
    combination z_hk of neighbouring points of its curve, one of whose
    segments the binary s_hk picks.
    """
    problem = objective.problem
    n, m, points = problem.n_hosts, problem.n_units, power.POINTS
    n_x, n_z, n_s = m * n, n * points, n * (points - 1)
    size = n_x + n_z + n_s
    stays = np.arange(n)[np.newaxis] == problem.start[:, np.newaxis]
    cost = np.concatenate(
        (
            np.where(stays, 0.0, objective.move[:, np.newaxis]).ravel(),
            (objective.curves - objective.off[:, np.newaxis]).ravel(),
            np.zeros(n_s),
        )
    )
    model = _Rows(size)
    for unit in range(m):
        model.add(unit * n + np.arange(n), np.ones(n), 1.0, 1.0)
    for host in range(n):
        xs = np.arange(m) * n + host
        zs = n_x + host * points + np.arange(points)
        ss = n_x + n_z + host * (points - 1) + np.arange(points - 1)
        for row, room in zip(problem.demand, problem.room, strict=True):
            model.add(
                np.concatenate((xs, zs)),
                np.concatenate((row, np.full(points, -room[host]))),
                -np.inf,
                0.0,
            )
        model.add(
            np.concatenate((xs, zs)),
            np.concatenate(
                (problem.demand[LOAD], -STEPS * problem.cores[host])
            ),
            0.0,
            0.0,
        )
        # Each unit of a host in use: tightens the relaxation.
        for unit in range(m):
            model.add(
                np.concatenate(([unit * n + host], zs)),
                np.concatenate(([1.0], -np.ones(points))),
                -np.inf,
                0.0,
            )
        model.add(ss, np.ones(points - 1), 0.0, 1.0)
        model.add(
            np.concatenate((zs, ss)),
            np.concatenate((np.ones(points), -np.ones(points - 1))),
            0.0,
            0.0,
        )
        for k in range(points):
            near = ss[max(0, k - 1) : k + 1]
            model.add(
                np.concatenate(([zs[k]], near)),
                np.concatenate(([1.0], -np.ones(len(near)))),
                -np.inf,
                0.0,
            )
    began = time.perf_counter()
    result = optimize.milp(
        cost,
        constraints=model.constraint(),
        integrality=np.concatenate(
            (np.ones(n_x), np.zeros(n_z), np.ones(n_s))
        ),
        bounds=optimize.Bounds(0.0, 1.0),
        options={'time_limit': seconds, 'mip_rel_gap': 1e-5},
    )
    off = objective.off.sum()
    return Exact(
        np.inf if result.fun is None else result.fun + off,
        (result.mip_dual_bound or 0.0) + off,
        time.perf_counter() - began,
    )


class _Rows:
    """Rows of a sparse constraint matrix."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.columns: list[np.ndarray] = []
        self.values: list[np.ndarray] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(
        self, columns: np.ndarray, values: np.ndarray, low: float, high: float
    ) -> None:
        self.columns.append(columns)
        self.values.append(values)
        self.low.append(low)
        self.high.append(high)

    def constraint(self) -> optimize.LinearConstraint:
        rows = np.repeat(
            np.arange(len(self.low)), [len(c) for c in self.columns]
        )
        matrix = sparse.csr_array(
            (
                np.concatenate(self.values),
                (rows, np.concatenate(self.columns)),
            ),
            shape=(len(self.low), self.width),
        )
        return optimize.LinearConstraint(matrix, self.low, self.high)


def planned_cost(objective: Objective, snapshot: Snapshot) -> float:
    """Cost of the placement that the optimizer's plan reaches."""
    problem = objective.problem
    plan = engine.optimize(problem, STRATEGY, seed=0)
    host = {
        snapshot.hosts[index].name: position
        for position, index in enumerate(problem.host_index)
    }
    place = {move.workload: host[move.destination] for move in plan.moves}
    return objective.total(
        np.array(
            [
                place.get(snapshot.workloads[bundle[0]].id, start)
                for bundle, start in zip(
                    problem.bundles, problem.start, strict=True
                )
            ]
        )
    )


def main() -> None:
    """Print the gap of each seed and their distribution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seeds', type=int, default=100)
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--milp-seconds', type=float, default=60.0)
    arguments = parser.parse_args()
    gaps, proven = [], []
    print('seed hosts units  optimum     ours   gap%  HiGHS s  ours s')
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        snapshot = small_cloud(seed)
        problem = Problem.of(snapshot)
        objective = Objective.of(problem, STRATEGY)
        began = time.perf_counter()
        ours = planned_cost(objective, snapshot)
        seconds = time.perf_counter() - began
        best = exact(objective, arguments.milp_seconds)
        is_proven = best.cost - best.bound <= 1e-4 * best.cost
        reference = min(best.cost, ours) if is_proven else best.bound
        gaps.append(100.0 * (ours / reference - 1.0))
        proven.append(is_proven)
        print(
            f'{seed:4} {problem.n_hosts:5} {problem.n_units:5} '
            f'{reference:8.1f} {ours:8.1f} {gaps[-1]:6.3f} '
            f'{best.seconds:8.1f} {seconds:7.2f}'
            f'{"" if is_proven else "  not proven: against the bound"}',
            flush=True,
        )
    for name, values in (
        ('all', np.array(gaps)),
        ('proven', np.array(gaps)[proven]),
    ):
        if len(values):
            marks = np.percentile(values, (50, 75, 90, 95, 100))
            print(
                f'{name}: {len(values)} instances, gap % median '
                f'{marks[0]:.3f}, 75th {marks[1]:.3f}, 90th {marks[2]:.3f}, '
                f'95th {marks[3]:.3f}, worst {marks[4]:.3f}'
            )


if __name__ == '__main__':
    main()
