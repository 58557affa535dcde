# SPDX-License-Identifier: Apache-2.0

"""A real Gnocchi, filled under the names and types Ceilometer uses."""

import time

import gnocchiclient.auth
import gnocchiclient.v1.client
import keystoneauth1.session
import numpy as np
import pytest

from ecrae.kb import catalogue
from ecrae.model import snapshot
from ecrae.model.cluster import Host
from ecrae.model.fleet import FleetServer
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.simulator import cloud_history
from ecrae.simulator import comparison
from ecrae.simulator.policy import Rules
from ecrae.telemetry import collector
from ecrae.telemetry import gnocchi
from ecrae.telemetry import history
from tests.telemetry.publisher import Publisher


GRANULARITY_S = 60
VCPU_BUSY = 1.5


@pytest.fixture(scope='module')
def session(gnocchi_url):
    return keystoneauth1.session.Session(
        gnocchiclient.auth.GnocchiBasicPlugin('admin', gnocchi_url)
    )


@pytest.fixture(scope='module')
def publisher(session):
    return Publisher(gnocchiclient.v1.client.Client(session), GRANULARITY_S)


@pytest.fixture(scope='module')
def published(publisher):
    """Two hosts and an instance, measured for the last ten minutes."""
    now = time.time()
    minutes = [now - 60 * k for k in range(10, 0, -1)]
    for host, percent, power_w in (
        ('arm-1', 20.0, 90.0),
        ('x86-1', 70.0, 310.0),
    ):
        publisher.host_cpu(host, [(at, percent) for at in minutes])
        publisher.host_power(host, [(at, power_w) for at in minutes])
    return publisher.instance_cpu(
        [
            (at, (at - minutes[0]) * VCPU_BUSY * gnocchi.NANOSECONDS)
            for at in minutes
        ]
    )


@pytest.fixture(scope='module')
def source(session, published):
    source = gnocchi.GnocchiSource(
        session, granularity_s=GRANULARITY_S, window_s=900
    )
    deadline = time.monotonic() + 90
    # metricd works in the background: two hosts with two meters, one cpu.
    while len(source.latest(time.time())) < 5:
        assert time.monotonic() < deadline, 'metricd processed nothing'
        time.sleep(1)
    return source


def test_snapshot_of_the_cloud(source, published):
    many = collector.Collector(
        [source], dict.fromkeys(Metric, ('gnocchi',)), timeout_s=30
    )
    taken = many.collect(snapshot.Limits(max_age_s=900))
    assert many.failures == {}
    assert taken.hosts.value('arm-1', Metric.UTILIZATION) == 0.2
    assert taken.hosts.value('x86-1', Metric.POWER_W) == 310
    assert taken.instances.value(
        published, Metric.CPU_CORES_USED
    ) == pytest.approx(VCPU_BUSY, rel=0.05)


def test_history_of_a_host(source):
    now = time.time()
    history = source.history(Subject.HOST, Metric.POWER_W, now - 900, now)
    assert {r.value for r in history if r.name == 'arm-1'} == {90}
    assert len([r for r in history if r.name == 'arm-1']) >= 8


def test_two_hosts_of_one_name_in_two_cells(source, publisher, caplog):
    now = time.time()
    publisher.host_cpu(
        'x86-1',
        [(now - 60, 5.0), (now - 120, 5.0)],
        resource='cell2:x86-1_x86-1',
    )
    many = collector.Collector(
        [source], dict.fromkeys(Metric, ('gnocchi',)), timeout_s=30
    )
    deadline = time.monotonic() + 60
    while not many.rejected:
        assert time.monotonic() < deadline, 'the second host never showed'
        taken = many.collect(snapshot.Limits(max_age_s=900))
        time.sleep(1)
    assert taken.hosts.value('x86-1', Metric.UTILIZATION) is None
    assert taken.hosts.value('arm-1', Metric.UTILIZATION) == 0.2
    (line,) = caplog.messages
    assert 'two of one name' in line
    assert 'x86-1' in line


def test_what_gnocchi_remembers_is_replayed_under_other_policies(
    source, published
):
    """An operator sees the saving before switching anything on."""
    now = time.time()
    series = history.History(
        [source],
        {Metric.CPU_CORES_USED: ('gnocchi',)},
        now - 900,
        now,
        snapshot.Limits(max_age_s=900),
    ).read(Subject.INSTANCE, Metric.CPU_CORES_USED)
    kinds = catalogue.load().node_types
    scenario = comparison.Scenario(
        trace=cloud_history.trace(
            [fleet_server(published)], series, now - 900, now, GRANULARITY_S
        ),
        fleet=cloud_history.fleet(
            [
                Host(
                    name=name,
                    node_type=kinds[kind],
                    vcpus_free=64,
                    memory_free_mib=65536,
                    disk_free_gib=900,
                )
                for name, kind in (
                    ('arm-1', 'arm-altra-q80'),
                    ('x86-1', 'x86-xeon-8380'),
                )
            ]
        ),
        rules=Rules(cpu_allocation_ratio=4.0),
    )
    present = scenario.trace.demand_cpu[scenario.trace.demand_cpu > 0]
    assert present == pytest.approx(np.full(len(present), VCPU_BUSY))
    none, ecrae = comparison.run(scenario, ['none', 'ecrae'])
    assert scenario.bound_kwh() <= ecrae.outcome.energy_kwh
    assert ecrae.outcome.energy_kwh < none.outcome.energy_kwh


def fleet_server(identifier):
    return FleetServer(
        id=identifier,
        name='web',
        host='x86-1',
        status='ACTIVE',
        task='',
        is_locked=False,
        vcpus=2,
        memory_mib=4096,
        disk_gib=20,
        extra_specs={},
        metadata={},
    )
