# SPDX-License-Identifier: Apache-2.0

"""Servers that carry a tag to Nova without Heat."""

import re

from tests.cloud.testcloud import HOSTS


def test_a_hint_tag_keeps_a_server_on_the_node_types_it_lists(demo, name):
    server = demo.boot_tagged(
        name, 'ecrae.db.small', 'database', architecture='ppc64le'
    )

    assert server.status == 'ACTIVE'
    assert server.compute_host in HOSTS['power-power9']


def test_an_exact_tag_commands_the_node_type(demo, name):
    server = demo.boot_tagged(name, 'm1.small', 'exact:x86-xeon-e2488-lxc')

    assert server.status == 'ACTIVE'
    assert server.compute_host in HOSTS['x86-xeon-e2488-lxc']


def test_an_exact_tag_is_not_broken_when_its_hosts_are_full(demo, name):
    booted = [
        demo.boot_tagged(f'{name}-{i}', 'm1.large', 'exact:x86-xeon-e2488-lxc')
        for i in range(5)
    ]

    assert [server.status for server in booted] == ['ACTIVE'] * 4 + ['ERROR']
    assert 'No valid host' in booted[4].fault['message']


def test_a_server_with_a_tag_nobody_knows_is_as_one_without(demo, name):
    server = demo.boot_tagged(name, 'm1.small', 'no-such-tag')

    assert server.status == 'ACTIVE'


def test_without_its_database_ecrae_stands_aside(cloud, demo, name):
    with cloud.ecrae_locked_out():
        cloud.restart('nova-scheduler')
        tagged = demo.boot_tagged(f'{name}-tagged', 'm1.small', 'database')
        plain = demo.boot(f'{name}-plain', 'm1.small')
        log = cloud.run('logs', 'nova-scheduler')
    cloud.restart('nova-scheduler')

    assert (tagged.status, plain.status) == ('ACTIVE', 'ACTIVE')
    complaints = re.findall(r'(?:WARNING|ERROR) ecrae\.\S+ .*', log)
    assert complaints
