# SPDX-License-Identifier: Apache-2.0

import logging

import pytest

from ecrae import exception
from ecrae.clients import observation
from ecrae.model import load
from ecrae.model import power
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from tests.unit.clients import wire


BOX = NodeType(
    name='box',
    architecture='x86_64',
    cpu='any',
    cores=10,
    threads=20,
    memory_mib=65536,
    disk_gib=500,
    hypervisor_type='qemu',
    curve=power.linear(50, 100),
)


def _knowledge(**states):
    return Knowledge(
        tags={},
        node_types={'box': BOX},
        flavors={},
        hosts={
            name: KnownHost(name=name, node_type='box', state=state)
            for name, state in states.items()
        },
    )


@pytest.fixture(autouse=True)
def fresh_complaints(monkeypatch):
    monkeypatch.setattr(observation, '_skipped', set())


def test_host_joins_nova_placement_and_knowledge(cloud):
    cloud.hosts(wire.hypervisor('alpha'))
    cloud.rooms({'uuid-alpha': wire.summary(vcpus=(40, 5))})
    cloud.flavors([wire.flavor('small')])
    cloud.images([wire.image('debian')])
    cluster = observation.observe(
        cloud.connection(), _knowledge(alpha=HostState.AWAKE)
    )
    (host,) = cluster.hosts
    assert (host.name, host.node_type) == ('alpha', BOX)
    assert host.vcpus_free == 35
    assert host.utilization == pytest.approx(
        5 * load.DEFAULT_BUSY_FRACTION / 10
    )
    assert [flavor.name for flavor in cluster.flavors] == ['small']
    assert [image.name for image in cluster.images] == ['debian']


def test_host_known_by_its_hypervisor_hostname(cloud):
    cloud.hosts(wire.hypervisor('alpha'))
    cloud.rooms({'uuid-alpha': wire.summary()})
    (host,) = observation.observe_hosts(
        cloud.connection(),
        _knowledge(**{'alpha.example.org': HostState.AWAKE}),
    )
    assert host.name == 'alpha'


@pytest.mark.parametrize(
    ('nova', 'remembered', 'expected'),
    [
        (('up', 'enabled'), HostState.AWAKE, HostState.AWAKE),
        (('down', 'enabled'), HostState.AWAKE, HostState.DOWN),
        (('up', 'disabled'), HostState.AWAKE, HostState.DRAINING),
        (('down', 'disabled'), HostState.ASLEEP, HostState.ASLEEP),
        (('up', 'enabled'), HostState.ASLEEP, HostState.AWAKE),
        (('up', 'enabled'), HostState.DRAINING, HostState.DRAINING),
        (('down', 'enabled'), HostState.DRAINING, HostState.DOWN),
    ],
)
def test_state_that_nova_sees_and_state_that_is_remembered(
    cloud, nova, remembered, expected
):
    cloud.hosts(wire.hypervisor('alpha', *nova))
    cloud.rooms({'uuid-alpha': wire.summary()})
    (host,) = observation.observe_hosts(
        cloud.connection(), _knowledge(alpha=remembered)
    )
    assert host.state is expected


def test_unknown_host_is_skipped_and_said_once(cloud, caplog):
    for _ in range(2):
        cloud.hosts(wire.hypervisor('stranger'))
        cloud.rooms({'uuid-stranger': wire.summary()})
        with caplog.at_level(logging.WARNING):
            found = observation.observe_hosts(cloud.connection(), _knowledge())
        assert found == []
    assert caplog.text.count('stranger') == 1


def test_two_hosts_of_one_name_in_two_cells_are_skipped_and_said_once(
    cloud, caplog
):
    twins = [
        {**wire.hypervisor('twin'), 'id': f'uuid-{cell}'} for cell in '12'
    ]
    for _ in range(2):
        cloud.hosts(*twins, wire.hypervisor('alpha'))
        cloud.rooms(
            {f'uuid-{name}': wire.summary() for name in ('1', '2', 'alpha')}
        )
        with caplog.at_level(logging.WARNING):
            found = observation.observe_hosts(
                cloud.connection(),
                _knowledge(twin=HostState.AWAKE, alpha=HostState.AWAKE),
            )
        assert [host.name for host in found] == ['alpha']
    (line,) = caplog.messages
    assert 'twin' in line
    assert 'different cells' in line


def test_tenant_is_told_that_hosts_are_not_his_to_see(cloud):
    cloud.mock.get(
        f'{wire.NOVA}/os-hypervisors/detail', status_code=403, json={}
    )
    with pytest.raises(exception.Forbidden, match='list hypervisors'):
        observation.observe_hosts(cloud.connection(), _knowledge())
