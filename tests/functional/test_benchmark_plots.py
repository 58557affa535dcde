# SPDX-License-Identifier: Apache-2.0

"""The curve that a benchmark draws beside its figures."""

import pathlib
import sys

import pytest

from ecrae.migration.optimizer.problem import Problem


BENCHMARKS = pathlib.Path(__file__).parents[2] / 'benchmarks'


@pytest.fixture
def comparison(monkeypatch):
    """The benchmark as a module, with its neighbours in reach."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import watcher_comparison

    yield watcher_comparison
    for name in ('watcher_comparison', 'scenarios'):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ('suffix', 'magic'), [('.png', b'\x89PNG'), ('.svg', b'<?xml')]
)
def test_watts_against_migrations_are_drawn(
    comparison, tmp_path, suffix, magic
):
    kinds = comparison.scenarios.SCENARIOS['four-types']
    problem = Problem.of(comparison.scenarios.cloud(10, 60, kinds, 1))
    points = comparison.curve(problem, 4)
    moved, ratios = zip(*points, strict=True)
    assert moved[0] == 0.0
    assert all(part <= i / 4 for i, part in enumerate(moved))
    # More freedom never ends in more watts, and nothing beats the bound.
    assert min(ratios) >= 1.0 - 1e-9
    assert ratios[-1] < ratios[0]
    path = tmp_path / f'curve{suffix}'
    comparison.plot(str(path), {'it': points}, {'it': (0.5, 1.3)})
    assert path.read_bytes().startswith(magic)
