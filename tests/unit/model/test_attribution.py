# SPDX-License-Identifier: Apache-2.0

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ecrae.model import attribution
from ecrae.model.cluster import Host
from ecrae.model.fleet import FleetServer
from tests import hardware


def test_busy_instance_draws_the_dynamic_part():
    watts = attribution.attribute(
        200, 100, np.array([3.0, 1.0]), np.array([4.0, 4.0])
    )
    assert list(watts) == [50 + 75, 50 + 25]


def test_idle_instances_share_by_what_they_hold():
    watts = attribution.attribute(120, 100, np.zeros(2), np.array([1.0, 3.0]))
    assert list(watts) == [30, 90]


def test_nobody_there():
    assert attribution.attribute(80, 80, np.zeros(0), np.zeros(0)).size == 0


@hypothesis.given(
    st.floats(0, 1000),
    st.floats(0, 1000),
    st.lists(st.tuples(st.floats(0, 64), st.integers(1, 64)), min_size=1),
)
def test_parts_add_up_and_none_is_negative(power_w, idle_w, instances):
    used, vcpus = np.array(instances, dtype=float).T
    watts = attribution.attribute(power_w, idle_w, used, vcpus)
    assert watts.sum() == pytest.approx(power_w)
    assert (watts >= 0).all()


def _host(name, **facts):
    return Host(
        name=name,
        node_type=hardware.NODE_TYPES['new'],
        vcpus_free=0,
        memory_free_mib=0,
        disk_free_gib=0,
        **facts,
    )


def _server(name, host, vcpus=2):
    return FleetServer(
        id=name,
        name=name,
        host=host,
        status='ACTIVE',
        task='',
        is_locked=False,
        vcpus=vcpus,
        memory_mib=1024,
        disk_gib=1,
        extra_specs={},
        metadata={},
    )


def test_servers_of_a_host_share_its_watts():
    hosts = [_host('a', power_w=160.0), _host('b', utilization=0.5)]
    servers = [_server('x', 'a'), _server('y', 'a', 6), _server('z', 'b')]

    parts = attribution.of_servers(
        [*hosts, _host('empty')],
        [*servers, _server('stray', 'elsewhere')],
        {'x': 3.0, 'y': 1.0},
    )

    found = {part.server.name: part for part in parts}
    # 60 W idle by vCPUs, 100 W by cores.
    assert found['x'].power_w == pytest.approx(15 + 75)
    assert found['y'].power_w == pytest.approx(45 + 25)
    assert found['x'].share + found['y'].share == pytest.approx(1.0)
    # Nothing is measured: the curve's watts, all its own.
    assert found['z'].power_w == pytest.approx(160.0)
    assert found['z'].cores_used == pytest.approx(0.6)
    assert not found['z'].is_power_measured
    assert set(found) == {'x', 'y', 'z'}
