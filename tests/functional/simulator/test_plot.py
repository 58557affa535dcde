# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.simulator import engine
from ecrae.simulator import plot
from tests.unit.simulator import worlds
from tests.unit.simulator.worlds import Script


@pytest.mark.parametrize(
    ('suffix', 'magic'), [('.png', b'\x89PNG'), ('.svg', b'<?xml')]
)
def test_plot_is_written(tmp_path, suffix, magic):
    path = tmp_path / f'saving{suffix}'
    plot.check(path)
    outcome = engine.run(
        worlds.trace([500, 500, 500]),
        worlds.fleet(2),
        Script([0], {1: [(0, 1)]}),
    )
    plot.write(path, {'one': outcome, 'other': outcome}, 3600.0)
    assert path.read_bytes().startswith(magic)
