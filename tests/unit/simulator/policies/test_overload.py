# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from ecrae.simulator.policies import overload
from tests.unit.simulator import worlds


def _is_over(detector, histories, host_of=None):
    fleet = worlds.fleet(1)
    world = worlds.world(fleet, histories, [0] * len(histories))
    feature, span = detector.features(world)
    return bool(
        detector.is_over(
            fleet,
            world.on_hosts(world.demand_cpu),
            world.on_hosts(feature),
            np.array([span.max()]),
        )[0]
    )


@pytest.mark.parametrize(('demand', 'is_over'), [(400, False), (401, True)])
def test_static_threshold(demand, is_over):
    detector = overload.StaticThreshold(0.8)
    assert _is_over(detector, [[demand], [400]]) is is_over


def test_regression_extends_the_line_by_one_sample():
    rising = [0, *np.arange(300, 800, 50)]
    world = worlds.world(worlds.fleet(1), [rising], [0])
    estimate, span = overload.LocalRegression(1.2, 0.7).features(world)
    assert estimate.tolist() == pytest.approx([800])
    assert span.tolist() == [10]
    line = np.polynomial.Polynomial.fit(np.arange(10), rising[1:], 1)
    assert estimate[0] == pytest.approx(line(10))


@pytest.mark.parametrize(('top', 'is_over'), [(830, False), (840, True)])
def test_regression_with_safety(top, is_over):
    detector = overload.LocalRegression(1.2, 0.7)
    assert _is_over(detector, [[0] + [top] * 10]) is is_over


def test_short_history_falls_back_to_a_threshold():
    detector = overload.LocalRegression(1.2, 0.7)
    assert _is_over(detector, [[0] + [710] * 9])
    assert not _is_over(detector, [[0] + [690] * 9])
    # Zeros at the far end are no history.
    assert _is_over(detector, [[0, 0, 0] + [710] * 9])
