# SPDX-License-Identifier: Apache-2.0

"""The test cloud as tests see it: people, hosts, servers and stacks."""

import contextlib
import datetime
import json
import pathlib
import subprocess
import time

import openstack
import pymysql
from heatclient import client as heat_client
from heatclient import exc as heat_exc
from heatclient.common import template_utils

from ecrae.model import hints


TOP = pathlib.Path(__file__).resolve().parents[2]
LAUNCHER = TOP / 'tools' / 'testcloud'

#: Hosts of tools/testcloud_lib/computes.toml by node type.
HOSTS = {
    'arm-altra-q80': {'arm-1'},
    'x86-epyc-9754': {'epyc-1'},
    'x86-xeon-8380': {'xeon-1', 'xeon-2'},
    'power-power9': {'power-1'},
    'x86-xeon-e2488-lxc': {'edge-1'},
}
IMAGE = 'ubuntu-24.04-{}'
DEADLINE_S = 120
#: Longer than the scheduler's refresh_interval in this cloud.
REFRESH_S = 8
#: Longer than heat-engine's [ecrae_deployer] observation_lifetime here.
OBSERVATION_S = 11


class TestCloud:
    """One running cloud, driven with its own command."""

    __test__ = False

    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.settings = json.loads((self.state / 'cloud.json').read_text())
        self.admin = Person(self, 'admin')
        self.demo = Person(self, 'demo')

    def run(self, *argv, timeout=300):
        """Run a command of ``tools/testcloud``; its output, or an error."""
        done = subprocess.run(
            [LAUNCHER, argv[0], '--state-dir', self.state, *argv[1:]],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def execute(self, user, *argv, timeout=300):
        """Run a command as a person; its completed process."""
        return subprocess.run(
            [
                LAUNCHER,
                'exec',
                '--state-dir',
                self.state,
                '--as',
                user,
                '--',
                *argv,
            ],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def restart(self, service):
        """Restart a service and wait until its queues are there again.

        A service writes itself into the database at intervals that begin
        when it listens.
        """
        began = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.run('restart', service)
        reports = {
            'nova-scheduler': self._nova_schedulers,
            'heat-engine': self._heat_engines,
        }[service]
        wait_for(reports, lambda seen: seen and max(seen) > began)

    def _nova_schedulers(self):
        services = self.admin.sdk.compute.services(binary='nova-scheduler')
        return [_moment(each.updated_at) for each in services]

    def _heat_engines(self):
        return [
            _moment(each.created_at)
            for each in self.admin.heat.services.list()
            if each.status == 'up'
        ]

    def credentials(self, user):
        """The variables that ``env`` prints."""
        lines = self.run('env', '--as', user).splitlines()
        pairs = (line.removeprefix('export ').split('=', 1) for line in lines)
        return {key: value.strip("'") for key, value in pairs}

    @contextlib.contextmanager
    def ecrae_locked_out(self):
        """Take ECRAE's own account off the database server."""
        self._sql(
            'ALTER USER ecrae@127.0.0.1 ACCOUNT LOCK',
            "SELECT CONCAT('KILL ', id) FROM information_schema.processlist"
            " WHERE user = 'ecrae'",
        )
        try:
            yield
        finally:
            self._sql('ALTER USER ecrae@127.0.0.1 ACCOUNT UNLOCK')

    def _sql(self, statement, kills=None):
        options = (self.state / 'etc/mariadb/users.sql').read_text()
        password = options.split("'")[1]
        connection = pymysql.connect(
            host='127.0.0.1',
            port=self.settings['port_base'],
            user='root',
            password=password,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            if kills:
                cursor.execute(kills)
                for (kill,) in cursor.fetchall():
                    with contextlib.suppress(pymysql.Error):
                        cursor.execute(kill)


class Person:
    """What one user can do, and what of it is cleaned up afterwards."""

    def __init__(self, cloud, user):
        self.cloud = cloud
        env = cloud.credentials(user)
        self.sdk = openstack.connect(
            load_envvars=False,
            load_yaml_config=False,
            region_name=env['OS_REGION_NAME'],
            auth={
                'auth_url': env['OS_AUTH_URL'],
                'username': env['OS_USERNAME'],
                'password': env['OS_PASSWORD'],
                'project_name': env['OS_PROJECT_NAME'],
                'user_domain_name': env['OS_USER_DOMAIN_NAME'],
                'project_domain_name': env['OS_PROJECT_DOMAIN_NAME'],
            },
        )
        self.sdk.compute.default_microversion = '2.96'
        self.heat = heat_client.Client('1', session=self.sdk.session)
        self.user = user

    def boot(self, name, flavor, architecture='x86_64', **scheduler_hints):
        """Boot a server and wait until it is ACTIVE or ERROR."""
        compute = self.sdk.compute
        image = self.sdk.image.find_image(IMAGE.format(architecture))
        server = compute.create_server(
            name=name,
            flavor_id=compute.find_flavor(flavor).id,
            image_id=image.id,
            networks='auto',
            **(
                {'scheduler_hints': scheduler_hints} if scheduler_hints else {}
            ),
        )
        return self.settled(server.id)

    def boot_tagged(self, name, flavor, tag, architecture='x86_64'):
        """Boot a server that carries a tag."""
        return self.boot(name, flavor, architecture, **{hints.TAG: tag})

    def settled(self, server_id):
        """The server once nothing is going on with it."""
        return wait_for(
            lambda: self._server(server_id),
            lambda server: (
                server.status in ('ACTIVE', 'ERROR', 'VERIFY_RESIZE')
                and not server.task_state
            ),
        )

    def delete(self, *servers):
        """Delete servers and wait until they are gone.

        A deletion that meets a nova-scheduler that restarts ends in ERROR,
        because nova-compute cannot tell it; Nova wants to be asked again.
        """
        for server in servers:
            self.sdk.compute.delete_server(server.id, ignore_missing=True)
        for server in servers:
            self._wait_until_gone(server)

    def _wait_until_gone(self, server):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                found = self.sdk.compute.get_server(server.id)
            except openstack.exceptions.NotFoundException:
                return
            if found.status == 'ERROR':
                self.sdk.compute.delete_server(server.id, ignore_missing=True)
            time.sleep(1)
        raise AssertionError(f'server {server.name} cannot be deleted')

    def create_stack(self, name, template, *, wait=True, **arguments):
        """Create a stack from a file or a document, as the CLI does."""
        self.heat.stacks.create(
            stack_name=name, **self._template(template), **arguments
        )
        return self.stack(name) if wait else None

    def update_stack(self, name, template, **arguments):
        """Update a stack, as the CLI does."""
        self.heat.stacks.update(name, **self._template(template), **arguments)
        return self.stack(name)

    def stack(self, name):
        """The stack once nothing is going on with it."""
        return wait_for(
            lambda: self.heat.stacks.get(name),
            lambda stack: not stack.stack_status.endswith('IN_PROGRESS'),
        )

    def delete_stack(self, name):
        """Delete a stack, if it is there, with all it made."""
        for _ in range(2):
            try:
                self.heat.stacks.delete(name)
                wait_for(
                    lambda: self.heat.stacks.get(name),
                    lambda stack: stack.stack_status == 'DELETE_FAILED',
                )
            except heat_exc.HTTPNotFound:
                return
        raise AssertionError(f'stack {name} cannot be deleted')

    def servers_of(self, stack_name):
        """Servers of a stack by resource name, as the administrator sees."""
        return {
            resource.resource_name: self.cloud.admin.sdk.compute.get_server(
                resource.physical_resource_id
            )
            for resource in self.heat.resources.list(
                stack_name, nested_depth=2
            )
            if resource.resource_type == 'OS::Nova::Server'
        }

    def _server(self, server_id):
        return self.cloud.admin.sdk.compute.get_server(server_id)

    @staticmethod
    def _template(template):
        if isinstance(template, pathlib.Path):
            files, document = template_utils.get_template_contents(
                str(template)
            )
            return {'template': document, 'files': files}
        return {'template': template, 'files': {}}


def _moment(text):
    """UTC as the services write it, which may be null."""
    if not text:
        return datetime.datetime.min
    return datetime.datetime.fromisoformat(text).replace(tzinfo=None)


def wait_for(look, is_done, timeout_s=DEADLINE_S):
    """Look until it is done; fail with what was seen last."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if is_done(seen):
            return seen
        assert time.monotonic() < deadline, f'after {timeout_s} s: {seen}'
        time.sleep(1)
