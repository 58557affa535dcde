# SPDX-License-Identifier: Apache-2.0

"""Real tempest in an environment of its own, set up for the test cloud."""

import configparser
import os
import pathlib
import shutil
import subprocess

from tests.cloud.testcloud import HOSTS
from tests.cloud.testcloud import IMAGE
from tests.cloud.testcloud import TOP


class Workspace:
    """A folder from which ``tempest run`` works.

    The environment holds tempest and, without its dependencies, this
    project: the plugin needs nothing of ECRAE's.
    """

    def __init__(self, cloud, folder, init):
        """``init`` makes a folder of the name that is its last argument."""
        self._folder = folder
        self._venv = pathlib.Path(
            os.environ.get('ECRAE_TEMPEST_VENV', TOP / '.tox/tempest-venv')
        )
        self._install()
        self.tempest(*init)
        self._folder = folder / init[-1]
        self._write_options(cloud)

    def tempest(self, *argv, timeout=900):
        """Run tempest here; its completed process."""
        return subprocess.run(
            [self._venv / 'bin/tempest', *argv],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={
                **os.environ,
                'PATH': f'{self._venv / "bin"}:{os.environ["PATH"]}',
            },
        )

    def _install(self):
        uv = shutil.which('uv')
        assert uv, 'uv is needed to install tempest'
        if not (self._venv / 'bin/tempest').exists():
            _run(uv, 'venv', '-q', '--clear', self._venv)
            constraints = TOP / 'constraints.txt'
            self._pip(uv, '-c', constraints, 'tempest>=40')
        self._pip(uv, '--no-deps', '-e', TOP)

    def _pip(self, uv, *argv):
        python = self._venv / 'bin/python'
        _run(uv, 'pip', 'install', '-q', '--python', python, *argv)

    def _write_options(self, cloud):
        env = cloud.credentials('admin')
        sdk = cloud.admin.sdk
        options = configparser.ConfigParser(interpolation=None)
        path = self._folder / 'etc/tempest.conf'
        options.read(path)
        options.read_dict(
            {
                'auth': {
                    'use_dynamic_credentials': True,
                    'admin_username': env['OS_USERNAME'],
                    'admin_password': env['OS_PASSWORD'],
                    'admin_project_name': env['OS_PROJECT_NAME'],
                    'admin_domain_name': env['OS_USER_DOMAIN_NAME'],
                    'create_isolated_networks': False,
                },
                'identity': {
                    'auth_version': 'v3',
                    'uri_v3': env['OS_AUTH_URL'],
                    'region': env['OS_REGION_NAME'],
                    'v3_endpoint_type': 'public',
                },
                'compute': {
                    'image_ref': sdk.image.find_image(
                        IMAGE.format('x86_64')
                    ).id,
                    'flavor_ref': sdk.compute.find_flavor('m1.tiny').id,
                    'build_interval': 1,
                },
                'service_available': {'cinder': False, 'swift': False},
                'validation': {'run_validation': False},
                'ecrae': {
                    'host_node_types': ','.join(
                        f'{host}:{node_type}'
                        for node_type, hosts in HOSTS.items()
                        for host in hosts
                    ),
                    'build_interval': 1,
                    'operator_command': (
                        f'{cloud.state}/venv/bin/ecrae --config-file '
                        f'{cloud.state}/etc/ecrae/ecrae.conf'
                    ),
                    'rebalanced_hosts': 'xeon-1,xeon-2',
                    'plan_timeout': 180,
                },
            }
        )
        with path.open('w') as stream:
            options.write(stream)


def _run(*argv):
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != 'UV_OVERRIDE'},
    )
    assert done.returncode == 0, done.stdout + done.stderr
