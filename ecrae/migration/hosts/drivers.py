# SPDX-License-Identifier: Apache-2.0

"""Ways to switch a host off and on again, each named by its mechanism.

A driver only asks and looks: what must be true before and after is
:mod:`ecrae.migration.hosts.enactors`' business.
"""

import abc
import contextlib
import re
import socket
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from ecrae import exception
from ecrae.clients import baremetal
from ecrae.clients.session import Connection
from ecrae.migration import rpcapi


class PowerDriver(abc.ABC):
    """Switches hosts. Each verb may be called again."""

    #: Whether the host really stops; else it is only taken out of service.
    switches = True

    @abc.abstractmethod
    def switch_off(self, host: str) -> None:
        """Ask an empty host to stop; returns before it has.

        :raises EcraeError: it cannot be asked.
        """

    @abc.abstractmethod
    def switch_on(self, host: str) -> None:
        """Ask a host to start; returns before it has.

        :raises EcraeError: it cannot be asked.
        """

    @abc.abstractmethod
    def is_on(self, host: str) -> bool | None:
        """Whether it draws power; None where nobody can tell.

        :raises EcraeError: who could tell does not answer.
        """


class NoopDriver(PowerDriver):
    """Leaves the host as it is: for rehearsals and manual switching."""

    switches = False

    def switch_off(self, host: str) -> None:
        """Nothing."""

    def switch_on(self, host: str) -> None:
        """Nothing."""

    def is_on(self, host: str) -> bool | None:
        """It never went off."""
        return True


class IronicDriver(PowerDriver):
    """Asks Ironic, which has the credentials and knows the protocol.

    :param nodes: host → name or UUID of its node, where they differ.
    """

    def __init__(
        self, connection: Connection, nodes: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._nodes = nodes

    def switch_off(self, host: str) -> None:
        """Let the operating system shut down; by force once that failed."""
        node = self._nodes.get(host, host)
        power = baremetal.get_power(self._connection, node)
        if power.target or power.state == baremetal.OFF:
            return
        target = baremetal.OFF if power.error else baremetal.SOFT_OFF
        # Ironic is busy with a node for moments: it will be asked again.
        with contextlib.suppress(exception.Conflict):
            baremetal.set_power(self._connection, node, target)

    def switch_on(self, host: str) -> None:
        """Start it."""
        node = self._nodes.get(host, host)
        power = baremetal.get_power(self._connection, node)
        if not power.target and power.state != baremetal.ON:
            with contextlib.suppress(exception.Conflict):
                baremetal.set_power(self._connection, node, baremetal.ON)

    def is_on(self, host: str) -> bool | None:
        """As Ironic last saw it."""
        node = self._nodes.get(host, host)
        state = baremetal.get_power(self._connection, node).state
        return {baremetal.ON: True, baremetal.OFF: False}.get(state)


class IpmiDriver(PowerDriver):
    """Lets another host's agent talk to the host's management controller.

    :param relays: hosts whose agents have the controllers' addresses and
        credentials, the preferred ones first.
    """

    def __init__(self, api: rpcapi.AgentAPI, relays: Sequence[str]) -> None:
        self._api = api
        self._relays = relays

    def switch_off(self, host: str) -> None:
        """Press the power button, as it were."""
        self._ask(host, 'soft')

    def switch_on(self, host: str) -> None:
        """Start it."""
        self._ask(host, 'on')

    def is_on(self, host: str) -> bool | None:
        """As the controller says."""
        return self._ask(host, 'status') == 'on'

    def _ask(self, host: str, verb: str) -> str:
        """The first answer of a relay; a host cannot start itself."""
        silent = []
        for relay in self._relays:
            if relay == host:
                continue
            try:
                return self._api.control_power(relay, host, verb)
            except exception.Unreachable as error:
                silent.append(str(error))
        raise exception.Unreachable(
            ' '.join(silent)
            or f'No agent can reach the management controller of {host}: '
            f'name other hosts in [ecrae_power] ipmi_relays.'
        )


class WakeOnLanDriver(PowerDriver):
    """Suspends through the host's own agent, wakes by a magic packet.

    Nobody tells whether such a host is on; that its agent and its compute
    service are silent must do.

    :param addresses: host → MAC address of the interface that listens.
    :param send: for tests, sends a packet to an address and port.
    """

    def __init__(
        self,
        api: rpcapi.AgentAPI,
        addresses: Mapping[str, str],
        broadcast: str,
        port: int,
        send: Callable[[bytes, str, int], None] | None = None,
    ) -> None:
        self._api = api
        self._packets = {
            host: magic_packet(address) for host, address in addresses.items()
        }
        self._broadcast = broadcast
        self._port = port
        self._send = send or broadcast_packet

    def switch_off(self, host: str) -> None:
        """Ask the agent, unless it is asleep already."""
        self._packet(host)
        try:
            self._api.suspend_host(host)
        except exception.Unreachable:
            # It may sleep: that it does is found out by who waits for it.
            return

    def switch_on(self, host: str) -> None:
        """Send the packet; more of them do no harm."""
        self._send(self._packet(host), self._broadcast, self._port)

    def is_on(self, host: str) -> bool | None:
        """Nobody can tell."""
        return None

    def _packet(self, host: str) -> bytes:
        packet = self._packets.get(host)
        if packet is None:
            raise exception.ConfigError(
                f'Host {host} could not be woken: [ecrae_power] '
                f'mac_addresses has none for it.'
            )
        return packet


_MAC = re.compile(r'[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}')


def magic_packet(address: str) -> bytes:
    """What a sleeping network interface waits for (AMD, 1995).

    Six bytes of ones, then sixteen times its own address.

    :raises ConfigError: not a MAC address.
    """
    if not _MAC.fullmatch(address):
        raise exception.ConfigError(
            f'[ecrae_power] mac_addresses: {address!r} is no MAC address; '
            f'write it as 52:54:00:12:34:56.'
        )
    return b'\xff' * 6 + bytes.fromhex(re.sub('[:-]', '', address)) * 16


def broadcast_packet(packet: bytes, address: str, port: int) -> None:
    """Send one datagram that every interface of the segment sees.

    :raises ConfigError: the address cannot be sent to.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            sender.sendto(packet, (address, port))
        except OSError as error:
            raise exception.ConfigError(
                f'[ecrae_power] wake_on_lan_broadcast {address}:{port}: '
                f'{error}.'
            ) from error


class Drivers:
    """The driver of each host.

    :param by_name: driver name → driver.
    :param by_host: host → driver name, where it is not the default.
    :raises ConfigError: a driver is named that there is not.
    """

    def __init__(
        self,
        by_name: Mapping[str, PowerDriver],
        default: str,
        by_host: Mapping[str, str],
    ) -> None:
        unknown = {default, *by_host.values()} - set(by_name)
        if unknown:
            raise exception.ConfigError(
                f'[ecrae_power] names no power driver with '
                f'{", ".join(sorted(unknown))}; there are '
                f'{", ".join(sorted(by_name))}.'
            )
        self._by_name = by_name
        self._default = default
        self._by_host = by_host

    def of(self, host: str) -> PowerDriver:
        """The one that switches ``host``."""
        return self._by_name[self._by_host.get(host, self._default)]
