# SPDX-License-Identifier: Apache-2.0

"""A real Gnocchi, filled under the names and types Ceilometer uses."""

import time

import gnocchiclient.auth
import gnocchiclient.v1.client
import keystoneauth1.session
import pytest

from ecrae.model import snapshot
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.telemetry import collector
from ecrae.telemetry import gnocchi
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
