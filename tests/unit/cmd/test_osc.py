# SPDX-License-Identifier: Apache-2.0

"""The commands that python-openstackclient is told of."""

import importlib.metadata
import subprocess
import sys

from ecrae.cmd import shell


def test_openstack_has_every_command_of_ecrae():
    found = importlib.metadata.entry_points(group='openstack.ecrae.v1')

    assert {
        point.name.removeprefix('ecrae_').replace('_', ' '): point.value
        for point in found
    } == shell.COMMANDS


def test_it_costs_other_openstack_commands_next_to_nothing():
    loaded = subprocess.run(
        [
            sys.executable,
            '-c',
            'import sys, ecrae.cmd.osc; print(*sys.modules)',
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert not {'oslo_config', 'sqlalchemy', 'numpy', 'yaml'} & set(loaded)
