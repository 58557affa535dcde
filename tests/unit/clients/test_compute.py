# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.clients import compute
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import HostState
from ecrae.model.cluster import Image
from tests.unit.clients import wire


@pytest.mark.parametrize(
    ('state', 'status', 'expected'),
    [
        ('up', 'enabled', HostState.AWAKE),
        ('up', 'disabled', HostState.DRAINING),
        ('down', 'enabled', HostState.DOWN),
        ('down', 'disabled', HostState.DOWN),
    ],
)
def test_state_of_a_host(cloud, state, status, expected):
    cloud.hosts(wire.hypervisor('alpha', state, status))
    (found,) = compute.list_hypervisors(cloud.connection())
    assert found.state is expected


def test_host_has_its_zone_and_aggregates(cloud):
    cloud.hosts(
        wire.hypervisor('alpha'),
        wire.hypervisor('beta'),
        services=[
            {'host': 'alpha', 'zone': 'north'},
            {'host': 'beta', 'zone': 'nova'},
        ],
        aggregates=[
            {'name': 'ssd', 'hosts': ['beta', 'alpha']},
            {'name': 'gpu', 'hosts': ['alpha']},
        ],
    )
    alpha, beta = compute.list_hypervisors(cloud.connection())
    assert (alpha.zone, alpha.aggregates) == ('north', ('gpu', 'ssd'))
    assert (beta.zone, beta.aggregates) == ('nova', ('ssd',))


def test_number_of_requests_does_not_grow_with_hosts(cloud):
    cloud.hosts(*(wire.hypervisor(f'n{i}') for i in range(200)))
    connection = cloud.connection()
    assert len(compute.list_hypervisors(connection)) == 200
    asked = [r for r in cloud.mock.request_history if 'nova' in r.netloc]
    assert len(asked) == 4
    assert {
        r.headers['OpenStack-API-Version']
        for r in asked
        if 'OpenStack-API-Version' in r.headers
    } == {f'compute {compute.MICROVERSION}'}


def test_flavors_of_every_page_with_extra_specs(cloud):
    cloud.flavors(
        [wire.flavor('small', extra_specs={'hw:x': '1', 'a': 'b'})],
        [wire.flavor('large', vcpus=8)],
    )
    small, large = compute.list_flavors(cloud.connection())
    assert small == Flavor(
        name='small',
        vcpus=2,
        memory_mib=4096,
        disk_gib=20,
        extra_specs=(('a', 'b'), ('hw:x', '1')),
    )
    assert large.vcpus == 8


def test_images_of_every_page_with_properties(cloud):
    cloud.images(
        [
            wire.image(
                'debian',
                architecture='aarch64',
                os_type='linux',
                os_distro='debian',
                os_version='12',
                min_ram=512,
                min_disk=4,
            )
        ],
        [wire.image('plain')],
    )
    debian, plain = compute.list_images(cloud.connection())
    assert debian == Image(
        name='debian',
        architecture='aarch64',
        os_type='linux',
        os_distribution='debian',
        os_version='12',
        min_memory_mib=512,
        min_disk_gib=4,
    )
    assert plain == Image(name='plain')


def test_image_that_cannot_boot_is_left_out(cloud):
    cloud.images([wire.image('half', status='saving')])
    assert compute.list_images(cloud.connection()) == []


def test_images_of_one_name_go_by_id(cloud):
    cloud.images(
        [
            wire.image('debian', id='first'),
            wire.image('debian', id='second'),
            wire.image(None, id='third'),
        ]
    )
    found = compute.list_images(cloud.connection())
    assert [image.name for image in found] == ['first', 'second', 'third']


def test_images_of_another_project_are_left_out(cloud):
    cloud.images(
        [
            wire.image('public'),
            wire.image('mine', visibility='private', owner='project'),
            wire.image('theirs', visibility='private', owner='other'),
        ]
    )
    found = compute.list_images(cloud.connection(), 'project')
    assert [image.name for image in found] == ['public', 'mine']
