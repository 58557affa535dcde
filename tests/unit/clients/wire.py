# SPDX-License-Identifier: Apache-2.0

"""A cloud that is only its HTTP answers, for tests of the clients."""

import re

from keystoneauth1 import fixture
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

from ecrae.clients.session import Connection


AUTH = 'https://keystone.test/v3'
NOVA = 'https://nova.test/v2.1'
PLACEMENT = 'https://placement.test'
GLANCE = 'https://glance.test'
HEAT = 'https://heat.test/v1/project'
NEUTRON = 'https://neutron.test'


class WireCloud:
    """Registers a catalogue and answers with ``requests_mock``."""

    def __init__(self, requests_mock, services=None):
        self.mock = requests_mock
        token = fixture.V3Token(project_id='project')
        for service, url in (
            services
            or {
                'compute': NOVA,
                'placement': PLACEMENT,
                'image': GLANCE,
                'orchestration': HEAT,
                'network': NEUTRON,
            }
        ).items():
            token.add_service(service).add_standard_endpoints(
                public=url, region='one'
            )
        self.mock.get(
            AUTH, json={'version': fixture.V3Discovery(AUTH)}, status_code=200
        )
        self.mock.post(
            f'{AUTH}/auth/tokens',
            json=token,
            headers={'X-Subject-Token': 'token-that-is-a-secret'},
        )
        self.mock.get(
            f'{GLANCE}/',
            json={
                'versions': [
                    {
                        'id': 'v2.9',
                        'status': 'CURRENT',
                        'links': [{'rel': 'self', 'href': f'{GLANCE}/v2/'}],
                    }
                ]
            },
        )

        self.servers()

    def servers(self, *found):
        """All of Nova's servers, in one page."""
        self.mock.get(
            re.compile(f'{NOVA}/servers/detail'),
            json=lambda request, context: {
                'servers': [] if 'marker' in request.qs else list(found)
            },
        )

    def connection(self):
        auth = v3.Password(
            auth_url=AUTH,
            username='demo',
            password='the-password',
            project_name='demo',
            user_domain_id='default',
            project_domain_id='default',
        )
        return Connection(
            session=keystone_session.Session(auth=auth), region='one'
        )

    def hosts(self, *hypervisors, services=None, aggregates=()):
        """Nova's three listings about compute hosts, in one page."""
        self.mock.get(
            re.compile(f'{NOVA}/os-hypervisors/detail'),
            [
                {'json': {'hypervisors': list(hypervisors)}},
                {'json': {'hypervisors': []}},
            ],
        )
        if services is None:
            services = [
                {'host': each['service']['host'], 'zone': 'nova'}
                for each in hypervisors
            ]
        self.mock.get(
            f'{NOVA}/os-services?binary=nova-compute',
            json={'services': services},
        )
        self.mock.get(
            f'{NOVA}/os-aggregates', json={'aggregates': list(aggregates)}
        )

    def flavors(self, *pages):
        self.mock.get(
            re.compile(f'{NOVA}/flavors/detail'),
            [{'json': {'flavors': page}} for page in (*pages, [])],
        )

    def images(self, *pages):
        answers = []
        for number, page in enumerate(pages, start=1):
            answer = {'images': page}
            if number < len(pages):
                answer['next'] = f'/v2/images?marker={number}'
            answers.append({'json': answer})
        self.mock.get(re.compile(f'{GLANCE}/v2/images'), answers)

    def rooms(self, summaries):
        self.mock.get(
            f'{PLACEMENT}/allocation_candidates?resources=MEMORY_MB:1',
            json={'allocation_requests': [], 'provider_summaries': summaries},
        )


def hypervisor(name, state='up', status='enabled'):
    return {
        'id': f'uuid-{name}',
        'hypervisor_hostname': f'{name}.example.org',
        'state': state,
        'status': status,
        'service': {'id': f's-{name}', 'host': name},
    }


def server(name, host, *, vcpus=1, **facts):
    """A server as an administrator lists it."""
    return {
        'id': f'id-{name}',
        'name': name,
        'status': 'ACTIVE',
        'OS-EXT-SRV-ATTR:host': host,
        'flavor': {'vcpus': vcpus, 'ram': 1024, 'disk': 1},
        'metadata': {},
        **facts,
    }


def flavor(name, **fields):
    return {
        'id': f'id-{name}',
        'name': name,
        'vcpus': 2,
        'ram': 4096,
        'disk': 20,
        'extra_specs': {},
        **fields,
    }


def image(name, **fields):
    return {
        'id': f'id-{name}',
        'name': name,
        'status': 'active',
        'visibility': 'public',
        'owner': 'admin',
        'min_ram': 0,
        'min_disk': 0,
        **fields,
    }


def summary(*, vcpus=(16, 0), memory_mib=(65536, 0), disk_gib=None):
    """Capacity and use of each class, as allocation candidates list them."""
    classes = {'VCPU': vcpus, 'MEMORY_MB': memory_mib, 'DISK_GB': disk_gib}
    return {
        'resources': {
            name: {'capacity': pair[0], 'used': pair[1]}
            for name, pair in classes.items()
            if pair is not None
        },
        'traits': ['HW_ARCH_X86_64'],
    }
