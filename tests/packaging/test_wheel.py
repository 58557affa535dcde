# SPDX-License-Identifier: Apache-2.0

"""The wheel in empty environments, in Nova's and in Heat's."""

import json
import re
import subprocess
import time
import zipfile

import pytest

from tests.packaging.conftest import TOP


def test_the_wheel_has_all_that_is_read_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    assert 'ecrae/kb/data/catalogue.yaml' in names
    assert any(re.search('alembic/versions/0001', name) for name in names)
    assert any(name.endswith('systemd/ecrae-agent.service') for name in names)
    assert any(name.endswith('grafana/ecrae.json') for name in names)
    assert 'ecrae_tempest_plugin/plugin.py' in names
    assert not [name for name in names if name.startswith('tests/')]


def test_the_core_plans_and_keeps_a_knowledge_base(core, tmp_path):
    rows = json.loads(
        core.must('ecrae', 'plan', TOP / 'examples/owncloud.yaml', '-f=json')
    )
    assert len(rows) == 2
    conf = tmp_path / 'ecrae.conf'
    conf.write_text(
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
    )
    manage = ('ecrae-manage', '--config-file', conf)
    core.must(*manage, 'db', 'sync')
    core.must(*manage, 'kb', 'import', '--builtin')
    assert 'database' in core.must(*manage, 'kb', 'list', 'tag')


@pytest.mark.parametrize(
    ('line', 'extra'),
    [
        ('ecrae migration list', 'agent'),
        ('ecrae migrate criu:web compute-2', 'agent'),
        ('ecrae agent list', 'agent'),
        ('ecrae-agent', 'agent'),
        ('ecrae-collector', 'collector'),
        ('ecrae-rebalancer --once', 'rebalancer'),
        ('ecrae-status upgrade check', 'status'),
    ],
)
def test_a_missing_extra_is_named(core, line, extra):
    done = core.run(*line.split())

    assert done.returncode in (1, 255)
    assert f'ecrae[{extra}]' in done.stderr
    assert 'Traceback' not in done.stderr
    assert done.stderr.count('\n') == 1


@pytest.mark.parametrize(
    ('scheme', 'extra'),
    [('mysql+pymysql', 'mysql'), ('postgresql+psycopg2', 'postgresql')],
)
def test_the_extra_of_a_database_is_named(core, tmp_path, scheme, extra):
    conf = tmp_path / 'ecrae.conf'
    url = f'{scheme}://ecrae:secret@127.0.0.1/ecrae'
    conf.write_text(f'[ecrae_database]\nconnection = {url}\n')
    done = core.run('ecrae-manage', '--config-file', conf, 'db', 'version')

    _assert_names(done, extra)


@pytest.mark.parametrize('extra', ['gnocchi', 'prometheus', 'ceilometer'])
def test_the_extra_of_a_telemetry_source_is_named(core, tmp_path, extra):
    conf = tmp_path / 'ecrae.conf'
    conf.write_text(
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
        f'[ecrae_telemetry]\nsources = {extra}\n'
        'prometheus_url = http://127.0.0.1:9\n'
    )
    manage = ('ecrae-manage', '--config-file', conf)
    core.must(*manage, 'db', 'sync')

    _assert_names(core.run(*manage, 'telemetry', 'check'), extra)


def test_a_plot_names_the_extra_that_it_needs(core):
    done = core.run('ecrae', 'simulate', 'cloud.csv', '--plot', 'saving.svg')

    _assert_names(done, 'simulator')


def _assert_names(done, extra):
    assert done.returncode == 1
    assert f'ecrae[{extra}]' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    'program', ['ecrae', 'ecrae-manage', 'ecrae-rebalancer']
)
def test_help_needs_no_extra(core, program):
    assert 'usage' in core.must(program, '--help')


LOAD = """
import sys
from nova import config
from nova.scheduler import host_manager
config.parse_args(['x', '--config-file', sys.argv[1]])
manager = host_manager.HostManager.__new__(host_manager.HostManager)
manager.filter_handler = host_manager.filters.HostFilterHandler()
from nova.conf import CONF
group = CONF.filter_scheduler
classes = manager.filter_handler.get_matching_classes(group.available_filters)
manager.filter_cls_map = {cls.__name__: cls for cls in classes}
manager.filter_obj_map = {}
print(*(type(f).__name__ for f in manager._choose_host_filters(
    group.enabled_filters)))
weighers = host_manager.weights.HostWeightHandler().get_matching_classes(
    group.weight_classes)
print(*(cls.__name__ for cls in weighers))
"""


def test_novas_scheduler_takes_the_plugins(nova):
    assert nova.must('nova-scheduler', '--version').startswith('34.')
    sample = TOP / 'etc/ecrae/nova.conf.sample'
    filters, weighers = nova.must('python', '-c', LOAD, sample).splitlines()[
        -2:
    ]
    assert filters.split()[-3:] == [
        'EcraePowerCapFilter',
        'EcraeTagFilter',
        'EcraeDrainFilter',
    ]
    assert 'EcraeEnergyWeigher' in weighers
    assert 'BuildFailureWeigher' in weighers


def test_novas_scheduler_starts_with_the_plugins(nova, tmp_path):
    conf = tmp_path / 'nova.conf'
    conf.write_text(
        '[DEFAULT]\n'
        'transport_url = fake:/\n'
        f'state_path = {tmp_path}\n'
        f'[oslo_concurrency]\nlock_path = {tmp_path}\n'
        f'[api_database]\nconnection = sqlite:///{tmp_path}/api.sqlite\n'
        f'[database]\nconnection = sqlite:///{tmp_path}/cell.sqlite\n'
        '[placement]\nauth_type = none\n'
        'endpoint_override = http://127.0.0.1:9\n'
        '[scheduler]\nworkers = 1\n'
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
    )
    nova.must('nova-manage', '--config-file', conf, 'api_db', 'sync')
    nova.must(
        'nova-manage', '--config-file', conf, 'db', 'sync', '--local_cell'
    )
    sample = TOP / 'etc/ecrae/nova.conf.sample'
    scheduler = nova.folder / 'bin/nova-scheduler'
    text = _started(
        # The sample's knowledge base is the controller's, which is not here.
        [scheduler, '--config-file', sample, '--config-file', conf],
        'Starting scheduler node (version 34.',
        tmp_path / 'scheduler.log',
    )
    assert 'Traceback' not in text


def _started(command, said, log):
    """What a service logs until it says that it runs, and as it ends."""
    with log.open('wb') as stream:
        service = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + 180
        while said not in log.read_text():
            assert service.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
    finally:
        service.terminate()
        service.wait(60)
    return log.read_text()


def test_nova_gets_no_library_that_only_others_need(nova):
    listed = nova.must(
        'python',
        '-c',
        'import importlib.metadata as m\n'
        'print(*(d.name.lower() for d in m.distributions()))',
    ).split()
    assert not {'pylxd', 'matplotlib', 'gnocchiclient'} & set(listed)


def test_heats_engine_starts_with_the_plugin(heat, tmp_path):
    resources = heat.must(
        'python',
        '-c',
        'from ecrae.deployer import heat; print(*heat.__path__)',
    ).strip()
    conf = tmp_path / 'heat.conf'
    conf.write_text(
        '[DEFAULT]\n'
        f'plugin_dirs = {resources}/resources\n'
        'transport_url = fake:/\n'
        'num_engine_workers = 1\n'
        'auth_encryption_key = 0123456789abcdef0123456789abcdef\n'
        f'[database]\nconnection = sqlite:///{tmp_path}/heat.sqlite\n'
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
    )
    heat.must('heat-manage', '--config-file', conf, 'db_sync')
    text = _started(
        [heat.folder / 'bin/heat-engine', '--config-file', conf],
        'Starting engine_worker',
        tmp_path / 'engine.log',
    )
    assert 'Traceback' not in text
    assert 'ECRAE::Application -> ' in text
