# SPDX-License-Identifier: Apache-2.0

"""What a tenant types: the stock openstack command, nothing of ECRAE's."""

import json

from tests.cloud.testcloud import TOP


OWNCLOUD = str(TOP / 'examples' / 'owncloud.yaml')


def test_a_stack_from_creation_to_deletion(cloud, demo, name):
    def stock(*argv):
        done = cloud.execute('demo', 'openstack', *argv)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    stock('stack', 'create', '--wait', '-t', OWNCLOUD, name)
    shown = json.loads(stock('stack', 'show', '-f', 'json', name))
    assert shown['stack_status'] == 'CREATE_COMPLETE'

    stock('stack', 'update', '--wait', '-t', OWNCLOUD, name)
    kept = stock('stack', 'template', 'show', name)
    assert 'OS::Nova::Server' in kept
    stock('stack', 'delete', '--yes', '--wait', name)
    assert not list(demo.sdk.compute.servers())


def test_validation_answers_before_anything_is_made(cloud):
    done = cloud.execute(
        'demo',
        'openstack',
        'orchestration',
        'template',
        'validate',
        '-f',
        'json',
        '-t',
        OWNCLOUD,
    )

    assert done.returncode == 0, done.stderr
    assert 'db_name' in json.loads(done.stdout)['Parameters']


def test_the_versions_of_templates_can_be_listed(cloud):
    done = cloud.execute(
        'demo', 'openstack', 'orchestration', 'template', 'version', 'list'
    )

    assert done.returncode == 0, done.stderr
    assert 'ecrae_tosca_1' in done.stdout


def test_wrong_credentials_are_refused_as_ever(cloud, name):
    done = cloud.execute(
        'demo',
        'env',
        'OS_PASSWORD=wrong',
        'openstack',
        'stack',
        'create',
        '-t',
        OWNCLOUD,
        name,
    )

    assert done.returncode != 0
    assert '401' in done.stderr
