# SPDX-License-Identifier: Apache-2.0

"""usage: openstack.py SCRATCH ADDRESS PORT HOST...

Keystone, Nova and Placement: answers as they do for a cloud of these hosts, on
which no server runs. Nova remembers which of its services are enabled, and
takes one for down while the host's management controller, whose folder is in
SCRATCH, says that it is off.
"""

import http.server
import json
import pathlib
import sys
import urllib.parse

from keystoneauth1 import fixture


TOP = pathlib.Path(__file__).resolve().parents[2]


class Cloud:
    """What the three services say."""

    def __init__(self, scratch, url, hosts):
        self.scratch = scratch
        self.url = url
        self.services = {
            host: {
                'id': f'service-{host}',
                'binary': 'nova-compute',
                'host': host,
                'zone': 'nova',
                'state': 'up',
                'status': 'enabled',
                'disabled_reason': None,
                'forced_down': False,
            }
            for host in hosts
        }

    def token(self):
        """A token and the catalogue."""
        token = fixture.V3Token(project_id='service')
        for kind in ('compute', 'placement'):
            service = token.add_service(kind)
            service.add_standard_endpoints(
                public=f'{self.url}/{kind}', region='one'
            )
        return token

    def get(self, path, query):
        """The answer to a GET; None where there is none."""
        if path == '/v3':
            return {'version': fixture.V3Discovery(f'{self.url}/v3')}
        if path == '/compute/os-hypervisors/detail':
            self._look()
            hosts = [] if 'marker' in query else sorted(self.services)
            return {'hypervisors': [self._hypervisor(each) for each in hosts]}
        if path == '/compute/os-services':
            self._look()
            wanted = query.get('host', [*self.services])
            found = [self.services[each] for each in wanted]
            return {'services': found}
        if path == '/placement/allocation_candidates':
            rooms = {f'node-{each}': _room() for each in self.services}
            return {'allocation_requests': [], 'provider_summaries': rooms}
        if path.endswith('/allocations'):
            return {'allocations': {}, 'resource_provider_generation': 1}
        return {
            '/compute/os-aggregates': {'aggregates': []},
            '/compute/servers': {'servers': []},
            '/compute/servers/detail': {'servers': []},
            '/compute/os-migrations': {'migrations': []},
            '/compute/os-server-groups': {'server_groups': []},
        }.get(path)

    def put(self, path, body):
        """Enable a service or disable it."""
        for service in self.services.values():
            if path == f'/compute/os-services/{service["id"]}':
                service.update(body)
                return {'service': service}
        return None

    def _look(self):
        """Notice which hosts have gone, and which are back."""
        for host, service in self.services.items():
            power = self.scratch / f'bmc-{host}' / 'power'
            is_off = power.exists() and power.read_text().strip() == '0'
            service['state'] = 'down' if is_off else 'up'

    def _hypervisor(self, host):
        service = self.services[host]
        return {
            'id': f'node-{host}',
            'hypervisor_hostname': host,
            'state': service['state'],
            'status': service['status'],
            'service': {'id': service['id'], 'host': host},
        }


def _room():
    sizes = {'VCPU': 16, 'MEMORY_MB': 32768, 'DISK_GB': 400}
    return {
        'resources': {
            name: {'capacity': size, 'used': 0} for name, size in sizes.items()
        },
        'traits': ['HW_ARCH_X86_64'],
    }


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    cloud: Cloud
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        """Look."""
        path, _, query = self.path.partition('?')
        found = self.cloud.get(path.rstrip('/'), urllib.parse.parse_qs(query))
        self._answer(200 if found is not None else 404, found)

    def do_POST(self):
        """A token, the only thing that is made here."""
        self._body()
        self._answer(201, self.cloud.token(), {'X-Subject-Token': 'token'})

    def do_PUT(self):
        """Change a compute service."""
        found = self.cloud.put(self.path, self._body())
        self._answer(200 if found is not None else 404, found)

    def _body(self):
        size = int(self.headers.get('Content-Length', 0))
        return json.loads(self.rfile.read(size) or b'{}')

    def _answer(self, status, document, headers=None):
        data = json.dumps(document or {}).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main():
    """Serve until killed."""
    scratch, address, port, *hosts = sys.argv[1:]
    url = f'http://{address}:{port}'
    Handler.cloud = Cloud(pathlib.Path(scratch), url, hosts)
    server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
    server.serve_forever()


if __name__ == '__main__':
    main()
