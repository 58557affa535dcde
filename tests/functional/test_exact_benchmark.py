# SPDX-License-Identifier: Apache-2.0

"""The optimum that a benchmark proves is the best of all placements."""

import itertools
import pathlib
import sys

import numpy as np
import pytest

from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.objective import loads
from ecrae.migration.optimizer.problem import Problem


BENCHMARKS = pathlib.Path(__file__).parents[2] / 'benchmarks'
MODULES = ('exact', 'exact_model', 'scenarios')


@pytest.fixture
def benchmark(monkeypatch):
    """The benchmark's modules, by name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import exact
    import scenarios

    yield {'exact': exact, 'scenarios': scenarios}
    for name in MODULES:
        sys.modules.pop(name, None)


def _best(objective):
    """Least cost of all placements that fit."""
    problem = objective.problem
    places = map(
        np.array,
        itertools.product(range(problem.n_hosts), repeat=problem.n_units),
    )
    return min(
        objective.total(place)
        for place in places
        if (loads(problem, place) <= problem.room + 1e-6).all()
    )


@pytest.mark.parametrize('seed', range(6))
def test_nothing_is_below_the_proven_optimum(benchmark, seed):
    scenarios, exact = benchmark['scenarios'], benchmark['exact']
    kinds = list(scenarios.SCENARIOS.values())[seed % 2]
    problem = Problem.of(scenarios.cloud(3, 7, kinds, seed))
    objective = Objective.of(problem, STRATEGIES['energy'])
    staying = objective.total(problem.start)
    found = exact.Search(objective, staying).run(60.0)
    assert found.is_proven
    assert found.cost == pytest.approx(_best(objective), rel=exact.PROVEN)
