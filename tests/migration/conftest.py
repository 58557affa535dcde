# SPDX-License-Identifier: Apache-2.0

"""Nodes with agents; where a machine lacks something, a skip says what."""

import pathlib
import sys
from concurrent import futures

import pytest


sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'tools'))

from testnodes import containers
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


@pytest.fixture(scope='class')
def daemons(request, tmp_path_factory):
    """Two daemons with agents: of the class's kind, else two of Incus."""
    kind = getattr(request.cls, 'kind', containers.INCUS)
    is_cluster = getattr(request.cls, 'is_cluster', False)
    scratch = tmp_path_factory.mktemp(kind.name)
    try:
        with fleets.running(
            scratch,
            'one',
            'two',
            packages=kind.packages,
            drivers=kind.name,
        ) as fleet:
            image = scratch / 'image.tar.xz'
            containers.make_image(image, fleet.site.tree)
            found = {
                name: containers.Daemon(node, kind)
                for name, node in fleet.site.nodes.items()
            }
            one, two = found.values()
            if is_cluster:
                one.start(image)
                one.start_cluster(two)
            else:
                with futures.ThreadPoolExecutor() as pool:
                    started = pool.map(
                        lambda daemon: daemon.start(image), (one, two)
                    )
                    # Whatever one of them lacks is raised here.
                    list(started)
            for name in found:
                fleet.wait_for_agent(name)
            yield fleet, one, two
    except roots.LacksError as error:
        pytest.skip(str(error))


@pytest.fixture
def counter(daemons):
    """A container that counts, on node ``one``."""
    _, one, two = daemons
    one.launch()
    yield containers.NAME
    for daemon in (one, two):
        daemon.delete()
