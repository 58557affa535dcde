# SPDX-License-Identifier: Apache-2.0

"""One host of a Nova that is its HTTP answers, with a power switch."""

import re

from tests.unit.clients import wire


HOST = 'compute-1'


class Nova:
    """The host's service, what is on it, and whether it draws power."""

    def __init__(self, requests_mock):
        self.wire = wire.WireCloud(
            requests_mock,
            {
                'compute': wire.NOVA,
                'placement': wire.PLACEMENT,
                'baremetal': 'https://ironic.test',
            },
        )
        self.connection = self.wire.connection()
        self.is_on = True
        self.is_up = True
        self.status = 'enabled'
        self.reason = None
        self.servers = []
        self.migrations = []
        self.allocations = {}
        self.asked = []
        mock = self.wire.mock
        mock.get(re.compile(f'{wire.NOVA}/os-services'), json=self._services)
        mock.put(re.compile(f'{wire.NOVA}/os-services/s1'), json=self._update)
        mock.get(
            re.compile(rf'{wire.NOVA}/servers\?'), json=self._list_servers
        )
        mock.get(
            re.compile(f'{wire.NOVA}/os-migrations'), json=self._migrations
        )
        mock.get(
            re.compile(f'{wire.NOVA}/os-hypervisors/detail'),
            json=self._hypervisors,
        )
        mock.get(f'{wire.NOVA}/os-aggregates', json={'aggregates': []})
        mock.get(
            f'{wire.PLACEMENT}/resource_providers/p1/allocations',
            json=lambda *_: {'allocations': self.allocations},
        )

    def _services(self, _request, _context):
        return {
            'services': [
                {
                    'id': 's1',
                    'host': HOST,
                    'zone': 'nova',
                    'binary': 'nova-compute',
                    'state': 'up' if self.is_up else 'down',
                    'status': self.status,
                    'disabled_reason': self.reason,
                }
            ]
        }

    def _update(self, request, _context):
        body = request.json()
        self.asked.append(body['status'])
        self.status = body['status']
        self.reason = body.get('disabled_reason')
        return {'service': {'id': 's1', **body}}

    def _list_servers(self, request, _context):
        assert request.qs['host'] == [HOST]
        if 'marker' in request.qs:
            return {'servers': []}
        return {'servers': [{'id': each} for each in self.servers]}

    def _migrations(self, _request, _context):
        return {'migrations': self.migrations}

    def _hypervisors(self, request, _context):
        if 'marker' in request.qs:
            return {'hypervisors': []}
        return {
            'hypervisors': [
                {
                    'id': 'p1',
                    'hypervisor_hostname': HOST,
                    'state': 'up',
                    'status': 'enabled',
                    'service': {'id': 's1', 'host': HOST},
                }
            ]
        }
