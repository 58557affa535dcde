# SPDX-License-Identifier: Apache-2.0

"""The wheel, and fresh environments to install it into."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest


TOP = pathlib.Path(__file__).parents[2]


def run(*argv, **options):
    """Run a program; its completed process."""
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in ('PYTHONPATH', 'UV_OVERRIDE', 'VIRTUAL_ENV')
    }
    return subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=env,
        **options,
    )


def must(*argv, **options):
    """Output of a program that succeeds."""
    done = run(*argv, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Environment:
    """A virtual environment with the wheel and other packages."""

    def __init__(self, folder, wheel, extras='', others=()):
        self.folder = folder
        uv = shutil.which('uv')
        assert uv, 'uv is needed to make environments'
        must(uv, 'venv', '-q', '-p', sys.executable, folder)
        must(
            *(uv, 'pip', 'install', '-q', '--compile-bytecode'),
            *('--python', folder / 'bin/python'),
            *('-c', TOP / 'constraints.txt'),
            f'ecrae{extras} @ {wheel.as_uri()}',
            *others,
        )

    def run(self, program, *argv, **options):
        """Run a program of the environment."""
        return run(self.folder / 'bin' / program, *argv, **options)

    def must(self, program, *argv, **options):
        """Output of a program of the environment that succeeds."""
        return must(self.folder / 'bin' / program, *argv, **options)


@pytest.fixture(scope='session')
def wheel(tmp_path_factory):
    """The wheel of this working tree."""
    folder = tmp_path_factory.mktemp('wheel')
    must('uv', 'build', '--wheel', '-q', '--out-dir', folder, TOP)
    (built,) = folder.glob('ecrae-*.whl')
    return built


@pytest.fixture(scope='session')
def core(tmp_path_factory, wheel):
    """An environment with nothing but what the core needs."""
    return Environment(tmp_path_factory.mktemp('core') / 'venv', wheel)


@pytest.fixture(scope='session')
def nova(tmp_path_factory, wheel):
    """Nova's environment."""
    folder = tmp_path_factory.mktemp('nova') / 'venv'
    return Environment(folder, wheel, '[mysql]', ['nova'])


@pytest.fixture(scope='session')
def heat(tmp_path_factory, wheel):
    """Heat's environment."""
    folder = tmp_path_factory.mktemp('heat') / 'venv'
    return Environment(folder, wheel, '[heat,mysql]', ['openstack-heat'])
