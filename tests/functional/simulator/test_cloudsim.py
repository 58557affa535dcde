# SPDX-License-Identifier: Apache-2.0

"""CloudSim's own policies cost here what CloudSim 3.0.3 says they cost."""

import pathlib

import pytest

from ecrae.simulator import csv_trace
from ecrae.simulator import engine
from ecrae.simulator import planetlab
from ecrae.simulator.policies import mmt
from ecrae.simulator.policies import static


DAY = (
    pathlib.Path(__file__).parents[3]
    / 'benchmarks/data/planetlab/20110303.csv.gz'
)


@pytest.fixture(scope='module')
def day():
    return planetlab.scenario(csv_trace.read(DAY), ends_idle=True)


@pytest.mark.parametrize(
    ('policy', 'kwh', 'migrations', 'slatah', 'within'),
    [
        # Measured with CloudSim 3.0.3; benchmarks/data.
        (static.Placement(static.first_fit), 802.75, 0, 0.0, 0.001),
        (mmt.thr_mmt(0.8), 192.62, 26711, 0.0491, 0.03),
        (mmt.lr_mmt(1.2), 163.48, 27859, 0.0586, 0.03),
    ],
    ids=['dvfs', 'thr-mmt', 'lr-mmt'],
)
def test_cloudsim_is_reproduced(day, policy, kwh, migrations, slatah, within):
    outcome = engine.run(
        day.trace,
        day.fleet,
        policy,
        day.rules,
        metered_from=day.metered_from,
    )
    assert outcome.energy_kwh == pytest.approx(kwh, rel=within)
    assert outcome.migrations == pytest.approx(migrations, rel=within)
    assert outcome.slatah == pytest.approx(slatah, rel=within)
