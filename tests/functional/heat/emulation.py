# SPDX-License-Identifier: Apache-2.0

"""An OpenStack that is only its HTTP answers, with servers that stay.

Enough of Keystone, Nova, Placement, Glance and Neutron for a real heat-engine
to build, change and delete servers, and for ECRAE to look at hosts.
"""

import copy
import re
import uuid

import requests_mock
from keystoneauth1 import fixture


AUTH = 'http://keystone.test/v3'
ENDPOINTS = {
    'identity': AUTH,
    'compute': 'http://nova.test/v2.1',
    'placement': 'http://placement.test',
    'image': 'http://glance.test',
    'network': 'http://neutron.test',
    'cloudformation': 'http://heat-cfn.test/v1',
    'orchestration': 'http://heat.test/v1/a-project',
}
PROJECT = 'a-project'
_IS_JSON = {'Content-Type': 'application/json'}


class EmulatedCloud:
    """State that tests set and look at, and the answers made of it."""

    def __init__(self):
        self.hypervisors = []
        self.rooms = {}
        self.flavors = []
        self.images = []
        #: Servers that exist, by id, as they were asked for.
        self.servers = {}
        #: Every request to build a server, in order.
        self.builds = []
        #: Names of flavors that no host can take.
        self.unbuildable = set()
        #: Services that answer 503.
        self.broken = set()
        self.routes = [
            (method, re.compile(pattern), answer)
            for method, pattern, answer in (
                ('GET', r'keystone.test/v3/?', self._keystone),
                ('POST', r'keystone.test/v3/auth/tokens', self._token),
                ('GET', r'keystone.test/v3/roles', self._roles),
                ('POST', r'keystone.test/v3/users', self._user),
                ('PUT', r'keystone.test/v3/projects/.*', self._nothing),
                ('POST', r'keystone.test/v3/credentials', self._credential),
                ('DELETE', r'keystone.test/v3/.*', self._nothing),
                ('GET', r'nova.test/v2.1/?', self._nova_version),
                ('GET', r'nova.test/', self._nova_versions),
                ('GET', r'nova.test/v2.1/limits', self._limits),
                ('GET', r'nova.test/v2.1/extensions', self._extensions),
                ('GET', r'nova.test/v2.1/os-hypervisors/detail', self._hosts),
                ('GET', r'nova.test/v2.1/os-services', self._services),
                ('GET', r'nova.test/v2.1/os-aggregates', self._aggregates),
                ('GET', r'nova.test/v2.1/flavors/detail', self._flavors),
                ('GET', r'nova.test/v2.1/flavors', self._flavors),
                ('GET', r'nova.test/v2.1/flavors/([^/]+)', self._flavor),
                ('POST', r'nova.test/v2.1/servers', self._build),
                ('GET', r'nova.test/v2.1/servers/detail', self._servers),
                ('GET', r'nova.test/v2.1/servers/([^/]+)', self._server),
                ('DELETE', r'nova.test/v2.1/servers/([^/]+)', self._delete),
                (
                    'GET',
                    r'nova.test/v2.1/servers/([^/]+)/os-volume_attachments',
                    self._volumes,
                ),
                ('POST', r'nova.test/v2.1/servers/([^/]+)/action', self._act),
                (
                    'POST',
                    r'nova.test/v2.1/servers/([^/]+)/metadata',
                    self._metadata,
                ),
                (
                    'GET',
                    r'nova.test/v2.1/servers/([^/]+)/os-interface',
                    self._interfaces,
                ),
                (
                    'GET',
                    r'placement.test/allocation_candidates',
                    self._candidates,
                ),
                ('GET', r'placement.test/?', self._placement),
                ('GET', r'glance.test/?', self._glance),
                ('GET', r'glance.test/v2/schemas/image', self._schema),
                ('GET', r'glance.test/v2/images', self._images),
                ('GET', r'glance.test/v2/images/([^/]+)', self._image),
                ('GET', r'neutron.test/.*extensions(.json)?', self._none),
                ('GET', r'neutron.test/v2.0/networks', self._networks),
            )
        ]

    def answering(self):
        """Context in which every HTTP request is answered here."""
        mocker = requests_mock.Mocker()
        mocker.register_uri(
            requests_mock.ANY, requests_mock.ANY, json=self._answer
        )
        return mocker

    def add_host(self, name, *, vcpus=64, memory_mib=262144, used_vcpus=0):
        self.hypervisors.append(
            {
                'id': f'uuid-{name}',
                'hypervisor_hostname': name,
                'state': 'up',
                'status': 'enabled',
                'service': {'id': f's-{name}', 'host': name},
            }
        )
        self.rooms[f'uuid-{name}'] = {
            'resources': {
                'VCPU': {'capacity': vcpus, 'used': used_vcpus},
                'MEMORY_MB': {'capacity': memory_mib, 'used': 0},
            },
            'traits': [],
        }

    def fill_host(self, name):
        for found in self.rooms[f'uuid-{name}']['resources'].values():
            found['used'] = found['capacity'] - 1

    def add_flavor(self, name, vcpus, memory_mib, disk_gib):
        self.flavors.append(
            {
                'id': f'id-of-{name}',
                'name': name,
                'vcpus': vcpus,
                'ram': memory_mib,
                'disk': disk_gib,
                'extra_specs': {},
            }
        )

    def add_image(self, name, architecture, **properties):
        self.images.append(
            {
                'id': str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
                'name': name,
                'status': 'active',
                'visibility': 'public',
                'owner': 'admin',
                'min_ram': 0,
                'min_disk': 0,
                'architecture': architecture,
                **properties,
            }
        )

    def server_of(self, resource):
        """The one server of a stack's resource, as it was asked for."""
        (found,) = [
            server
            for server in self.servers.values()
            if f'-{resource}-' in server['name']
        ]
        return found

    def flavor_of(self, resource):
        """Name of the flavor that a resource's server has."""
        return self.server_of(resource)['flavorRef'].removeprefix('id-of-')

    def _answer(self, request, context):
        context.headers.update(_IS_JSON)
        where = request.netloc.partition(':')[0] + request.path
        if request.netloc.partition('.')[0] in self.broken:
            context.status_code = 503
            return {}
        for method, pattern, answer in self.routes:
            match = pattern.fullmatch(where)
            if method == request.method and match:
                return answer(request, context, *match.groups())
        context.status_code = 404
        return {'error': {'message': f'no {request.method} {where}'}}

    @staticmethod
    def _keystone(request, context):
        return {'version': fixture.V3Discovery(AUTH)}

    @staticmethod
    def _token(request, context):
        token = fixture.V3Token(project_id=PROJECT)
        for service, url in ENDPOINTS.items():
            token.add_service(service).add_standard_endpoints(
                public=url, internal=url, region='one'
            )
        context.headers['X-Subject-Token'] = 'a-token'
        return token

    @staticmethod
    def _roles(request, context):
        return {'roles': [{'id': 'role', 'name': 'heat_stack_user'}]}

    @staticmethod
    def _user(request, context):
        return {'user': {'id': 'user-of-a-server'}}

    @staticmethod
    def _credential(request, context):
        return {'credential': {'id': 'credential'}}

    @staticmethod
    def _nothing(request, context):
        context.status_code = 204

    _NOVA = {
        'id': 'v2.1',
        'status': 'CURRENT',
        'version': '2.100',
        'min_version': '2.1',
        'links': [{'rel': 'self', 'href': ENDPOINTS['compute']}],
    }

    def _nova_version(self, request, context):
        return {'version': self._NOVA}

    def _nova_versions(self, request, context):
        return {'versions': [self._NOVA]}

    @staticmethod
    def _limits(request, context):
        return {
            'limits': {
                'absolute': {
                    'maxServerMeta': 128,
                    'maxPersonality': 5,
                    'maxPersonalitySize': 10240,
                }
            }
        }

    @staticmethod
    def _extensions(request, context):
        return {'extensions': []}

    def _hosts(self, request, context):
        return {
            'hypervisors': [] if 'marker' in request.qs else self.hypervisors
        }

    def _services(self, request, context):
        return {
            'services': [
                {'host': each['service']['host'], 'zone': 'nova'}
                for each in self.hypervisors
            ]
        }

    @staticmethod
    def _aggregates(request, context):
        return {'aggregates': []}

    def _flavors(self, request, context):
        return {'flavors': [] if 'marker' in request.qs else self.flavors}

    def _flavor(self, request, context, name):
        for flavor in self.flavors:
            if flavor['id'].lower() == name:
                return {'flavor': flavor}
        context.status_code = 404
        return {}

    def _build(self, request, context):
        asked = copy.deepcopy(request.json())
        server = asked.pop('server')
        server.pop('user_data', None)
        server['scheduler_hints'] = asked.get('os:scheduler_hints', {})
        server_id = str(uuid.uuid4())
        flavor = server['flavorRef'].removeprefix('id-of-')
        is_built = flavor not in self.unbuildable
        self.servers[server_id] = server | {
            'id': server_id,
            'status': 'ACTIVE' if is_built else 'ERROR',
            'fault': {'message': 'No valid host was found', 'code': 500},
            'addresses': {},
            'links': [],
            'OS-EXT-STS:task_state': None,
        }
        self.builds.append(server)
        context.status_code = 202
        return {'server': {'id': server_id, 'links': []}}

    def _servers(self, request, context):
        """One page of them; none is on a host."""
        is_first = 'marker' not in request.qs
        return {'servers': list(self.servers.values()) if is_first else []}

    def _server(self, request, context, server_id):
        if server_id in self.servers:
            return {'server': self.servers[server_id]}
        context.status_code = 404
        return {}

    def _delete(self, request, context, server_id):
        self.servers.pop(server_id, None)
        context.status_code = 204
        return {}

    def _act(self, request, context, server_id):
        server = self.servers[server_id]
        action = request.json()
        if 'resize' in action:
            server['flavorRef'] = action['resize']['flavorRef']
            server['status'] = 'VERIFY_RESIZE'
        elif 'confirmResize' in action:
            server['status'] = 'ACTIVE'
        context.status_code = 202

    def _metadata(self, request, context, server_id):
        metadata = request.json()['metadata']
        self.servers[server_id]['metadata'].update(metadata)
        return {'metadata': metadata}

    @staticmethod
    def _volumes(request, context, server_id):
        return {'volumeAttachments': []}

    @staticmethod
    def _interfaces(request, context, server_id):
        return {'interfaceAttachments': []}

    def _candidates(self, request, context):
        return {'allocation_requests': [], 'provider_summaries': self.rooms}

    @staticmethod
    def _placement(request, context):
        return {
            'versions': [
                {'id': 'v1.0', 'max_version': '1.39', 'min_version': '1.0'}
            ]
        }

    @staticmethod
    def _glance(request, context):
        href = ENDPOINTS['image'] + '/v2/'
        return {
            'versions': [
                {
                    'id': 'v2.16',
                    'status': 'CURRENT',
                    'links': [{'rel': 'self', 'href': href}],
                }
            ]
        }

    @staticmethod
    def _schema(request, context):
        return {'name': 'image', 'properties': {}}

    def _images(self, request, context):
        names = request.qs.get('name')
        return {
            'images': [
                image
                for image in self.images
                if names is None or image['name'].lower() in names
            ]
        }

    def _image(self, request, context, image_id):
        for image in self.images:
            if image['id'] == image_id:
                return image
        context.status_code = 404
        return {}

    @staticmethod
    def _none(request, context):
        return {'extensions': []}

    @staticmethod
    def _networks(request, context):
        return {'networks': []}
