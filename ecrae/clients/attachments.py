# SPDX-License-Identifier: Apache-2.0

"""Ports and volumes of a server: what it has, and giving it back.

Nova deletes a port that it made itself as soon as the port is taken off a
server, with the addresses that it held; one that somebody else made (a
port of a Heat stack, say) stays. The first kind can only be made anew, with
the same addresses if they are still free; only an administrator may ask for
them.
"""

import dataclasses
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as auth_exceptions
from oslo_log import log

from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import failures
from ecrae.clients.session import Connection
from ecrae.model.attachments import Attachments
from ecrae.model.attachments import Port
from ecrae.model.attachments import Volume


LOG = log.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Lacks:
    """How a server differs from what it was, each in a few words."""

    #: What it has, but not as it had it.
    changed: tuple[str, ...] = ()
    #: What it does not have any more.
    missing: tuple[str, ...] = ()


def list_all(connection: Connection, server: str) -> Attachments:
    """What a server has now.

    :raises CloudError: Nova or Neutron failed.
    """
    api = compute.nova(connection)
    with failures.reported('Nova', "list a server's ports and volumes"):
        order = [each.port_id for each in api.servers.interface_list(server)]
        volumes = api.volumes.get_server_volumes(server)
    neutron = _neutron(connection)
    with failures.reported('Neutron', 'list ports'):
        query = {'device_id': server}
        found = neutron.get('/v2.0/ports', params=query).json()['ports']
    shown = {each['id']: each for each in found}
    return Attachments(
        ports=tuple(
            _port(neutron, shown[each]) for each in order if each in shown
        ),
        volumes=tuple(
            Volume(id=each.volumeId, device=each.device or '')
            for each in volumes
        ),
    )


class Keeper:
    """Gives a server back what it had; what it still has is left alone.

    :param connection: of an administrator.
    """

    def __init__(self, connection: Connection, server: str) -> None:
        self._connection = connection
        self._server = server
        self._nova = compute.nova(connection)
        self._neutron = _neutron(connection)

    def restore(self, before: Attachments) -> Lacks:
        """Attach what is missing; what could not be had again as it was.

        :raises CloudError: Nova or Neutron failed to say what there is.
        """
        now = list_all(self._connection, self._server)
        here = {port.id for port in now.ports}
        here |= {volume.id for volume in now.volumes}
        # Made anew by a call before this one.
        known = {port.id for port in before.ports}
        anew = [port for port in now.ports if port.id not in known]
        changed: list[str] = []
        missing: list[str] = []
        for port in before.ports:
            if port.id not in here:
                try:
                    made = _take(anew, port.network)
                    changed += self._restore_port(port, made)
                except exception.CloudError as error:
                    missing.append(f'port {port.id}: {error}')
        for volume in before.volumes:
            if volume.id not in here:
                try:
                    self._restore_volume(volume)
                except exception.CloudError as error:
                    missing.append(f'volume {volume.id}: {error}')
        return Lacks(tuple(changed), tuple(missing))

    def _restore_port(self, port: Port, made: Port | None) -> list[str]:
        """Attach a port, or one like it; what is different about it."""
        if made is None and self._exists(port.id):
            LOG.info('Server %s gets port %s back', self._server, port.id)
            with failures.reported('Nova', 'attach a port'):
                self._nova.servers.interface_attach(
                    self._server, port.id, None, None
                )
            return []
        return self._liken(made.id if made else self._make(port), port)

    def _make(self, port: Port) -> str:
        """A port of Nova's own in place of one that is gone; its id."""
        LOG.info('Server %s gets a port like %s', self._server, port.id)
        with failures.reported('Nova', 'attach a port'):
            attach = self._nova.servers.interface_attach
            if port.addresses:
                try:
                    made = attach(
                        self._server, None, port.network, port.addresses[0]
                    )
                except failures.LIBRARY_ERRORS as error:
                    LOG.warning('%s: %s', port.addresses[0], error)
                else:
                    return str(made.port_id)
            made = attach(self._server, None, port.network, None)
        return str(made.port_id)

    def _liken(self, made: str, port: Port) -> list[str]:
        """Give a port the addresses and groups of one that is gone."""
        path = f'/v2.0/ports/{made}'
        with failures.reported('Neutron', 'change a port'):
            now = self._neutron.get(path).json()['port']
            held = _addresses(now)
            if set(held) != set(port.addresses):
                held = self._readdress(path, port.addresses, held)
            groups = {'security_groups': list(port.security_groups)}
            self._neutron.put(path, json={'port': groups})
            for each in port.floating:
                self._neutron.put(
                    f'/v2.0/floatingips/{each}',
                    json={'floatingip': {'port_id': made}},
                )
        if set(held) == set(port.addresses):
            return []
        return [
            f'its address on network {port.network} is '
            f'{", ".join(held) or "none"}, for '
            f'{", ".join(port.addresses) or "none"} was not to be had again'
        ]

    def _readdress(
        self, path: str, wanted: tuple[str, ...], held: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The addresses that a port has after it was asked to change."""
        fixed = [{'ip_address': each} for each in wanted]
        try:
            self._neutron.put(path, json={'port': {'fixed_ips': fixed}})
        except auth_exceptions.HttpError as error:
            LOG.warning('%s: %s', ', '.join(wanted), error)
            return held
        return wanted

    def _exists(self, port: str) -> bool:
        with failures.reported('Neutron', 'show a port'):
            try:
                self._neutron.get(f'/v2.0/ports/{port}')
            except auth_exceptions.NotFound:
                return False
        return True

    def _restore_volume(self, volume: Volume) -> None:
        LOG.info('Server %s gets volume %s back', self._server, volume.id)
        with failures.reported('Nova', 'attach a volume'):
            self._nova.volumes.create_server_volume(
                self._server, volume.id, volume.device or None
            )


def _take(ports: list[Port], network: str) -> Port | None:
    """The first port on a network, which the list then has no more."""
    for port in ports:
        if port.network == network:
            ports.remove(port)
            return port
    return None


def _addresses(facts: dict[str, Any]) -> tuple[str, ...]:
    return tuple(each['ip_address'] for each in facts['fixed_ips'])


def _port(neutron: adapter.Adapter, facts: dict[str, Any]) -> Port:
    return Port(
        id=facts['id'],
        network=facts['network_id'],
        addresses=_addresses(facts),
        security_groups=tuple(facts.get('security_groups') or ()),
        floating=_floating(neutron, facts['id']),
    )


def _floating(neutron: adapter.Adapter, port: str) -> tuple[str, ...]:
    with failures.reported('Neutron', 'list floating addresses'):
        try:
            found = neutron.get('/v2.0/floatingips', params={'port_id': port})
        except auth_exceptions.NotFound:
            # A cloud without routers has none.
            return ()
    return tuple(each['id'] for each in found.json()['floatingips'])


def _neutron(connection: Connection) -> adapter.Adapter:
    return connection.api('network')
