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


def test_novas_scheduler_starts_with_the_plugins(nova):
    assert nova.must('nova-scheduler', '--version').startswith('34.')
    assert 'usage' in nova.must('nova-scheduler', '--help')
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
    log = tmp_path / 'engine.log'
    with log.open('wb') as stream:
        engine = subprocess.Popen(
            [heat.folder / 'bin/heat-engine', '--config-file', conf],
            stdout=stream,
            stderr=stream,
        )
    try:
        deadline = time.monotonic() + 180
        while 'Starting engine_worker' not in log.read_text():
            assert engine.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
    finally:
        engine.terminate()
        engine.wait(60)
    text = log.read_text()
    assert 'Traceback' not in text
    assert 'ECRAE::Application -> ' in text
