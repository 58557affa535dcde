# SPDX-License-Identifier: Apache-2.0

import math

from ecrae.clients import placement
from tests.unit.clients import wire


def test_room_is_capacity_less_use(cloud):
    cloud.rooms(
        {
            'a': wire.summary(
                vcpus=(64, 10), memory_mib=(4096, 1024), disk_gib=(100, 30)
            )
        }
    )
    room = placement.list_rooms(cloud.connection(), ['a'])['a']
    assert room.vcpus_used == 10
    assert room.vcpus_free == 54
    assert room.memory_free_mib == 3072
    assert room.disk_free_gib == 70
    assert room.traits == ('HW_ARCH_X86_64',)


def test_over_allocated_host_has_no_room_rather_than_less(cloud):
    cloud.rooms({'a': wire.summary(vcpus=(4, 9))})
    room = placement.list_rooms(cloud.connection(), ['a'])['a']
    assert room.vcpus_free == 0


def test_dedicated_cpus_count(cloud):
    summary = wire.summary(vcpus=None)
    summary['resources']['PCPU'] = {'capacity': 8, 'used': 2}
    cloud.rooms({'a': summary})
    room = placement.list_rooms(cloud.connection(), ['a'])['a']
    assert (room.vcpus_used, room.vcpus_free) == (2, 6)


def test_host_with_disk_elsewhere_is_not_limited_by_disk(cloud):
    cloud.rooms({'a': wire.summary(disk_gib=None)})
    room = placement.list_rooms(cloud.connection(), ['a'])['a']
    assert room.disk_free_gib == math.inf


def test_one_request_serves_any_number_of_hosts(cloud):
    uuids = [f'u{i}' for i in range(500)]
    cloud.rooms({uuid: wire.summary() for uuid in uuids})
    assert len(placement.list_rooms(cloud.connection(), uuids)) == 500
    asked = [r for r in cloud.mock.request_history if 'placement' in r.netloc]
    assert len([r for r in asked if r.path != '/']) == 1


def test_host_full_to_the_last_mib_is_asked_for(cloud):
    cloud.rooms({})
    base = f'{wire.PLACEMENT}/resource_providers/full'
    inventory = {'reserved': 512, 'allocation_ratio': 1.5, 'total': 1536}
    cloud.mock.get(
        f'{base}/inventories',
        json={
            'inventories': {
                'MEMORY_MB': inventory,
                'VCPU': {'reserved': 0, 'allocation_ratio': 4.0, 'total': 2},
            }
        },
    )
    cloud.mock.get(
        f'{base}/usages', json={'usages': {'MEMORY_MB': 1536, 'VCPU': 5}}
    )
    cloud.mock.get(f'{base}/traits', json={'traits': ['CUSTOM_X']})
    room = placement.list_rooms(cloud.connection(), ['full'])['full']
    assert room.memory_free_mib == 0
    assert (room.vcpus_used, room.vcpus_free) == (5, 3)
    assert room.traits == ('CUSTOM_X',)


def test_host_unknown_to_placement_is_absent(cloud):
    cloud.rooms({})
    cloud.mock.get(
        f'{wire.PLACEMENT}/resource_providers/new/inventories',
        status_code=404,
    )
    assert placement.list_rooms(cloud.connection(), ['new']) == {}
