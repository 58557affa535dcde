# SPDX-License-Identifier: Apache-2.0

"""Load of hosts, brought up to now from when it was measured."""

import datetime
import uuid

import pytest

from ecrae.deployer import present
from ecrae.model.cluster import Host
from ecrae.model.decision import CandidateScore
from ecrae.model.decision import ComponentDecision
from ecrae.model.decision import Decision
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import TagKind
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests import hardware
from tests.unit.clients import wire


MEASURED_AT = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
NOW = MEASURED_AT.timestamp() + 120
KNOWN = hardware.knowledge({'a': 'new', 'b': 'new'})


@pytest.fixture
def cloud(requests_mock):
    return wire.WireCloud(requests_mock)


def reading(metric, value, host='a'):
    return Reading(
        subject=Subject.HOST,
        name=host,
        metric=metric,
        value=value,
        measured_at=MEASURED_AT.timestamp(),
        source='test',
    )


def at(seconds):
    """A moment after the measurement, as Nova writes it."""
    moment = MEASURED_AT + datetime.timedelta(seconds=seconds)
    return moment.replace(tzinfo=None).isoformat(timespec='microseconds')


def server(name, launched_s, **facts):
    return wire.server(
        name,
        facts.pop('host', 'a'),
        vcpus=8,
        **{
            'OS-SRV-USG:launched_at': launched_s and at(launched_s),
            **facts,
        },
    )


def decision(seconds, host='a', flavor=hardware.LARGE.name):
    chosen = CandidateScore(node_type='new', flavor=flavor, host=host)
    component = ComponentDecision(
        node='web', tag='web', kind=TagKind.HINT, chosen=chosen, candidates=()
    )
    return Decision(
        id=str(uuid.uuid4()),
        created_at=MEASURED_AT + datetime.timedelta(seconds=seconds),
        source='shop',
        components=(component,),
    )


def hosts(cloud, *readings, decisions=(), estimated=0.0):
    seen = [
        Host(
            name=name,
            node_type=hardware.NODE_TYPES['new'],
            vcpus_free=32,
            memory_free_mib=1024,
            disk_free_gib=10,
            utilization=estimated,
        )
        for name in ('a', 'b')
    ]
    memory = present.Memory(readings, decisions)
    return present.hosts(cloud.connection(), seen, KNOWN, memory, NOW)


#: What 8 vCPUs add to 32 cores.
EACH = 8 * 0.3 / 32


def test_what_was_given_out_since_is_added(cloud):
    cloud.servers(
        server('before', -60),
        server('after', 60),
        server('being made', None, status='BUILD'),
        server('elsewhere', 60, host='b'),
        server('nowhere', None, host=None, status='ERROR'),
    )

    a, b = hosts(cloud, reading(Metric.UTILIZATION, 0.5))

    assert a.utilization == pytest.approx(0.5 + 2 * EACH)
    assert a.utilization_added == pytest.approx(2 * EACH)
    # Nothing is measured of it: what Placement gave out has all in it.
    assert (b.utilization, b.utilization_added) == (0.0, 0.0)


def test_what_came_back_since_is_taken_off(cloud):
    cloud.servers(
        server(
            'gone',
            -600,
            status='DELETED',
            **{'OS-SRV-USG:terminated_at': at(10)},
        ),
        server(
            'came and went',
            10,
            status='DELETED',
            **{'OS-SRV-USG:terminated_at': at(20)},
        ),
    )

    a, _b = hosts(cloud, reading(Metric.UTILIZATION, 0.5))

    assert a.utilization == pytest.approx(0.5 - EACH)


def test_decisions_count_until_their_servers_are_there(cloud):
    begun, pending, old = decision(10), decision(20), decision(-10)
    stays = decision(30, host='')
    cloud.servers(server('web', 15, metadata={'ecrae:decision': begun.id}))

    a, _b = hosts(
        cloud,
        reading(Metric.UTILIZATION, 0.5),
        decisions=(begun, pending, old, stays),
    )

    assert a.utilization == pytest.approx(0.5 + 2 * EACH)


def test_watts_are_compared_with_the_load_they_were_measured_at(cloud):
    """A host is not taken for a thrifty one because it was given work."""
    cloud.servers(server('after', 60))
    curve = hardware.NODE_TYPES['new'].curve

    for load, readings in (
        (0.5, [reading(Metric.UTILIZATION, 0.5)]),
        (0.3 - EACH, []),
    ):
        drawn = reading(Metric.POWER_W, curve.at(load))
        found = hosts(cloud, *readings, drawn, estimated=0.3)
        arrays = HostArrays.of(found)
        assert arrays.curves_w[0] == pytest.approx(curve.power_w)


def test_nothing_measured_asks_nothing(cloud):
    assert hosts(cloud)[0].utilization == 0.0
    assert not cloud.mock.request_history
