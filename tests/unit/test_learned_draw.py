# SPDX-License-Identifier: Apache-2.0

"""What was learned of a tag's draw moves every ranking to the same host.

``steep`` idles low and climbs, ``flat`` idles high and hardly climbs: work
whose busy cores draw more belongs on the flat one.
"""

import dataclasses

import pytest

from ecrae.deployer import selection
from ecrae.deployer.candidates import Component
from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer import objective
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.rebalancer import assembly
from ecrae.model import draw
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Host
from ecrae.model.draw import DrawLesson
from ecrae.model.fleet import FleetServer
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.scheduler_filters import estimate
from ecrae.scheduler_filters.host_table import HostTable
from ecrae.scheduler_filters.requirement import requirement
from tests import hardware
from tests.unit.scheduler_filters.states import State


TYPES = {
    'steep': hardware.node_type('steep', 32, 256),
    'flat': hardware.node_type('flat', 200, 264),
}
FLAVOR = Flavor(name='two', vcpus=2, memory_mib=2048, disk_gib=0)
TAG = Tag(
    name='vectors',
    kind=TagKind.HINT,
    description='',
    targets=tuple(
        TagTarget(
            node_type=node_type,
            flavor=FLAVOR,
            preference=1,
            expected_utilization=1.0,
            expected_memory=0.25,
        )
        for node_type in TYPES.values()
    ),
)
LEARNED = draw.learned(TAG, DrawLesson(servers=3, samples=300, measured=1.5))
HOSTS = [
    Host(
        name=name,
        node_type=node_type,
        vcpus_free=32,
        memory_free_mib=65536,
        disk_free_gib=100,
    )
    for name, node_type in TYPES.items()
]


def _knowledge(tag):
    return Knowledge(
        tags={tag.name: tag},
        node_types=TYPES,
        flavors={FLAVOR.name: FLAVOR},
        hosts={name: KnownHost(name=name, node_type=name) for name in TYPES},
    )


def _deployer(tag):
    component = Component(
        node='n', tag=tag.name, kind=tag.kind, targets=tag.targets
    )
    (decision,) = selection.select([component], Cluster(hosts=(*HOSTS,)), {})
    return decision.chosen.host


def _weigher(tag):
    known = _knowledge(tag)
    table = HostTable(known, set())
    states = [State(name) for name in TYPES]
    asked = requirement(tag.name, FLAVOR.name, None, known)
    weights, _ = estimate.weights(table, states, FLAVOR.vcpus, asked)
    return states[int(weights.argmax())].host


def _snapshot(tag, start):
    servers = [
        FleetServer(
            id=f's{i}',
            name=f's{i}',
            host=start,
            status='ACTIVE',
            task='',
            is_locked=False,
            vcpus=FLAVOR.vcpus,
            memory_mib=FLAVOR.memory_mib,
            disk_gib=0,
            extra_specs={},
            metadata={'ecrae:tag': tag.name},
            flavor=FLAVOR.name,
        )
        for i in range(15)
    ]
    hosts = [
        dataclasses.replace(host, vcpus_free=2) if host.name == start else host
        for host in HOSTS
    ]
    return assembly.snapshot(
        assembly.Seen(
            hosts=hosts,
            servers=servers,
            groups=(),
            agents=(),
            readings=[
                Reading(
                    subject=Subject.INSTANCE,
                    name=server.id,
                    metric=Metric.CPU_CORES_USED,
                    value=2.0,
                    measured_at=0.0,
                    source='test',
                )
                for server in servers
            ],
            knowledge=_knowledge(tag),
            cooling_s={},
        )
    )


def _optimizer(tag):
    """Where a host's worth of them ends up, wherever they start."""
    ends = set()
    for start in TYPES:
        plan = engine.optimize(
            Problem.of(_snapshot(tag, start)), objective.STRATEGIES['energy']
        )
        ends |= {move.destination for move in plan.moves} or {start}
    (end,) = ends
    return end


@pytest.mark.parametrize('ranking', [_deployer, _weigher, _optimizer])
def test_all_rankings_follow_what_was_learned(ranking):
    assert ranking(TAG) == 'steep'
    assert ranking(LEARNED) == 'flat'


def test_a_strategy_that_is_out_for_load_takes_it_as_it_is():
    balance = objective.STRATEGIES['balance']
    plain, learned = (
        engine.optimize(Problem.of(_snapshot(tag, 'steep')), balance)
        for tag in (TAG, LEARNED)
    )
    assert {m.workload for m in plain.moves} == {
        m.workload for m in learned.moves
    }
    assert learned.watts_before > plain.watts_before


def test_memory_that_nothing_measures_is_the_tags():
    for workload in _snapshot(TAG, 'steep').workloads:
        assert workload.memory_used_mib == 512
        assert workload.memory_mib == 2048
