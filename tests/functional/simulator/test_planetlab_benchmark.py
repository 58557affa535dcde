# SPDX-License-Identifier: Apache-2.0

"""What scripts read from ``benchmarks/planetlab TRACE --json``."""

import json
import pathlib
import subprocess
import sys

import pytest


TOP = pathlib.Path(__file__).parents[3]
EXCERPT = TOP / 'tests/data/planetlab/excerpt.csv'


@pytest.mark.parametrize('policy', ['lr-mmt', 'ecrae'])
def test_one_policy_is_an_object_of_figures(policy):
    done = subprocess.run(
        [
            *(sys.executable, str(TOP / 'benchmarks/planetlab')),
            *(str(EXCERPT), '--policy', policy, '--json'),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = json.loads(done.stdout)
    assert found['kwh'] >= found['bound_kwh'] > 0
    assert isinstance(found['migrations'], int)
    assert found['slav'] == pytest.approx(found['slatah'] * found['pdm'])
    assert 0 <= found['slatah'] <= 1
    assert found['seconds'] > 0
