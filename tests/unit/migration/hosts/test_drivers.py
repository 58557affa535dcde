# SPDX-License-Identifier: Apache-2.0

"""Power drivers, each against its wire."""

import os
import socket

import pytest

from ecrae import exception
from ecrae import privsep
from ecrae.migration import rpcapi
from ecrae.migration.hosts import drivers
from tests.unit.migration.cloud import Cloud
from tests.unit.migration.hosts import ironic
from tests.unit.migration.hosts.nova import HOST
from tests.unit.migration.hosts.nova import Nova


MAC = '52:54:00:12:34:56'


@pytest.fixture
def nova(requests_mock):
    return Nova(requests_mock)


def _until(driver, verb, is_on):
    for _ in range(9):
        getattr(driver, verb)(HOST)
        if driver.is_on(HOST) is is_on:
            return
    raise AssertionError('not in time')


def test_ironic_switches_its_node(nova):
    node = ironic.Node(nova.wire.mock, 'rack2-slot7')
    driver = drivers.IronicDriver(nova.connection, {HOST: 'rack2-slot7'})
    assert driver.is_on(HOST) is True
    _until(driver, 'switch_off', False)
    _until(driver, 'switch_on', True)
    assert node.asked == ['soft power off', 'power on']


def test_ironic_uses_force_when_the_system_does_not_stop(nova):
    node = ironic.Node(nova.wire.mock, HOST, is_soft_possible=False)
    _until(drivers.IronicDriver(nova.connection, {}), 'switch_off', False)
    assert node.asked == ['soft power off', 'power off']


def test_ironic_may_be_busy_but_must_know_the_node(nova):
    node = ironic.Node(nova.wire.mock, HOST)
    node.is_busy = True
    driver = drivers.IronicDriver(nova.connection, {})
    driver.switch_off(HOST)
    assert driver.is_on(HOST) is True
    nova.wire.mock.get(f'{ironic.NODES}/{HOST}', status_code=404)
    with pytest.raises(exception.NotFound, match=f'node named {HOST}'):
        driver.is_on(HOST)


@pytest.fixture
def agents(tmp_path, monkeypatch):
    """Two relays whose ipmitool keeps the power of compute-1 in a file."""
    monkeypatch.setattr(privsep.context, 'client_mode', False)
    power = tmp_path / 'power'
    power.write_text('on')
    for name, body in (
        (
            'ipmitool',
            'w = sys.argv[-1]\n'
            'if w == "status": print("Chassis Power is", p.read_text())\n'
            'else: p.write_text("on" if w == "on" else "off")\n',
        ),
        ('systemctl', 'p.write_text(sys.argv[-1])\n'),
    ):
        program = tmp_path / name
        program.write_text(
            f'#!{os.sys.executable}\nimport pathlib, sys\n'
            f'p = pathlib.Path({str(power)!r})\n{body}'
        )
        program.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    controllers = tmp_path / 'bmc.ini'
    controllers.write_text(
        f'[{HOST}]\naddress = 192.0.2.3\nuser = u\npassword = p\n'
    )
    controllers.chmod(0o600)
    cloud = Cloud(tmp_path)
    cloud.power = power
    for host in ('relay', HOST):
        cloud.add(host, bmc_file=str(controllers))
    yield cloud
    cloud.stop()


def _api(agents):
    return rpcapi.AgentAPI(agents.transport, timeout_s=2.0)


def test_ipmi_goes_through_an_agent_that_answers_but_not_its_own(agents):
    driver = drivers.IpmiDriver(_api(agents), [HOST, 'dead', 'relay'])
    assert driver.is_on(HOST) is True
    driver.switch_off(HOST)
    assert driver.is_on(HOST) is False
    driver.switch_on(HOST)
    assert driver.is_on(HOST) is True


def test_ipmi_says_who_did_not_answer(agents):
    driver = drivers.IpmiDriver(_api(agents), ['dead'])
    with pytest.raises(exception.Unreachable, match='agent of dead'):
        driver.switch_on(HOST)
    driver = drivers.IpmiDriver(_api(agents), [HOST])
    with pytest.raises(exception.Unreachable, match='ipmi_relays'):
        driver.switch_on(HOST)


def test_wake_on_lan_sends_a_packet_that_a_socket_receives(agents):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(('127.255.255.255', 0))
        listener.settimeout(10)
        port = listener.getsockname()[1]
        driver = drivers.WakeOnLanDriver(
            _api(agents), {HOST: MAC}, '127.255.255.255', port
        )
        driver.switch_on(HOST)
        packet = listener.recv(2048)
    assert packet == b'\xff' * 6 + bytes.fromhex('525400123456') * 16
    assert driver.is_on(HOST) is None


def test_wake_on_lan_suspends_by_the_agent_if_it_is_empty(agents):
    driver = drivers.WakeOnLanDriver(_api(agents), {HOST: MAC}, '', 9)
    agents.run(HOST, 'web')
    with pytest.raises(exception.Conflict, match='fake:web'):
        driver.switch_off(HOST)
    assert agents.power.read_text() == 'on'
    (agents.folder / 'copies' / HOST / 'web').unlink()
    driver.switch_off(HOST)
    assert agents.power.read_text() == 'suspend'


def test_wake_on_lan_puts_nothing_to_sleep_that_it_cannot_wake(agents):
    driver = drivers.WakeOnLanDriver(_api(agents), {}, '', 9)
    with pytest.raises(exception.ConfigError, match='could not be woken'):
        driver.switch_off(HOST)
    assert agents.power.read_text() == 'on'


@pytest.mark.parametrize('address', ['52:54:00:12:34', 'x', MAC + '\n'])
def test_what_is_no_mac_address_is_refused(address):
    with pytest.raises(exception.ConfigError, match='no MAC address'):
        drivers.magic_packet(address)


def test_a_packet_to_nowhere_is_the_operators_to_correct():
    with pytest.raises(exception.ConfigError, match='broadcast'):
        drivers.broadcast_packet(b'', '300.1.1.1', 9)


def test_an_unknown_driver_is_refused_with_those_there_are():
    noop = drivers.NoopDriver()
    with pytest.raises(exception.ConfigError, match='magic; there are noop'):
        drivers.Drivers({'noop': noop}, 'noop', {HOST: 'magic'})
