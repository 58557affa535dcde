# SPDX-License-Identifier: Apache-2.0

"""The cloud itself does what an OpenStack does."""

from tests.cloud import testcloud


PLAIN = {
    'heat_template_version': '2021-04-16',
    'resources': {
        'script': {
            'type': 'OS::Heat::SoftwareConfig',
            'properties': {'group': 'script', 'config': '#!/bin/sh\n'},
        },
        'deployment': {
            'type': 'OS::Heat::SoftwareDeployment',
            'properties': {
                'config': {'get_resource': 'script'},
                'server': {'get_resource': 'server'},
            },
        },
        'server': {
            'type': 'OS::Nova::Server',
            'properties': {
                'flavor': 'm1.small',
                'image': 'ubuntu-24.04-aarch64',
                'networks': [{'network': 'private'}],
                'user_data_format': 'SOFTWARE_CONFIG',
            },
        },
    },
}


def test_a_plain_stack_with_a_software_deployment_completes(demo, name):
    stack = demo.create_stack(name, PLAIN)

    assert stack.stack_status == 'CREATE_COMPLETE'
    server = demo.servers_of(name)['server']
    assert server.status == 'ACTIVE'
    assert server.compute_host == 'arm-1'


def test_an_untagged_server_migrates_cold(admin, name):
    server = admin.boot(name, 'm1.small')
    source = server.compute_host

    admin.sdk.compute.migrate_server(server.id)
    moved = testcloud.wait_for(
        lambda: admin.sdk.compute.get_server(server.id),
        lambda now: now.status in ('VERIFY_RESIZE', 'ERROR'),
    )
    admin.sdk.compute.confirm_server_resize(moved.id)

    settled = testcloud.wait_for(
        lambda: admin.sdk.compute.get_server(server.id),
        lambda now: now.status in ('ACTIVE', 'ERROR'),
    )
    assert settled.status == 'ACTIVE'
    assert settled.compute_host != source


def test_a_server_migrates_live_to_its_like(admin, name):
    server = admin.boot_tagged(name, 'm1.small', 'exact:x86-xeon-8380')
    source = server.compute_host

    admin.sdk.compute.live_migrate_server(server.id, block_migration='auto')

    moved = testcloud.wait_for(
        lambda: admin.sdk.compute.get_server(server.id),
        lambda now: now.compute_host != source and not now.task_state,
    )
    assert moved.status == 'ACTIVE'
    assert {source, moved.compute_host} == {'xeon-1', 'xeon-2'}


def test_a_tenant_may_not_see_where_servers_are(demo, name):
    server = demo.boot(name, 'm1.tiny')

    assert demo.sdk.compute.get_server(server.id).compute_host is None
