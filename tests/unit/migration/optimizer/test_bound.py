# SPDX-License-Identifier: Apache-2.0

import itertools

import hypothesis
import numpy as np

from ecrae.migration.optimizer import bound
from ecrae.migration.optimizer import objective
from ecrae.migration.optimizer.problem import Problem
from tests.unit.migration.optimizer import clouds


def _least_watts(problem):
    """The least over all placements that the rules on one host allow."""
    choices = [
        sorted(
            {int(problem.start[unit])}
            | set(
                np.flatnonzero(
                    problem.eligible[problem.eligibility_class[unit]]
                ).tolist()
                if problem.movable[unit]
                else []
            )
        )
        for unit in range(problem.n_units)
    ]
    limit = np.maximum(problem.room, objective.loads(problem, problem.start))
    best = np.inf
    for places in itertools.product(*choices):
        assignment = np.array(places, dtype=np.intp)
        if (objective.loads(problem, assignment) <= limit + 1e-9).all():
            watts = objective.host_watts(problem, assignment).sum()
            best = min(best, float(watts))
    return best


@hypothesis.settings(max_examples=40)
@hypothesis.given(clouds.snapshots(most_hosts=3, most_workloads=5))
def test_no_placement_draws_less_than_the_bound(snapshot):
    problem = Problem.of(snapshot)
    assert bound.watts_bound(problem) <= _least_watts(problem) + 1e-6
