# SPDX-License-Identifier: Apache-2.0

"""What the plugins in nova-scheduler and nova-api do on a real cloud."""

import contextlib
import json
import time

import pytest
from openstack import exceptions

from ecrae.kb import hosts
from ecrae.model.cluster import HostState
from tests.cloud.testcloud import REFRESH_S


XEON = 'exact:x86-xeon-8380'


def _plugin_lines(log, begin):
    """Lines of the scheduler's log since then, of the plugins' reading."""
    return [
        line
        for line in log[begin:].splitlines()
        if 'ecrae.scheduler_filters.keeper' in line
    ]


def test_a_draining_host_takes_nobody(database, demo, name):
    with database.writer() as session:
        hosts.set_state(session, 'xeon-1', HostState.DRAINING)
    time.sleep(REFRESH_S)
    try:
        booted = [
            demo.boot_tagged(f'{name}-{i}', 'm1.small', XEON) for i in range(3)
        ]
    finally:
        with database.writer() as session:
            hosts.set_state(session, 'xeon-1', HostState.AWAKE)
        time.sleep(REFRESH_S)

    assert {server.compute_host for server in booted} == {'xeon-2'}


@contextlib.contextmanager
def _rack(admin, name, host, **metadata):
    compute = admin.sdk.compute
    rack = compute.create_aggregate(name=name)
    compute.add_host_to_aggregate(rack.id, host)
    compute.set_aggregate_metadata(rack.id, metadata)
    try:
        yield
    finally:
        compute.remove_host_from_aggregate(rack.id, host)
        compute.delete_aggregate(rack.id)


def test_a_rack_stays_below_its_power_cap(admin, demo, name):
    with _rack(admin, name, 'edge-1', **{'ecrae:power_cap': '1'}):
        capped = demo.boot_tagged(
            f'{name}-1', 'm1.small', 'exact:x86-xeon-e2488-lxc'
        )
    free = demo.boot_tagged(
        f'{name}-2', 'm1.small', 'exact:x86-xeon-e2488-lxc'
    )

    assert capped.status == 'ERROR'
    assert 'No valid host' in capped.fault['message']
    assert (free.status, free.compute_host) == ('ACTIVE', 'edge-1')


def test_a_flavor_sells_hardware_by_its_tag(admin, demo, name):
    compute = admin.sdk.compute
    flavor = compute.create_flavor(name=name, vcpus=1, ram=512, disk=1)
    try:
        with pytest.raises(exceptions.BadRequestException):
            compute.create_flavor_extra_specs(flavor, {'ecrae:tga': XEON})
        with pytest.raises(exceptions.BadRequestException):
            compute.create_flavor_extra_specs(flavor, {'ecrae:tag': 'a b'})
        compute.create_flavor_extra_specs(flavor, {'ecrae:tag': XEON})

        plain = demo.boot(f'{name}-1', name)
        hinted = demo.boot_tagged(
            f'{name}-2', name, 'exact:x86-xeon-e2488-lxc'
        )
    finally:
        compute.delete_flavor(flavor)

    assert plain.compute_host in {'xeon-1', 'xeon-2'}
    assert hinted.compute_host in {'xeon-1', 'xeon-2'}


def test_last_knowledge_serves_while_the_database_is_gone(cloud, demo, name):
    demo.boot_tagged(f'{name}-1', 'm1.small', XEON)
    begin = len(cloud.run('logs', 'nova-scheduler'))

    with cloud.ecrae_locked_out():
        time.sleep(2 * REFRESH_S)
        tagged = demo.boot_tagged(f'{name}-2', 'm1.small', XEON)
    time.sleep(2 * REFRESH_S)
    again = demo.boot_tagged(f'{name}-3', 'm1.small', XEON)

    assert tagged.compute_host in {'xeon-1', 'xeon-2'}
    assert again.compute_host in {'xeon-1', 'xeon-2'}
    lines = _plugin_lines(cloud.run('logs', 'nova-scheduler'), begin)
    workers = len(lines) // 2
    assert len([line for line in lines if 'WARNING' in line]) == workers
    assert len([line for line in lines if 'read again' in line]) == workers


def test_ecrae_status_finds_the_scheduler_in_order(cloud):
    etc = cloud.state / 'etc'
    done = cloud.execute(
        'admin',
        'ecrae-status',
        '--config-file',
        str(etc / 'ecrae/ecrae.conf'),
        '--nova-conf',
        str(etc / 'nova/nova.conf'),
        '--heat-conf',
        str(etc / 'heat/heat.conf'),
        'upgrade',
        'check',
        '--json',
    )
    checks = json.loads(done.stdout.splitlines()[-1])['checks']
    found = {each['check']: each for each in checks}

    for check in ('nova.conf', 'heat.conf', 'Knowledge base', 'Compute hosts'):
        assert found[check]['result'] == 0, found[check]['details']
