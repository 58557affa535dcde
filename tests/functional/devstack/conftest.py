# SPDX-License-Identifier: Apache-2.0

"""DevStack's own functions, and the plugin's files."""

import os
import pathlib
import subprocess

import pytest


TOP = pathlib.Path(__file__).parents[3]

#: Where DevStack is had from, and which.
SOURCE = 'https://opendev.org/openstack/devstack'
COMMIT = '493835a61a996731a7031861f80c7629acd5d6f2'


@pytest.fixture(scope='session')
def devstack(tmp_path_factory):
    """Folder of DevStack: ``ECRAE_DEVSTACK``, or one that git brings."""
    named = os.environ.get('ECRAE_DEVSTACK')
    if named:
        return pathlib.Path(named)
    folder = tmp_path_factory.mktemp('devstack')
    for argv in (
        ('init', '-q'),
        ('fetch', '-q', '--depth', '1', SOURCE, COMMIT),
        ('checkout', '-q', 'FETCH_HEAD'),
    ):
        done = subprocess.run(
            ['git', '-C', folder, *argv],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, 'GIT_TERMINAL_PROMPT': '0'},
        )
        if done.returncode:
            pytest.skip(
                f'no DevStack here: {SOURCE} cannot be reached. Clone it '
                'and set ECRAE_DEVSTACK to its folder.'
            )
    return folder
