# SPDX-License-Identifier: Apache-2.0

import dataclasses

import numpy as np
import pytest

from ecrae.kb import catalogue
from ecrae.model import host_arrays
from ecrae.model import ranking
from ecrae.model.cluster import Host
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import KnownHost
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.model.tariff import Tariff
from ecrae.scheduler_filters import estimate
from ecrae.scheduler_filters.host_table import HostTable
from ecrae.scheduler_filters.requirement import requirement
from tests import hardware
from tests.unit.scheduler_filters.states import State


KNOWN = hardware.knowledge({'n': 'new', 'a': 'arm', 'o': 'old'})
STATES = [State('n'), State('a', vcpus_used=8), State('o'), State('strange')]


@dataclasses.dataclass
class Aggregate:
    metadata: dict


def _estimate(asked, vcpus=2):
    table = HostTable(KNOWN, set())
    return estimate.estimate(table, table.locate(STATES), STATES, vcpus, asked)


def test_same_answer_as_the_deployers():
    found = _estimate(requirement('web', 'web.small', None, KNOWN))

    hosts = HostArrays.of(
        [
            Host(
                name=state.host,
                node_type=hardware.NODE_TYPES[kind],
                vcpus_free=0,
                memory_free_mib=0,
                disk_free_gib=0,
                utilization=state.vcpus_used * 0.3 / 32,
            )
            for state, kind in zip(STATES, ('new', 'arm', 'old'), strict=False)
        ]
    )
    expected = ranking.marginal(hosts, 2, 0.5, np.array([1.0, 0.8, 1.0]))
    assert found.marginal.power_w[:3].tolist() == pytest.approx(
        expected.power_w.tolist()
    )
    assert found.marginal.efficiency[:3].tolist() == pytest.approx(
        expected.efficiency.tolist()
    )
    assert found.marginal.merit[:3].tolist() == pytest.approx(
        expected.merit.tolist()
    )
    assert found.preference[:2].tolist() == [2, 1]


def test_same_answer_as_the_deployers_where_boards_are_used():
    """Load of boards as telemetry has it, of hosts of two kinds."""
    known = catalogue.load()
    types = ('x86-epyc-7763-a100', 'x86-epyc-9654-l4', 'x86-epyc-9754')
    hosts = {f'h{i}': KnownHost(name=f'h{i}', node_type=types[i % 3])
             for i in range(6)}  # fmt: skip
    known = dataclasses.replace(known, hosts=hosts)
    busy = {name: i / 8 for i, name in enumerate(hosts)}
    readings = [
        Reading(
            subject=Subject.HOST,
            name=name,
            metric=metric,
            value=value,
            measured_at=0.0,
            source='test',
        )
        for name, load in busy.items()
        for metric, value in (
            (Metric.ACCELERATOR_UTILIZATION, load),
            (Metric.POWER_W, 600.0),
        )
    ]
    table = HostTable(known, set(), readings, now=1.0, max_age_s=10.0)
    states = [State(name) for name in hosts]
    asked = requirement('gpu', 'ecrae.gpu.large', None, known)
    found = estimate.estimate(table, table.locate(states), states, 8, asked)

    seen = [
        Host(
            name=name,
            node_type=known.node_types[host.node_type],
            vcpus_free=0,
            memory_free_mib=0,
            disk_free_gib=0,
            power_w=600.0,
            accelerator_utilization=busy[name],
        )
        for name, host in hosts.items()
    ]
    assert host_arrays.draw_w(found.hosts) == pytest.approx(
        host_arrays.draw_w(HostArrays.of(seen))
    )
    for place, host in enumerate(seen):
        target = asked.targets.get(host.node_type.name)
        if target is None:
            continue
        expected = ranking.marginal_of(HostArrays.of([host]), target)
        for column in ('power_w', 'accelerator_w', 'charged_w', 'merit'):
            assert getattr(found.marginal, column)[place] == pytest.approx(
                getattr(expected, column)[0]
            ), (host.name, column)


def test_same_tariff_as_the_deployers():
    tariff = Tariff(
        carbon_g_per_kwh={'hydro': 30.0, 'coal': 900.0},
        carbon_weight=0.7,
        standing_share=0.5,
        wake_share=0.3,
    )
    zones = {'n': 'coal', 'a': 'hydro', 'o': 'nova'}
    states = [
        State(name, aggregates=(Aggregate({'availability_zone': zone}),))
        for name, zone in zones.items()
        if zone != 'nova'
    ]
    states.append(State('o', aggregates=(Aggregate({'rack': '7'}),)))
    table = HostTable(KNOWN, set(), tariff=tariff)
    found = estimate.estimate(table, table.locate(states), states, 2, None)

    hosts = HostArrays.of(
        [
            Host(
                name=name,
                node_type=hardware.NODE_TYPES[KNOWN.hosts[name].node_type],
                vcpus_free=0,
                memory_free_mib=0,
                disk_free_gib=0,
                zone=zone,
            )
            for name, zone in zones.items()
        ],
        tariff,
    )
    expected = ranking.marginal(hosts, 2, 0.3, 1.0)
    assert found.marginal.merit == pytest.approx(expected.merit)


def test_server_without_a_tag_is_taken_for_an_average_one():
    found = _estimate(None)

    # 2 vCPUs, 0.3 busy, of 32 cores; 200 W from idle to busy.
    assert found.marginal.power_w[0] == pytest.approx(2 * 0.3 / 32 * 200)


def test_unknown_host_breaks_nothing():
    assert np.isfinite(_estimate(None).marginal.efficiency).all()
