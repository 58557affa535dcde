# SPDX-License-Identifier: Apache-2.0

import os
import subprocess
import uuid

import pytest

from tests.cloud import testcloud


@pytest.fixture(scope='session')
def cloud():
    """A cloud with this working tree, brought up unless it runs already.

    It is left as it was found: one that did not run is taken down.
    """
    state = os.environ.get(
        'ECRAE_TESTCLOUD_STATE', str(testcloud.TOP / '.testcloud')
    )
    command = [testcloud.LAUNCHER, '{}', '--state-dir', state]
    was_there = os.path.exists(os.path.join(state, 'cloud.json'))
    subprocess.run([c.format('up') for c in map(str, command)], check=True)
    yield testcloud.TestCloud(state)
    if not was_there:
        subprocess.run(
            [c.format('down') for c in map(str, command)], check=True
        )


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
