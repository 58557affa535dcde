# SPDX-License-Identifier: Apache-2.0

"""What is seen of a cloud that is its HTTP answers and a knowledge base."""

import dataclasses
import datetime
import re

import pytest

from ecrae import exception
from ecrae.kb import agents
from ecrae.kb import catalogue
from ecrae.kb import knowledge
from ecrae.kb import readings
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.migration.rebalancer.observer import Observer
from ecrae.migration.rebalancer.observer import Patience
from ecrae.model.agent import Agent
from ecrae.model.knowledge import KnownHost
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests.unit.clients import wire


NOW = datetime.datetime(2026, 11, 18, 12, tzinfo=datetime.UTC)
XEON = 'x86-xeon-8380'


def _server(name, host, **facts):
    return {
        'id': name,
        'name': name,
        'status': 'ACTIVE',
        'OS-EXT-SRV-ATTR:host': host,
        'OS-EXT-STS:task_state': None,
        'locked': False,
        'metadata': {},
        'flavor': {
            'original_name': 'm1.small',
            'vcpus': 2,
            'ram': 4096,
            'disk': 20,
            'ephemeral': 5,
            'extra_specs': {},
        },
        **facts,
    }


class Seen:
    """Answers of Nova and Placement, and what the knowledge base holds."""

    def __init__(self, requests_mock, tmp_path):
        self.cloud = wire.WireCloud(requests_mock)
        self.database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
        schema.upgrade(self.database)
        names = ('h1', 'h2')
        with self.database.writer() as session:
            known = dataclasses.replace(
                catalogue.load(),
                hosts={
                    name: KnownHost(name=name, node_type=XEON)
                    for name in names
                },
            )
            knowledge.store(session, knowledge.load(session), known)
        self.cloud.rooms(
            {
                f'uuid-{name}': wire.summary(
                    vcpus=(100, 10), memory_mib=(50_000, 20_000)
                )
                for name in names
            }
        )
        self.answer([], [])

    def answer(self, servers, groups):
        """What Nova says at the next look."""
        mock = self.cloud.mock
        self.cloud.hosts(*map(wire.hypervisor, ('h1', 'h2', 'stranger')))
        mock.get(
            re.compile(f'{wire.NOVA}/servers/detail'),
            [{'json': {'servers': servers}}, {'json': {'servers': []}}],
        )
        mock.get(
            re.compile(f'{wire.NOVA}/os-server-groups'),
            [
                {'json': {'server_groups': groups}},
                {'json': {'server_groups': []}},
            ],
        )

    def measure(self, name, metric, value, age_s=10.0):
        with self.database.writer() as session:
            readings.replace_all(
                session,
                [
                    Reading(
                        subject=Subject.INSTANCE,
                        name=name,
                        metric=metric,
                        value=value,
                        measured_at=NOW.timestamp() - age_s,
                        source='test',
                    )
                ],
            )

    def look(self):
        return Observer(
            self.cloud.connection(),
            self.database,
            Patience(),
            clock=NOW.timestamp,
        ).look()

    def workloads(self):
        return {each.id: each for each in self.look().snapshot.workloads}


@pytest.fixture
def seen(requests_mock, tmp_path):
    return Seen(requests_mock, tmp_path)


def test_capacity_is_what_placement_gives_to_these_servers(seen):
    seen.answer([_server('a', 'h1'), _server('b', 'h1')], [])
    host = next(h for h in seen.look().snapshot.hosts if h.name == 'h1')
    # 100 vCPUs, 10 of them taken, of which 4 by the two servers.
    assert host.vcpus * host.cpu_allocation_ratio == pytest.approx(94)
    assert host.memory_mib == 30_000 + 2 * 4096


def test_a_host_that_the_knowledge_base_lacks_takes_no_part(seen):
    seen.answer([_server('a', 'stranger')], [])
    view = seen.look()
    assert {host.name for host in view.snapshot.hosts} == {'h1', 'h2'}
    assert view.snapshot.workloads == ()


@pytest.mark.parametrize(
    'facts',
    [
        {'status': 'SHUTOFF'},
        {'status': 'VERIFY_RESIZE'},
        {'OS-EXT-STS:task_state': 'migrating'},
        {'locked': True},
        {'metadata': {'ecrae:pinned': 'true'}},
        {'metadata': {'ecrae:pinned': '1'}},
    ],
)
def test_what_cannot_or_must_not_move_stays(seen, facts):
    seen.answer([_server('a', 'h1', **facts), _server('b', 'h1')], [])
    found = seen.workloads()
    assert (found['a'].pinned, found['b'].pinned) == (True, False)


@pytest.mark.parametrize(
    'spec',
    [
        'pci_passthrough:alias',
        'resources:VGPU',
        'resources1:PGPU',
        'accel:device_profile',
        'ecrae:pinned',
    ],
)
def test_what_a_flavor_binds_to_its_host_stays(seen, spec):
    server = _server('a', 'h1')
    server['flavor']['extra_specs'] = {spec: '1'}
    seen.answer([server], [])
    assert seen.workloads()['a'].pinned


def test_groups_bind_and_soft_affinity_does_not(seen):
    policies = ('affinity', 'anti-affinity', 'soft-anti-affinity')
    names = (*policies, 'soft-affinity', 'none')
    groups = [
        {'id': f'g-{name}', 'policy': name, 'members': [name], 'rules': {}}
        for name in names[:-1]
    ]
    seen.answer([_server(name, 'h1') for name in names], groups)
    found = seen.workloads()
    bonds = {
        name: (each.affinity_group, each.anti_affinity_group)
        for name, each in found.items()
    }
    assert bonds == {
        'affinity': ('g-affinity', ''),
        'anti-affinity': ('', 'g-anti-affinity'),
        'soft-anti-affinity': ('', 'g-soft-anti-affinity'),
        'soft-affinity': ('', ''),
        'none': ('', ''),
    }


def test_a_tag_limits_the_hardware(seen):
    tags = {'hint': 'web-frontend', 'exact': f'exact:{XEON}', 'odd': 'none'}
    seen.answer(
        [
            _server(name, 'h1', metadata={'ecrae:tag': tag})
            for name, tag in tags.items()
        ],
        [],
    )
    found = seen.workloads()
    assert len(found['hint'].node_types) > 1
    assert found['exact'].node_types == {XEON}
    assert found['odd'].node_types == frozenset()


def test_measured_use_counts_and_stale_use_does_not(seen):
    seen.answer([_server('a', 'h1'), _server('b', 'h1')], [])
    seen.measure('a', Metric.CPU_CORES_USED, 1.7)
    view = seen.look()
    assert (view.n_servers, view.n_measured) == (2, 1)
    found = {each.id: each for each in view.snapshot.workloads}
    assert found['a'].cpu_cores_used == 1.7
    estimate = found['b'].cpu_cores_used

    seen.answer([_server('a', 'h1'), _server('b', 'h1')], [])
    seen.measure('a', Metric.CPU_CORES_USED, 1.7, age_s=601.0)
    view = seen.look()
    assert (view.n_measured, view.reading_age_s) == (0, 601.0)
    assert view.snapshot.workloads[0].cpu_cores_used == estimate


def test_servers_that_something_is_done_with_are_counted(seen):
    busy = {'OS-EXT-STS:task_state': 'spawning', 'status': 'BUILD'}
    seen.answer([_server('a', 'h1', **busy), _server('b', 'h2')], [])
    assert seen.look().n_in_flux == 1


def test_containers_go_only_where_an_agent_drives_their_like(seen):
    workload = {
        'name': 'lxd:web',
        'is_running': True,
        'memory_mib': 300.0,
        'cpu_s': 1.0,
    }
    drivers = {'h1': ('lxd', [workload]), 'h2': ('criu', [])}
    with seen.database.writer() as session:
        for name, (driver, workloads) in drivers.items():
            agents.record(
                session,
                Agent(
                    hostname=name,
                    capabilities={
                        'drivers': {driver: {}},
                        'workloads': workloads,
                    },
                    started_at=NOW,
                    heartbeat_at=NOW,
                ),
            )
    view = seen.look()
    (found,) = view.snapshot.workloads
    assert (found.id, found.host, found.memory_mib) == ('lxd:web', 'h1', 300.0)
    able = {
        host.name
        for host in view.snapshot.hosts
        if found.required_traits <= host.traits
    }
    assert able == {'h1'}


def test_a_source_that_is_down_ends_the_look(seen):
    seen.cloud.mock.get(
        re.compile(f'{wire.NOVA}/os-server-groups'), status_code=503
    )
    with pytest.raises(exception.CloudError, match='server groups'):
        seen.look()
