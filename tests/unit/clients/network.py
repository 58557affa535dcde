# SPDX-License-Identifier: Apache-2.0

"""What a server is connected to, as Nova and Neutron answer about it."""

import re

from ecrae.clients import attachments
from tests.unit.clients import wire


class Network:
    """A server, ports with or without it, volumes and floating addresses."""

    def __init__(self, cloud, server):
        self.cloud = cloud
        self.server = server
        self.ports = {}
        self.floating = {}
        self.volumes = {}
        self.taken = set()
        self.refused = set()
        self.has_router = True
        http = cloud.mock
        url = f'{wire.NOVA}/servers/{server}'
        http.get(f'{url}/os-interface', json=self._interfaces)
        http.post(f'{url}/os-interface', json=self._attach)
        http.get(f'{url}/os-volume_attachments', json=self._volumes)
        http.post(f'{url}/os-volume_attachments', json=self._attach_volume)
        http.get(f'{wire.NEUTRON}/v2.0/ports', json=self._list)
        http.get(re.compile(f'{wire.NEUTRON}/v2.0/ports/.+'), json=self._show)
        http.put(
            re.compile(f'{wire.NEUTRON}/v2.0/ports/.+'), json=self._change
        )
        http.get(f'{wire.NEUTRON}/v2.0/floatingips', json=self._list_floating)
        http.put(
            re.compile(f'{wire.NEUTRON}/v2.0/floatingips/.+'), json=self._lead
        )

    def add(self, name, *addresses, network='net', is_novas=False):
        self.ports[name] = {
            'id': name,
            'network_id': network,
            'device_id': self.server,
            'fixed_ips': [{'ip_address': each} for each in addresses],
            'security_groups': ['web'],
            'is_novas': is_novas,
        }

    def take_off(self):
        """All that the server has, as Nova does it when asked to."""
        self.volumes.clear()
        for name, port in list(self.ports.items()):
            port['device_id'] = ''
            if port['is_novas']:
                del self.ports[name]
                for address, leads_to in self.floating.items():
                    if leads_to == name:
                        self.floating[address] = None

    @property
    def addresses(self):
        return {
            name: [each['ip_address'] for each in port['fixed_ips']]
            for name, port in self.ports.items()
            if port['device_id'] == self.server
        }

    def seen(self):
        return attachments.list_all(self.cloud.connection(), self.server)

    def restore(self, before):
        keeper = attachments.Keeper(self.cloud.connection(), self.server)
        return keeper.restore(before)

    def _here(self):
        return [
            p for p in self.ports.values() if p['device_id'] == self.server
        ]

    def _interfaces(self, _request, _context):
        listed = [{'port_id': port['id']} for port in self._here()]
        return {'interfaceAttachments': listed}

    def _list(self, request, _context):
        assert request.qs == {'device_id': [self.server]}
        # Neutron promises no order.
        return {'ports': list(reversed(self._here()))}

    def _attach(self, request, context):
        asked = request.json()['interfaceAttachment']
        name = asked.get('port_id')
        if name in self.refused or asked.get('net_id') in self.refused:
            context.status_code = 409
            return {'conflictingRequest': {'message': 'in use', 'code': 409}}
        if name:
            self.ports[name]['device_id'] = self.server
            return {'interfaceAttachment': {'port_id': name}}
        wanted = [each['ip_address'] for each in asked.get('fixed_ips', ())]
        if self.taken & set(wanted):
            context.status_code = 400
            return {'badRequest': {'message': 'address in use', 'code': 400}}
        name = f'anew-{len(self.ports)}'
        given = wanted or ['10.0.0.99']
        self.add(name, *given, network=asked['net_id'], is_novas=True)
        self.ports[name]['security_groups'] = ['default']
        return {'interfaceAttachment': {'port_id': name}}

    def _show(self, request, context):
        port = self.ports.get(request.path.rpartition('/')[2])
        if port is None:
            context.status_code = 404
            return {'NeutronError': {'message': 'no such port'}}
        return {'port': port}

    def _change(self, request, context):
        change = request.json()['port']
        fixed = {each['ip_address'] for each in change.get('fixed_ips', ())}
        if fixed & self.taken:
            context.status_code = 409
            return {'NeutronError': {'message': 'address in use'}}
        self.ports[request.path.rpartition('/')[2]].update(change)
        return {}

    def _list_floating(self, request, context):
        if not self.has_router:
            context.status_code = 404
            return {'NeutronError': {'message': 'not found'}}
        (port,) = request.qs['port_id']
        found = [{'id': a} for a, to in self.floating.items() if to == port]
        return {'floatingips': found}

    def _lead(self, request, _context):
        name = request.path.rpartition('/')[2]
        self.floating[name] = request.json()['floatingip']['port_id']
        return {}

    def _volumes(self, _request, _context):
        return {
            'volumeAttachments': [
                {'id': name, 'volumeId': name, 'device': device}
                for name, device in self.volumes.items()
            ]
        }

    def _attach_volume(self, request, context):
        asked = request.json()['volumeAttachment']
        if asked['volumeId'] in self.refused:
            context.status_code = 409
            return {'conflictingRequest': {'message': 'in use', 'code': 409}}
        self.volumes[asked['volumeId']] = asked['device']
        return {'volumeAttachment': asked}
