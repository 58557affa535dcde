# SPDX-License-Identifier: Apache-2.0

"""Two nodes with agents for the whole session; a skip says what lacks."""

import pathlib
import sys

import pytest


sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'tools'))

from testnodes import fleet as fleets
from testnodes import roots


@pytest.fixture(scope='session')
def fleet(tmp_path_factory):
    """Two nodes, ``one`` and ``two``, with agents that answer."""
    scratch = tmp_path_factory.mktemp('fleet')
    try:
        with fleets.running(scratch, 'one', 'two') as found:
            for name in ('one', 'two'):
                found.wait_for_agent(name)
            yield found
    except roots.LacksError as error:
        pytest.skip(str(error))


@pytest.fixture
def one(fleet):
    return fleet.site.nodes['one']


@pytest.fixture
def two(fleet):
    return fleet.site.nodes['two']


@pytest.fixture
def workload(fleet, one):
    """64 MiB on node ``one``."""
    found = fleet.workload(one, 'web', 64)
    yield found
    found.stop()
