# SPDX-License-Identifier: Apache-2.0

"""A real heat-engine in this process, with a database of its own."""

import time

import oslo_messaging
from heat.common import context
from heat.common import identifier
from heat.common import messaging
from heat.db import api as db_api
from heat.db import models
from heat.engine import service
from heat.rpc import api
from oslo_config import cfg
from oslo_messaging import conffixture

from tests.functional.heat import emulation


#: Seconds in which a stack of emulated servers is finished.
PATIENCE_S = 60


class Refused(Exception):
    """What heat-api would send to the client as a 4xx."""


class Engine:
    """heat-engine's RPC methods, called as heat-api would."""

    def __init__(self):
        # Registers the options that heat reads and a transport would bring.
        conffixture.ConfFixture(cfg.CONF)
        messaging.setup('fake:/', optional=True)
        self.service = service.EngineService('host', 'topic')
        self.service.thread_group_mgr = service.ThreadGroupManager()
        self.service.engine_id = 'engine'
        # Nested stacks are asked for over RPC.
        self.service.target = oslo_messaging.Target(
            version=self.service.RPC_API_VERSION
        )
        self._server = messaging.get_rpc_server(
            oslo_messaging.Target(topic=api.ENGINE_TOPIC, server='host'),
            self.service,
        )
        self._server.start()

    def stop(self):
        """Let the threads end."""
        self._server.stop()
        self._server.wait()

    @staticmethod
    def context():
        return context.RequestContext(
            username='demo',
            password='the-password',
            user_id='demo-id',
            project_id=emulation.PROJECT,
            is_admin=False,
            roles=['member'],
            auth_token='token',
            auth_url=emulation.AUTH,
        )

    def create(self, name, template, *, parameters=None, files=None):
        answer = self._call(
            'create_stack',
            stack_name=name,
            template=template,
            params={'parameters': parameters or {}},
            files=files or {},
            args={},
        )
        return self._finished(answer)

    def update(self, name, template, *, parameters=None, files=None, **args):
        found = self._identity(name)
        answer = self._call(
            'update_stack',
            stack_identity=found,
            template=template,
            params={'parameters': parameters or {}},
            files=files or {},
            args=args,
        )
        return self._finished(answer)

    def preview_update(self, name, template, *, parameters=None):
        return self._call(
            'preview_update_stack',
            stack_identity=self._identity(name),
            template=template,
            params={'parameters': parameters or {}},
            files={},
            args={},
        )

    def preview(self, name, template, *, parameters=None, files=None):
        return self._call(
            'preview_stack',
            stack_name=name,
            template=template,
            params={'parameters': parameters or {}},
            files=files or {},
            args={},
        )

    def validate(self, template, *, parameters=None, files=None):
        return self._call(
            'validate_template',
            template=template,
            params={'parameters': parameters or {}},
            files=files or {},
        )

    def delete(self, name):
        self._call('delete_stack', stack_identity=self._identity(name))
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                self._identity(name)
            except Refused:
                return
            time.sleep(0.05)
        raise AssertionError(f'{name} is still there')

    def show(self, name):
        (found,) = self._call(
            'show_stack', stack_identity=self._identity(name)
        )
        return found

    def stored_template(self, name):
        return self._call('get_template', stack_identity=self._identity(name))

    def nested_template(self, name, resource):
        """Stored template of the stack that a resource is."""
        found = self._call(
            'describe_stack_resource',
            stack_identity=self._identity(name),
            resource_name=resource,
        )
        return self._call(
            'get_template',
            stack_identity=self._identity(found['physical_resource_id']),
        )

    def template_versions(self):
        return self._call('list_template_versions')

    def _identity(self, name):
        return self._call('identify_stack', stack_name=name)

    def _call(self, method, **kwargs):
        try:
            return getattr(self.service, method)(self.context(), **kwargs)
        except oslo_messaging.ExpectedException as expected:
            raise Refused(str(expected.exc_info[1])) from None

    def _finished(self, identity):
        found = identifier.HeatIdentifier(**identity)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            (shown,) = self._call('show_stack', stack_identity=dict(found))
            if shown['stack_status'] != 'IN_PROGRESS':
                return shown
            time.sleep(0.05)
        raise AssertionError(f'{shown["stack_name"]} is not finished')


def configure(path, options):
    """Point heat at an empty database of its own below ``path``.

    :param options: text of further sections of heat.conf.
    """
    conf = path / 'heat.conf'
    conf.write_text(
        f"""
[DEFAULT]
convergence_engine = false
deferred_auth_method = password
reauthentication_auth_method =
region_name_for_services = one
action_retry_limit = 0
[database]
connection = sqlite:///{path}/heat.sqlite
{options}
"""
    )
    cfg.CONF.reset()
    cfg.CONF([], project='heat', default_config_files=[str(conf)])
    database = db_api.context_manager.make_new_manager()
    database.configure(connection=f'sqlite:///{path}/heat.sqlite')
    restore = db_api.context_manager.patch_factory(database)
    models.BASE.metadata.create_all(database.writer.get_engine())
    return restore
