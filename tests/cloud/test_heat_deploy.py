# SPDX-License-Identifier: Apache-2.0

"""``ecrae deploy`` as a person runs it."""

import json

import pytest

from tests.cloud import descriptors
from tests.cloud.testcloud import HOSTS


@pytest.fixture
def deploy(cloud, tmp_path):
    """Run ``ecrae deploy`` on a descriptor as somebody."""

    def run(user, *arguments, text=descriptors.PURE):
        path = tmp_path / 'app.yaml'
        path.write_text(text)
        before = ['ecrae']
        if user == 'admin':
            config = cloud.state / 'etc/ecrae/ecrae.conf'
            before += ['--config-file', str(config)]
        return cloud.execute(user, *before, 'deploy', str(path), *arguments)

    return run


def test_operator_sees_host_and_watts(admin, deploy, name):
    done = deploy('admin', '--name', name, '--wait', '-f', 'json')

    assert done.returncode == 0, done.stderr
    rows = {row['node']: row for row in json.loads(done.stdout)}
    servers = admin.servers_of(name)
    for node in ('web', 'db'):
        assert rows[node]['marginal_power_w'] > 0
        assert servers[node].compute_host in HOSTS[rows[node]['node_type']]
    assert 'knowledge base' in done.stderr


def test_tenant_gets_his_stack_from_heat_engine(demo, deploy, name):
    done = deploy('demo', '--name', name, '--wait', '-f', 'json')

    assert done.returncode == 0, done.stderr
    rows = {row['node']: row for row in json.loads(done.stdout)}
    servers = demo.servers_of(name)
    assert servers['web'].compute_host in HOSTS[rows['web']['node_type']]
    assert 'heat-engine' in done.stderr


@pytest.mark.parametrize('user', ['admin', 'demo'])
def test_failed_stack_is_taken_away(cloud, deploy, name, user):
    text = descriptors.PURE.replace(
        'metadata: {ecrae.tag: memory-intensive}',
        'metadata: {ecrae.tag: memory-intensive}\n'
        '      properties: {availability_zone: nowhere}',
    ).replace(
        '    db:\n      type: tosca.nodes.Compute',
        '    db:\n      type: Zoned',
    )
    text += (
        'node_types:\n'
        '  Zoned:\n'
        '    derived_from: tosca.nodes.Compute\n'
        '    properties:\n'
        '      availability_zone: {type: string}\n'
    )
    done = deploy(user, '--name', name, '--wait', text=text)

    assert done.returncode == 1
    assert 'db: ' in done.stderr
    assert 'has been deleted again' in done.stderr
    person = getattr(cloud, user)
    assert name not in [s.stack_name for s in person.heat.stacks.list()]
    assert 'Traceback' not in done.stderr


def test_existing_stack_is_not_touched(demo, deploy, name):
    demo.create_stack(name, descriptors.document())
    before = demo.servers_of(name)
    done = deploy('demo', '--name', name, '--wait')

    assert done.returncode == 1
    assert 'there already' in done.stderr
    after = demo.servers_of(name)
    assert after['web'].id == before['web'].id


def test_dry_run_makes_nothing(demo, deploy, name):
    done = deploy('demo', '--name', name, '--dry-run')

    assert done.returncode == 0, done.stderr
    assert not list(demo.heat.stacks.list())


def test_wrong_password(cloud, deploy, name, tmp_path):
    path = tmp_path / 'app.yaml'
    path.write_text(descriptors.PURE)
    done = cloud.execute(
        'demo',
        'env',
        'OS_PASSWORD=not-this-one',
        'ecrae',
        'deploy',
        str(path),
        '--name',
        name,
    )

    assert done.returncode == 1
    assert 'credentials were refused' in done.stderr
    assert 'not-this-one' not in done.stderr
    assert 'Traceback' not in done.stderr
