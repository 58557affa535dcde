# SPDX-License-Identifier: Apache-2.0

"""A stack of one server, as Nova, Neutron, Glance and Heat answer of it."""

import copy
import dataclasses
import re

from ecrae.kb import catalogue
from ecrae.kb import db
from ecrae.kb import knowledge
from ecrae.kb import schema
from ecrae.migration import redeploy
from ecrae.model import plan
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from tests.unit.clients import wire
from tests.unit.clients.network import Network


OLD, NEW = 'old-server', 'new-server'
IS_JSON = {'Content-Type': 'application/json'}
TEMPLATE = {
    'heat_template_version': '2021-04-16',
    'parameters': {'size': {'type': 'string'}},
    'resources': {
        'web': {
            'type': 'OS::Nova::Server',
            'properties': {
                'flavor': {'get_param': 'size'},
                'image': 'ubuntu-24.04-aarch64',
                'networks': [{'network': 'private'}],
                'scheduler_hints': {'ecrae:node_type': 'arm-altra-q80'},
                'metadata': {
                    'ecrae:tag': 'web-frontend',
                    'ecrae:node_type': 'arm-altra-q80',
                },
            },
        },
        'other': {'type': 'OS::Heat::None'},
    },
}


def _image(architecture):
    return wire.image(
        f'ubuntu-24.04-{architecture}',
        architecture=architecture,
        os_type='linux',
        os_distro='ubuntu',
        os_version='24.04',
    )


class World:
    """A stack of one server, and what Heat makes of an update of it."""

    def __init__(self, requests_mock, folder):
        self.cloud = wire.WireCloud(requests_mock)
        self.template = copy.deepcopy(TEMPLATE)
        self.server = OLD
        self.status = 'CREATE_COMPLETE'
        self.ends = 'UPDATE_COMPLETE'
        #: Whether Heat's way back is one all the way.
        self.puts_ports_on = False
        self.stored = None
        self.server_status = 'ACTIVE'
        self.looks = 2
        self.metadata = {
            'ecrae:tag': 'web-frontend',
            'ecrae:relocatable': 'true',
        }
        self.extra_specs = {}
        self.asked = []
        self.network = Network(self.cloud, OLD)
        self.network.add('stacks', '10.0.0.5')
        self.network.add('novas', '10.0.0.6', is_novas=True)
        self.network.volumes['data'] = '/dev/vdb'
        self._database(folder)
        heat, nova = f'{wire.HEAT}/stacks', f'{wire.NOVA}/servers'
        http = requests_mock
        http.get(f'{nova}/{OLD}', json=self._show_server)
        http.get(
            re.compile(rf'{nova}/detail'),
            [{'json': self._list_servers}, {'json': {'servers': []}}],
        )
        self.cloud.images([_image('aarch64'), _image('x86_64')])
        http.get(f'{wire.GLANCE}/v2/images/id-arm', json=_image('aarch64'))
        for url, answer in (
            (re.compile(rf'{heat}\?'), self._list_stacks),
            (re.compile(rf'{heat}/the-id/resources\?'), self._resources),
            (f'{heat}/the-id/template', lambda *_: self.template),
            (re.compile(rf'{heat}/the-id/events\?'), self._events),
            (f'{heat}/the-id', self._show_stack),
        ):
            http.get(url, json=answer, headers=IS_JSON)
        http.patch(f'{heat}/the-id', json=self._update, headers=IS_JSON)
        http.post(f'{heat}/the-id/actions', json=self._act, headers=IS_JSON)

    def _database(self, folder):
        self.database = db.Database(f'sqlite:///{folder}/kb.sqlite')
        schema.upgrade(self.database)
        hosts = {'x86-1': 'x86-xeon-8380', 'power-1': 'power-power9'}
        with self.database.writer() as session:
            knowledge.store(
                session,
                Knowledge(tags={}, node_types={}, flavors={}),
                dataclasses.replace(
                    catalogue.load(),
                    hosts={
                        name: KnownHost(name=name, node_type=kind)
                        for name, kind in hosts.items()
                    },
                ),
            )

    def _show_server(self, _request, context):
        if self.server != OLD:
            context.status_code = 404
            return {'itemNotFound': {'message': 'gone', 'code': 404}}
        flavor = {'original_name': 'ecrae.web.small', 'vcpus': 1}
        return {
            'server': {
                'id': OLD,
                'name': 'shop-web-xyz',
                'status': self.server_status,
                'tenant_id': 'project',
                'flavor': {
                    **flavor,
                    'ram': 1024,
                    'disk': 1,
                    'extra_specs': self.extra_specs,
                },
                'image': {'id': 'id-arm'},
                'metadata': self.metadata,
            }
        }

    def _list_servers(self, _request, _context):
        made = self.template['resources']['web']['properties']['metadata']
        return {
            'servers': [
                {
                    'id': NEW,
                    'name': 'x',
                    'status': 'ACTIVE',
                    'flavor': {},
                    'metadata': made,
                }
            ]
        }

    def _stack(self):
        return {
            'id': 'the-id',
            'stack_name': 'shop',
            'stack_status': self.status,
            'stack_status_reason': f'Stack {self.status}',
            'outputs': [],
        }

    def _list_stacks(self, request, _context):
        first = 'marker' not in request.qs
        return {'stacks': [self._stack()] if first else []}

    def _show_stack(self, _request, _context):
        shown = {'stack': self._stack()}
        if self.status == 'UPDATE_IN_PROGRESS':
            self.looks -= 1
            if self.looks <= 0:
                self._end()
        return shown

    def _events(self, request, _context):
        assert request.qs['sort_dir'] == ['desc']
        found = [
            ('shop', 'ROLLBACK_IN_PROGRESS', 'Stack ROLLBACK started'),
            ('web', 'CREATE_FAILED', 'it is ERROR'),
            ('shop', 'UPDATE_IN_PROGRESS', 'Stack UPDATE started'),
            ('shop', 'UPDATE_FAILED', 'of another time'),
        ]
        if self.looks <= 0:
            found.insert(1, ('shop', 'UPDATE_FAILED', 'No valid host'))
        names = 'resource_name', 'resource_status', 'resource_status_reason'
        return {
            'events': [
                {'id': str(i), **dict(zip(names, event, strict=True))}
                for i, event in enumerate(found)
            ]
        }

    def _end(self):
        """What Heat does at the end of an update."""
        self.status = self.ends
        if self.ends == 'UPDATE_COMPLETE':
            self.server = NEW if self.is_replacing else OLD
        elif self.ends.startswith('ROLLBACK'):
            self.template = self.stored
            if self.puts_ports_on:
                self.network.restore(self.had)

    @property
    def is_replacing(self):
        web = self.template['resources']['web']['properties']
        return 'ecrae:replaces' in web['metadata']

    def _resources(self, request, _context):
        if request.qs.get('name') == ['web']:
            return {'resources': [self._web()]}
        is_it = request.qs['physical_resource_id'] == [self.server]
        return {'resources': [self._web()] if is_it else []}

    def _web(self):
        return {
            'resource_name': 'web',
            'physical_resource_id': self.server,
            'resource_type': 'OS::Nova::Server',
        }

    def _update(self, request, context):
        self.asked.append(request.json())
        self.status = 'UPDATE_IN_PROGRESS'
        if 'template' in request.json():
            self.stored = self.template
            self.template = request.json()['template']
            self.had = self.network.seen()
            self.network.take_off()
        else:
            self.ends = 'UPDATE_COMPLETE'
        context.status_code = 202
        return {}

    def _act(self, request, _context):
        self.asked.append(request.json())
        self.ends = 'ROLLBACK_COMPLETE'
        return {}

    def redeploy(self, host='x86-1', cancelled=lambda: False, **parts):
        connection = self.cloud.connection()
        parts = {'pause': lambda _: None, **parts}
        redeploy.RedeployEnactor(
            connection,
            lambda project: connection,
            self.database,
            **parts,
        )(
            plan.Action(
                kind=plan.ActionKind.REDEPLOY,
                workload=OLD,
                source='arm-1',
                destination=host,
                reason='',
                saving_w=0.0,
                cost_j=0.0,
            ),
            cancelled=cancelled,
        )
