# SPDX-License-Identifier: Apache-2.0

"""What the swarm adds to the constructive start and to local search.

Three searches get the same CPU time on the same cloud: the constructive
start alone (which ends early); local search over it with restarts (let go of
the units of random hosts, put each back where it costs least, keep what is
better), which is the swarm with one particle that learns from nobody; and
the swarm.

usage: swarm_value.py [--sizes 6x24,12x48,50x500] [--seeds 10] [--seconds 1]
"""

import argparse
import time

import numpy as np
import scenarios

from ecrae.migration.optimizer import construct
from ecrae.migration.optimizer import emptying
from ecrae.migration.optimizer import improve
from ecrae.migration.optimizer import local_search
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.patch import Patch
from ecrae.migration.optimizer.placement import Placement
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.swarm import Swarm


class Loner(Swarm):
    """Ruin and recreate: a swarm that has no exemplar but its own best."""

    def learn(self) -> np.ndarray:
        """Its best placement without the units of some hosts."""
        patch = self.patch
        n_hosts = len(patch.hosts)
        x = self.own.copy()
        several = self.rng.integers(1, 4, (len(x), 1))
        released = self.rng.random((len(x), n_hosts)) < several / n_hosts
        rows = np.arange(len(x))[:, np.newaxis]
        x[released[rows, x] & patch.movable] = -1
        return x


def construct_only(objective: Objective) -> Placement:
    """The constructive start."""
    problem = objective.problem
    placement = Placement(objective, problem.start, problem.n_units)
    guide = emptying.guide(placement)
    construct.empty_hosts(placement, guide)
    local_search.relocate(placement, guide, lambda: False)
    return placement


def search(
    placement: Placement, kind: type[Swarm], particles: int, seconds: float
) -> float:
    """Cost after so many seconds of CPU, on the whole or patch by patch."""
    objective = placement.objective
    placement = placement.copy()
    guide = emptying.guide(Placement(objective, placement.problem.start, 0))
    rng = np.random.default_rng(0)
    effort = improve.Effort()
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        hosts = (
            np.arange(placement.problem.n_hosts)
            if placement.problem.n_hosts <= effort.patch_hosts
            else improve.neighbourhood(placement, guide, rng, effort)
        )
        patch = Patch.of(placement, hosts, guide.room)
        swarm = kind(patch, particles, rng)
        best = float(swarm.own_cost.min())
        for _ in range(effort.whole.generations):
            swarm.step()
            if time.process_time() >= ends:
                break
        if swarm.own_cost.min() < best - 1e-9:
            improve.apply(placement, patch, swarm.own[swarm.own_cost.argmin()])
    return placement.total


def main() -> None:
    """Print what each search leaves above the best of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--sizes', default='6x24,12x48,50x500')
    parser.add_argument('--seeds', type=int, default=10)
    parser.add_argument('--seconds', type=float, default=1.0)
    arguments = parser.parse_args()
    print('cost above the best of the three, %: mean (worst)')
    print(f'{"size":>10} {"construct":>16} {"local search":>16} {"swarm":>16}')
    for size in arguments.sizes.split(','):
        n_hosts, n_workloads = map(int, size.split('x'))
        rows = []
        for seed in range(arguments.seeds):
            kinds = list(scenarios.SCENARIOS.values())[seed % 2]
            problem = Problem.of(
                scenarios.cloud(n_hosts, n_workloads, kinds, seed)
            )
            objective = Objective.of(problem, STRATEGIES['energy'])
            first = construct_only(objective)
            costs = np.array(
                [
                    first.total,
                    search(first, Loner, 1, arguments.seconds),
                    search(first, Swarm, 32, arguments.seconds),
                ]
            )
            rows.append(100 * (costs / costs.min() - 1))
        table = np.array(rows)
        cells = [
            f'{mean:8.3f} ({worst:.2f})'
            for mean, worst in zip(
                table.mean(axis=0), table.max(axis=0), strict=True
            )
        ]
        print(f'{size:>10} ' + ' '.join(f'{cell:>16}' for cell in cells))


if __name__ == '__main__':
    main()
