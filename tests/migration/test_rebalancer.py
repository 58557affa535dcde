# SPDX-License-Identifier: Apache-2.0

"""``ecrae-rebalancer`` moves a real container between two Incus daemons.

The whole service: it sees what two agents report, plans for watts, tells the
agents over RabbitMQ to move the container, and puts the emptied host to
sleep. Of OpenStack only the wire is there: no server is to be moved.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest
from testnodes import nodes

from tests.migration import openstack


PORT = '8774'

#: A large server and a small one, both for containers.
HOSTS = """
ecrae_knowledge: 1
hosts:
  one: {node_type: x86-epyc-9754-lxc}
  two: {node_type: x86-xeon-e2488-lxc}
"""

OPTIONS = """
[ecrae_cloud]
auth_type = password
auth_url = http://{control}:{port}/v3
username = ecrae
password = secret
user_domain_name = Default
project_name = service
project_domain_name = Default
[ecrae_agent]
heartbeat_interval = 5
[ecrae_rebalancer]
mode = auto
interval = 10
hold_time = 0
spare_hosts = 0
failure_pause = 600
coordination_url = file://{scratch}/coordination
[ecrae_power]
enabled = True
driver = noop
spare_hosts = 0
settle_time = 1
"""


@contextlib.contextmanager
def _running(site, name, *argv):
    """A program of this machine in the site's network."""
    with (site.scratch / f'{name}.log').open('ab') as log:
        process = subprocess.Popen(
            site.command(sys.executable, *argv),
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=openstack.TOP,
            env={**os.environ, 'PYTHONPATH': str(openstack.TOP)},
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def cloud(daemons):
    """Keystone, Nova and Placement, and a knowledge base of both hosts."""
    fleet, _, _ = daemons
    path = fleet.site.scratch / 'hosts.yaml'
    path.write_text(HOSTS)
    fleet.manage('kb', 'import', '--builtin')
    fleet.manage('kb', 'import', str(path))
    argv = (openstack.__file__, nodes.CONTROL, PORT, 'one', 'two')
    with _running(fleet.site, 'openstack', *argv):
        yield


@pytest.fixture
def rebalancer(daemons, cloud):
    """The service, as soon as the test has begun."""
    fleet, _, _ = daemons
    site = fleet.site
    options = site.scratch / 'rebalancer.conf'
    options.write_text(
        OPTIONS.format(control=nodes.CONTROL, port=PORT, scratch=site.scratch)
    )
    control = str(site.scratch / 'control.conf')
    config = ('--config-file', control, '--config-file', str(options))
    argv = ('-m', 'ecrae.cmd.rebalancer', *config)
    return lambda: _running(site, 'rebalancer', *argv)


def _asked(fleet, *words):
    """What a command prints as JSON."""
    return json.loads(fleet.ecrae(*words, '-f', 'json').stdout)


def _ended(fleet):
    """Plans that came to an end."""
    found = _asked(fleet, 'proposal', 'list')
    return [each for each in found if each['state'] in ('SUCCEEDED', 'FAILED')]


def test_the_service_moves_a_container_and_lets_its_host_sleep(
    daemons, rebalancer
):
    fleet, one, two = daemons
    one.launch()
    try:
        reached = one.count()
        with rebalancer():
            nodes.wait_for(lambda: _ended(fleet), 'a plan to end', 120.0)
        assert (one.state(), two.state()) == ('', 'Running')
        assert two.count() >= reached
    finally:
        for daemon in (one, two):
            daemon.delete()

    (listed,) = _ended(fleet)
    assert listed['state'] == 'SUCCEEDED', listed
    shown = _asked(fleet, 'proposal', 'show', listed['id'])
    assert [
        (each['kind'], each['workload'], each['source'], each['destination'])
        for each in shown['actions']
    ] == [('migrate', one.workload, 'one', 'two'), ('sleep', '', 'one', 'one')]
    assert shown['saving_w'] > 0
    history = _asked(fleet, 'proposal', 'history', '--workload', one.workload)
    assert [each['state'] for each in history] == ['SUCCEEDED']
    # The agents say that it was their doing.
    migrations = _asked(fleet, 'migration', 'list')
    assert {each['workload'] for each in migrations} == {one.workload}
