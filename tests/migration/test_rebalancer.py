# SPDX-License-Identifier: Apache-2.0

"""``ecrae-rebalancer`` moves a real container between two Incus daemons.

The whole service: it sees what two agents report, plans for watts, tells the
agents over RabbitMQ to move the container, and has the emptied host switched
off, and on again, by ``ipmitool`` on the other host: over IPMI to a simulated
management controller, whose power button is the node's. Of OpenStack only the
wire is there: no server is to be moved.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest
from testnodes import bmc
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
driver = ipmi
ipmi_relays = two
spare_hosts = {spare_hosts}
min_on_time = 0
min_off_time = 0
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
    scratch = str(fleet.site.scratch)
    argv = (openstack.__file__, scratch, nodes.CONTROL, PORT, 'one', 'two')
    with _running(fleet.site, 'openstack', *argv):
        yield


@pytest.fixture
def controller(daemons):
    """The management controller of node ``one``, known to node ``two``."""
    fleet, one, _ = daemons

    def lose():
        one.node.kill()
        fleet.forget_agent(one.node)

    def boot():
        one.node.start()
        one.restart()
        fleet.start_agent(one.node)

    with bmc.Bmc(one.node, lose=lose, boot=boot) as made:
        path = fleet.certificates('two').parent / 'bmc.ini'
        path.touch(mode=0o600)
        path.write_text(made.entry())
        yield made


@pytest.fixture
def rebalancer(daemons, cloud):
    """The service, as soon as the test has begun."""
    fleet, _, _ = daemons
    site = fleet.site
    options = site.scratch / 'rebalancer.conf'
    control = str(site.scratch / 'control.conf')
    config = ('--config-file', control, '--config-file', str(options))
    argv = ('-m', 'ecrae.cmd.rebalancer', *config)

    def run(spare_hosts):
        options.write_text(
            OPTIONS.format(
                control=nodes.CONTROL,
                port=PORT,
                scratch=site.scratch,
                spare_hosts=spare_hosts,
            )
        )
        return _running(site, 'rebalancer', *argv)

    return run


def _asked(fleet, *words):
    """What a command prints as JSON."""
    return json.loads(fleet.ecrae(*words, '-f', 'json').stdout)


def _ended(fleet):
    """Plans that came to an end."""
    found = _asked(fleet, 'proposal', 'list')
    return [each for each in found if each['state'] in ('SUCCEEDED', 'FAILED')]


def _power(fleet):
    """What the controller tells the agent of node two."""
    return fleet.call('control_power', 'two', 'one', 'status')


def test_a_container_moves_and_its_host_is_switched_off_and_on(
    daemons, controller, rebalancer
):
    fleet, one, two = daemons
    one.launch()
    try:
        reached = one.count()
        assert _power(fleet) == 'on'
        with rebalancer(spare_hosts=0):
            nodes.wait_for(lambda: _ended(fleet), 'a plan to end', 180.0)
        assert two.state() == 'Running'
        assert two.count() >= reached
        assert _power(fleet) == 'off'
        assert fleet.running_agents() == {'two'}

        with rebalancer(spare_hosts=1):
            nodes.wait_for(lambda: len(_ended(fleet)) > 1, 'a wake', 180.0)
        assert _power(fleet) == 'on'
        assert controller.asked == ['set shutdown 1', 'set power 1']
        assert fleet.call('get_agent', 'one')['workloads'] == []
        assert (one.state(), two.state()) == ('', 'Running')
    finally:
        two.delete()

    woken, listed = sorted(
        _ended(fleet), key=lambda each: each['created'], reverse=True
    )
    assert {woken['state'], listed['state']} == {'SUCCEEDED'}
    (wake,) = _asked(fleet, 'proposal', 'show', woken['id'])['actions']
    assert (wake['kind'], wake['destination']) == ('wake', 'one')
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
