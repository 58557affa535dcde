# SPDX-License-Identifier: Apache-2.0

import textwrap

import pytest

from ecrae import exception
from ecrae.deployer import inventory
from ecrae.kb import catalogue
from ecrae.model.cluster import HostState
from tests.unit.deployer import world


def _read(text):
    return inventory.read(
        'ecrae_inventory: 1\n' + textwrap.dedent(text),
        'cloud.yaml',
        world.knowledge(),
    )


def test_what_is_used_is_taken_off_what_the_node_type_has():
    cluster = _read("""
    hosts:
    - {name: h, node_type: plain, vcpus_used: 8, memory_used_mib: 1024,
       disk_used_gib: 10, utilization: 0.5, state: asleep}
    """)

    (host,) = cluster.hosts
    assert (host.vcpus_free, host.memory_free_mib, host.disk_free_gib) == (
        24,
        130048,
        990,
    )
    assert host.utilization == 0.5
    assert host.state is HostState.ASLEEP
    assert {flavor.name for flavor in cluster.flavors} == {'small', 'large'}


def test_a_count_names_equal_hosts():
    cluster = _read("""
    hosts: [{name: h, node_type: plain, count: 3, vcpus_used: 16}]
    """)

    assert [host.name for host in cluster.hosts] == ['h-1', 'h-2', 'h-3']
    assert 0 < cluster.hosts[0].utilization < 0.5


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('hosts: 3', 'line 2: hosts: 3 is not of type'),
        ('hosts: [{name: h}]', "'node_type' is a required property"),
        (
            'hosts: [{name: h, node_type: plan}]',
            'line 2: host h: no node type named plan; valid are arm, plain',
        ),
        (
            'hosts:\n'
            '- {name: h-1, node_type: plain}\n'
            '- {name: h, node_type: plain, count: 2}',
            'line 4: host h-1 stands twice',
        ),
        (
            'hosts: [{name: h, node_type: plain, utilisation: 1}]',
            'utilisation',
        ),
        ('hosts: []\nhosts: []', 'line 3: hosts stands twice'),
        (
            'hosts:\n- {name: a, node_type: plain, count: 99999}\n'
            '- {name: b, node_type: plain, count: 99999}\n',
            'more than 100000 hosts',
        ),
    ],
)
def test_faults_are_named_with_their_line(text, message):
    with pytest.raises(exception.InputError, match=message):
        _read(text)


def test_the_example_has_hosts_for_every_tag_of_the_catalogue():
    known = catalogue.load()
    cluster = inventory.builtin(known)

    there = {
        host.node_type.name
        for host in cluster.hosts
        if host.state is HostState.AWAKE
    }
    for tag in known.tags.values():
        assert there & {target.node_type.name for target in tag.targets}
    architectures = {image.architecture for image in cluster.images}
    assert {host.node_type.architecture for host in cluster.hosts} <= (
        architectures
    )
