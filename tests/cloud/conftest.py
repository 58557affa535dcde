# SPDX-License-Identifier: Apache-2.0

import configparser
import os
import subprocess
import uuid

import pytest

from ecrae.kb.db import Database
from tests.cloud import testcloud


@pytest.fixture(scope='session')
def cloud():
    """A cloud with this working tree, brought up unless it runs already.

    It is left as it was found: one that did not run is taken down. Its
    collector, which would replace the measurements that tests make up, runs
    only for tests that want it.
    """
    state = os.environ.get(
        'ECRAE_TESTCLOUD_STATE', str(testcloud.TOP / '.testcloud')
    )
    was_there = os.path.exists(os.path.join(state, 'cloud.json'))

    def launch(command, *argv):
        subprocess.run(
            [testcloud.LAUNCHER, command, '--state-dir', state, *argv],
            check=True,
        )

    launch('up', '--with', 'gnocchi')
    launch('stop', 'ecrae-collector')
    yield testcloud.TestCloud(state)
    if was_there:
        launch('start', 'ecrae-collector')
    else:
        launch('down')


@pytest.fixture(scope='session')
def database(cloud):
    """The knowledge base of the cloud."""
    conf = configparser.ConfigParser(strict=False, interpolation=None)
    conf.read(cloud.state / 'etc/ecrae/ecrae.conf')
    return Database(conf['ecrae_database']['connection'])


@pytest.fixture
def admin(cloud):
    """The administrator."""
    return cloud.admin


@pytest.fixture
def demo(cloud):
    """An ordinary tenant: the member role and nothing else."""
    return cloud.demo


@pytest.fixture
def name():
    """A name for what the test makes."""
    return f'test-{uuid.uuid4().hex[:8]}'


@pytest.fixture(autouse=True)
def nothing_left_behind(cloud):
    """Delete the stacks and servers that a test made."""
    yield
    for person in (cloud.demo, cloud.admin):
        for stack in list(person.heat.stacks.list()):
            person.delete_stack(stack.stack_name)
        person.delete(*person.sdk.compute.servers())
