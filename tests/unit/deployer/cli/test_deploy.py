# SPDX-License-Identifier: Apache-2.0

import io
import json
import os
import re
import textwrap
import time

import pytest

from ecrae.clients import orchestration
from ecrae.cmd import shell
from ecrae.kb import catalogue
from ecrae.kb import decisions
from ecrae.kb import readings
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests.unit import cataloguing
from tests.unit.clients import wire


DESCRIPTOR = textwrap.dedent("""\
    tosca_definitions_version: tosca_simple_yaml_1_3
    topology_template:
      inputs:
        secret: {type: string, default: ''}
      node_templates:
        web:
          type: tosca.nodes.Compute
          metadata: {ecrae.tag: web-frontend}
    """)
IS_JSON = {'Content-Type': 'application/json'}


class Clouds(wire.WireCloud):
    """A cloud with one host, and a Heat that makes what it is asked."""

    def __init__(self, requests_mock):
        super().__init__(requests_mock)
        self.hosts(wire.hypervisor('arm-1'))
        self.rooms({'uuid-arm-1': wire.summary(vcpus=(80, 0))})
        self.flavors(
            [
                wire.flavor(f.name, vcpus=f.vcpus, ram=f.memory_mib)
                for f in catalogue.load().flavors.values()
            ]
        )
        self.images([wire.image('debian', architecture='aarch64')])
        self.asked = None
        #: Statuses of the stack, one for each look at it; None: not there.
        self.statuses = ['CREATE_COMPLETE']
        self.deleted = False
        self.is_there = False
        self.reason = ''
        stack = f'{wire.HEAT}/stacks/(shop|the-id)'
        heat = f'{wire.HEAT}/stacks'
        self.mock.get(
            re.compile(stack + '$'), json=self._show, headers=IS_JSON
        )
        self.mock.get(
            re.compile(stack + '/events'), json=self._events, headers=IS_JSON
        )
        self.mock.get(
            re.compile(stack + '/template'),
            json=lambda request, context: self.stored(),
            headers=IS_JSON,
        )
        self.mock.post(heat, json=self._create, headers=IS_JSON)
        self.mock.post(f'{heat}/preview', json=self._preview, headers=IS_JSON)
        self.mock.delete(f'{heat}/the-id', json=self._delete)
        self.versions('2021-04-16', 'ecrae_tosca_1')

    def versions(self, *versions):
        self.mock.get(
            f'{wire.HEAT}/template_versions',
            json={
                'template_versions': [
                    {'version': f'heat_template_version.{version}'}
                    for version in versions
                ]
            },
            headers=IS_JSON,
        )

    def stored(self):
        """What heat-engine makes of a descriptor that it is given."""
        template = self.asked['template']
        if 'resources' in template:
            return template
        metadata = {
            'ecrae:tag': 'web-frontend',
            'ecrae:node_type': 'their-own',
        }
        return {
            'resources': {
                'web': {
                    'type': 'OS::Nova::Server',
                    'properties': {'flavor': 'theirs', 'metadata': metadata},
                }
            }
        }

    def _show(self, request, context):
        is_by_name = request.path.endswith('/shop')
        if self.deleted or (is_by_name and not self.is_there):
            context.status_code = 404
            return {}
        status = self.statuses[0]
        if not is_by_name and len(self.statuses) > 1:
            self.statuses.pop(0)
        return {
            'stack': {
                'id': 'the-id',
                'stack_name': 'shop',
                'stack_status': status,
                'stack_status_reason': self.reason,
            }
        }

    def _events(self, request, context):
        if 'marker' in request.qs or not self.reason:
            return {'events': []}
        return {
            'events': [
                {
                    'id': 'e1',
                    'event_time': '2026-11-20T10:00:00Z',
                    'resource_name': 'web',
                    'resource_status': 'CREATE_FAILED',
                    'resource_status_reason': self.reason,
                }
            ]
        }

    def _create(self, request, context):
        self.asked = request.json()
        return {'stack': {'id': 'the-id'}}

    def _preview(self, request, context):
        self.asked = request.json()
        return {
            'stack': {
                'resources': [
                    {
                        'resource_name': name,
                        'resource_type': resource['type'],
                        'properties': resource['properties'],
                    }
                    for name, resource in self.stored()['resources'].items()
                ]
            }
        }

    def _delete(self, request, context):
        self.deleted = True
        context.status_code = 204


@pytest.fixture
def cloud(requests_mock, monkeypatch):
    for name in [name for name in os.environ if name.startswith('OS_')]:
        monkeypatch.delenv(name)
    for name, value in {
        'AUTH_URL': wire.AUTH,
        'USERNAME': 'demo',
        'PASSWORD': 'the-password',
        'PROJECT_NAME': 'demo',
        'USER_DOMAIN_ID': 'default',
        'PROJECT_DOMAIN_ID': 'default',
    }.items():
        monkeypatch.setenv(f'OS_{name}', value)
    monkeypatch.setattr(orchestration, 'POLL_INTERVAL_S', 0)
    return Clouds(requests_mock)


@pytest.fixture
def database(tmp_path):
    return cataloguing.make(tmp_path, {'arm-1': 'arm-altra-q80'})


@pytest.fixture
def deploy(tmp_path, database, capsys):
    """Run ``ecrae deploy`` on the descriptor: code, output, errors."""
    config = tmp_path / 'ecrae.conf'
    config.write_text(
        f'[ecrae_database]\nconnection = {database.engine.url}\n'
    )
    path = tmp_path / 'app.yaml'
    path.write_text(DESCRIPTOR)

    def run(*arguments, text=None):
        if text is not None:
            path.write_text(text)
        argv = ['--config-file', str(config), 'deploy', str(path)]
        try:
            code = shell.main([*argv, '--name', 'shop', *arguments])
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_stack_is_created_with_what_was_chosen_here(cloud, deploy, database):
    code, out, err = deploy('--wait', '-f', 'json')
    assert code == 0, err
    server = cloud.asked['template']['resources']['web']['properties']
    (row,) = json.loads(out)
    assert (row['node'], row['host']) == ('web', 'arm-1')
    assert server['flavor'] == row['flavor']
    assert server['image'] == 'debian'
    assert cloud.asked['stack_name'] == 'shop'
    assert row['marginal_power_w'] > 0
    with database.reader() as session:
        (recorded,) = decisions.list_newest(session, 9)
    assert server['metadata']['ecrae:decision'] == recorded.id
    assert 'knowledge base' in err


def test_measured_watts_count(cloud, deploy, database):
    def added_w():
        cloud.hosts(wire.hypervisor('arm-1'))
        code, out, err = deploy('--dry-run', '-f', 'json')
        assert code == 0, err
        return json.loads(out)[0]['marginal_power_w']

    estimated_w = added_w()
    with database.writer() as session:
        readings.replace_all(
            session,
            [
                Reading(
                    subject=Subject.HOST,
                    name='arm-1',
                    metric=Metric.POWER_W,
                    value=10_000.0,
                    measured_at=time.time(),
                    source='file',
                )
            ],
        )
    assert added_w() == pytest.approx(2 * estimated_w, rel=0.01)


def test_value_of_an_input_is_a_parameter_and_nothing_else(cloud, deploy):
    code, out, err = deploy('--input', 'secret=hunter2')
    assert code == 0, err
    assert cloud.asked['parameters'] == {'secret': 'hunter2'}
    assert 'hunter2' not in json.dumps(cloud.asked['template']) + out + err


def test_without_wait_heat_rolls_back_by_itself(cloud, deploy):
    cloud.statuses = ['CREATE_IN_PROGRESS']
    assert deploy()[0] == 0
    assert cloud.asked['disable_rollback'] is False
    assert cloud.asked['timeout_mins'] == 60


def test_failed_stack_is_deleted_and_the_reason_told(cloud, deploy):
    cloud.statuses = ['CREATE_IN_PROGRESS', 'CREATE_FAILED']
    cloud.reason = 'No valid host was found'
    code, out, err = deploy('--wait')
    assert code == 1
    assert cloud.asked['disable_rollback'] is True
    assert cloud.deleted
    assert 'web: No valid host was found' in err
    assert 'Traceback' not in err
    assert not out


def test_stack_of_that_name_is_not_touched(cloud, deploy):
    cloud.is_there = True
    code, _, err = deploy('--wait')
    assert code == 1
    assert 'shop is there already' in err
    assert cloud.asked is None
    assert not cloud.deleted


def test_dry_run_creates_and_records_nothing(cloud, deploy, database):
    code, out, err = deploy('--dry-run', '-f', 'json')
    assert code == 0, err
    assert json.loads(out)[0]['host'] == 'arm-1'
    assert 'Nothing was created' in err
    posted = [r for r in cloud.mock.request_history if r.method == 'POST']
    assert not [r for r in posted if r.path.endswith('/stacks')]
    with database.reader() as session:
        assert not decisions.list_newest(session, 9)


def _hide_hosts(cloud):
    cloud.mock.get(
        re.compile(f'{wire.NOVA}/os-hypervisors'), status_code=403, json={}
    )


def test_tenant_leaves_the_choice_to_heat_engine(cloud, deploy):
    _hide_hosts(cloud)
    code, out, err = deploy('--wait', '-f', 'json')
    assert code == 0, err
    assert 'heat-engine' in err
    template = cloud.asked['template']
    assert template['heat_template_version'] == 'ecrae_tosca_1'
    assert template['topology_template']['node_templates']['web']
    (row,) = json.loads(out)
    assert (row['node_type'], row['flavor']) == ('their-own', 'theirs')


def test_tenant_brings_the_files_of_the_descriptor(cloud, deploy, tmp_path):
    _hide_hosts(cloud)
    (tmp_path / 'scripts').mkdir()
    (tmp_path / 'scripts/install.sh').write_text('echo')
    (tmp_path / 'secret.txt').write_text('not named, not sent')
    text = DESCRIPTOR + (
        '        interfaces:\n'
        '          Standard: {create: scripts/install.sh}\n'
    ).replace('        ', '      ', 1)
    code, _, err = deploy('--dry-run', text=text)
    assert code == 0, err
    assert cloud.asked['files'] == {'scripts/install.sh': 'echo'}


def test_tenant_of_a_cloud_without_ecrae(cloud, deploy):
    _hide_hosts(cloud)
    cloud.versions('2021-04-16')
    code, _, err = deploy()
    assert code == 1
    assert 'may not see hosts' in err
    assert 'ecrae_tosca_1' in err
    assert cloud.asked is None


def test_knowledge_base_that_someone_configured_must_work(
    cloud, deploy, tmp_path
):
    (tmp_path / 'kb.sqlite').unlink()
    code, _, err = deploy()
    assert code == 1
    assert 'knowledge base' in err
    assert cloud.asked is None


def test_no_knowledge_base_leaves_the_choice_to_heat_engine(
    cloud, deploy, tmp_path
):
    (tmp_path / 'ecrae.conf').write_text('')
    code, _, err = deploy()
    assert code == 0, err
    assert 'built-in catalogue names no hosts' in err


def test_unknown_tag_never_reaches_the_cloud(cloud, deploy):
    text = DESCRIPTOR.replace('web-frontend', 'web-frontent')
    code, _, err = deploy(text=text)
    assert code == 1
    assert 'web-frontend' in err
    assert cloud.asked is None


def test_wrong_password(cloud, deploy):
    cloud.mock.post(f'{wire.AUTH}/auth/tokens', status_code=401)
    code, _, err = deploy()
    assert code == 1
    assert 'credentials were refused' in err
    assert 'the-password' not in err


def test_interrupted_wait_leaves_the_stack(cloud, deploy, monkeypatch):
    cloud.statuses = ['CREATE_IN_PROGRESS']

    def interrupt(seconds):
        raise KeyboardInterrupt

    defaults = orchestration.Stacks.wait.__kwdefaults__
    monkeypatch.setitem(defaults, 'sleep', interrupt)
    code, _, err = deploy('--wait')
    assert code == 1
    assert 'goes on creating' in err
    assert not cloud.deleted


@pytest.mark.parametrize(
    'arguments', [('--timeout', '0'), ('--input', 'novalue'), ('--bad',)]
)
def test_wrong_usage(cloud, deploy, arguments):
    assert deploy(*arguments)[0] == 2


def test_descriptor_from_standard_input(cloud, deploy, tmp_path, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(DESCRIPTOR.encode()))
    monkeypatch.setattr('sys.stdin', stdin)
    config = ['--config-file', str(tmp_path / 'ecrae.conf')]
    assert shell.main([*config, 'deploy', '-', '--name', 'shop']) == 0
