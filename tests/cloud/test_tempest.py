# SPDX-License-Identifier: Apache-2.0

"""The tempest plugin, run by tempest's own runner, and what it leaves."""

import re
import shlex

import pytest

from tests import documented
from tests.cloud import tempest_workspace
from tests.cloud.test_rebalancer import rebalancer as rebalancer


PLUGIN = 'ecrae_tempest_plugin'

#: Arguments of tempest's commands as the page about it shows them.
SHOWN = [
    shlex.split(each.line)[1:]
    for lines in documented.of_kind(documented.TEMPEST).values()
    for each in lines
]


@pytest.fixture(scope='module')
def workspace(cloud, tmp_path_factory):
    return tempest_workspace.Workspace(
        cloud, tmp_path_factory.mktemp('tempest'), SHOWN[0]
    )


def test_tempest_lists_and_passes_the_tests(cloud, workspace, rebalancer):
    listed = workspace.tempest('run', '-l', '--regex', PLUGIN).stdout
    names = re.findall(rf'^{PLUGIN}\.tests\.scenario\.\S+', listed, re.M)
    assert len(names) >= 10

    with rebalancer.running(mode='advice'):
        done = workspace.tempest(*SHOWN[1], '--serial')

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert f' - Passed: {len(names)}\n' in done.stdout, done.stdout[-1000:]
    assert not list(cloud.admin.sdk.compute.servers(all_projects=True))
    projects = {each.name for each in cloud.admin.sdk.identity.projects()}
    assert projects == {'admin', 'service', 'demo'}
