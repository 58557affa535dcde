# SPDX-License-Identifier: Apache-2.0

"""How far from the exact optimum are plans for clouds small enough to know?

The optimum is that of the same objective (power curves, hosts off, cost of
migration), proven to 0.01 % by branch and bound over mixed-integer programmes
(exact.py). An instance that is not finished in its time is compared with the
bound reached, which can only make our gap look larger.

prepare: uv pip install highspy
usage:   optimizer_exact.py [--seeds N] [--first SEED] [--cpu-seconds S]
"""

import argparse
import itertools
import time

import exact
import numpy as np
import scenarios

from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Snapshot


STRATEGY = STRATEGIES['energy']


def small_cloud(seed: int) -> Snapshot:
    """Up to 12 hosts of up to four types and up to 60 workloads."""
    rng = np.random.default_rng(seed)
    n_hosts = int(rng.integers(3, 13))
    n_workloads = int(rng.integers(2 * n_hosts, 5 * n_hosts + 1))
    kinds = scenarios.SCENARIOS[rng.choice(list(scenarios.SCENARIOS))]
    return scenarios.cloud(n_hosts, n_workloads, kinds, seed)


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


def _tell(name: str, gaps: np.ndarray) -> None:
    """The distribution of some gaps."""
    if not len(gaps):
        return
    marks = np.percentile(gaps, (50, 75, 90, 95, 99, 100))
    words = ('median', '75th', '90th', '95th', '99th', 'worst')
    print(
        f'{name}: {len(gaps)} clouds, gap % '
        + ', '.join(
            f'{word} {mark:.3f}'
            for word, mark in zip(words, marks, strict=True)
        )
    )
    edges = (0.0, 100 * exact.PROVEN, 0.1, 0.2, 0.5, 1.0, 2.0, np.inf)
    for low, high in itertools.pairwise(edges):
        count = int(((gaps >= low) & (gaps < high)).sum())
        print(f'  {low:4.2f} to {high:4.2f} %: {count:3}  {"#" * count}')


def main() -> None:
    """Print the gap of each seed and their distribution."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--seeds', type=int, default=100)
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--cpu-seconds', type=float, default=300.0)
    arguments = parser.parse_args()
    gaps, proven = [], []
    print('seed hosts units  optimum     ours   gap%  exact s  ours s')
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        snapshot = small_cloud(seed)
        problem = Problem.of(snapshot)
        objective = Objective.of(problem, STRATEGY)
        began = time.process_time()
        ours = planned_cost(objective, snapshot)
        seconds = time.process_time() - began
        found = exact.Search(objective, ours).run(arguments.cpu_seconds)
        reference = found.cost if found.is_proven else found.bound
        gaps.append(100.0 * (ours / reference - 1.0))
        proven.append(found.is_proven)
        print(
            f'{seed:4} {problem.n_hosts:5} {problem.n_units:5} '
            f'{reference:8.1f} {ours:8.1f} {gaps[-1]:6.3f} '
            f'{found.cpu_s:8.1f} {seconds:7.2f}'
            f'{"" if found.is_proven else "  not proven: against the bound"}',
            flush=True,
        )
    print(f'optimum proven: {sum(proven)} of {len(proven)}')
    _tell('all', np.array(gaps))
    _tell('proven', np.array(gaps)[proven])


if __name__ == '__main__':
    main()
