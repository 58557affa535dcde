# SPDX-License-Identifier: Apache-2.0

import json
import os

import pytest

from ecrae.cmd import installation
from ecrae.cmd import status
from ecrae.kb import catalogue
from ecrae.kb import knowledge
from ecrae.kb import schema
from ecrae.kb.db import Database


@pytest.fixture
def files(tmp_path):
    """An installation without fault, but for a cloud to look at."""
    url = f'sqlite:///{tmp_path}/kb.sqlite'
    database = Database(url)
    schema.upgrade(database)
    with database.writer() as session:
        before = knowledge.load(session)
        knowledge.store(session, before, catalogue.load())
    connection = f'[ecrae_database]\nconnection = {url}\n'
    tag_filter = installation.FILTERS['EcraeTagFilter'][0]
    (tmp_path / 'ecrae.conf').write_text(connection)
    (tmp_path / 'nova.conf').write_text(
        f'{connection}[filter_scheduler]\n'
        f'available_filters = {installation.NOVAS_FILTERS}\n'
        f'available_filters = {tag_filter}\n'
        'enabled_filters = ComputeFilter,EcraeTagFilter\n'
        f'weight_classes = {installation.NOVAS_WEIGHERS},'
        f'{installation.WEIGHER}\n'
    )
    root = os.path.dirname(os.path.dirname(installation.__file__))
    (tmp_path / 'heat.conf').write_text(
        f'[DEFAULT]\nplugin_dirs = {root}/deployer/heat/resources\n'
        f'{connection}[ecrae_cloud]\nauth_type = password\nuser_id = x\n'
    )
    return tmp_path


@pytest.fixture
def check(files, capsys):
    """Exit code, and each check's code and details."""

    def run():
        code = status.main(
            [
                '--config-file',
                f'{files}/ecrae.conf',
                '--nova-conf',
                f'{files}/nova.conf',
                '--heat-conf',
                f'{files}/heat.conf',
                'upgrade',
                'check',
                '--json',
            ]
        )
        printed = json.loads(capsys.readouterr().out)
        return code, {
            each['check']: (each['result'], each['details'])
            for each in printed['checks']
        }

    return run


def _append(path, text):
    path.write_text(path.read_text() + text)


def test_all_is_well_but_for_the_cloud(check):
    code, found = check()

    assert code == 1
    assert found['nova.conf'] == (0, None)
    assert found['heat.conf'] == (0, None)
    assert found['Knowledge base'] == (0, None)
    assert found['Telemetry'][0] == 0
    result, details = found['Compute hosts']
    assert result == 1
    assert 'Not checked. [ecrae_cloud]' in details


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('[ecrae_schedular]\nx = 1\n', '[ecrae_schedular] is no group'),
        (
            '[ecrae_scheduler]\nmax_ages = 1\n',
            'has no option max_ages; it has energy_weight_multiplier',
        ),
        (
            '[ecrae_scheduler]\nmax_age = soon\n',
            "[ecrae_scheduler] max_age: 'soon'",
        ),
        (
            '[ecrae_database]\nconnection = sqlite:////other\n',
            'its knowledge base is sqlite:////other, that of ecrae.conf',
        ),
        ('[ecrae_database]\nconnection = nonsense\n', 'not a database URL'),
        ('no configuration at all', 'cannot be read'),
    ],
)
def test_faulty_nova_conf(check, files, text, expected):
    _append(files / 'nova.conf', text)

    code, found = check()

    assert code == 2
    assert found['nova.conf'][0] == 2
    assert expected in found['nova.conf'][1]


def test_heat_conf_is_on_another_machine(check, files):
    (files / 'heat.conf').unlink()

    code, found = check()

    assert code == 1
    assert 'run this where it is' in found['heat.conf'][1]


def test_heat_conf_without_plugin(check, files):
    (files / 'heat.conf').write_text('[DEFAULT]\n')

    _, (result, details) = check()[0], check()[1]['heat.conf']

    assert result == 2
    assert 'plugin_dirs lacks' in details
    assert '[ecrae_database] connection is not set' in details


def test_knowledge_base_without_tables(check, files):
    (files / 'kb.sqlite').write_text('')

    code, found = check()

    assert code == 2
    assert 'ecrae-manage db sync' in found['Knowledge base'][1]


def test_empty_knowledge_base(check, files):
    database = Database(f'sqlite:///{files}/kb.sqlite')
    with database.writer() as session:
        empty = type(catalogue.load())(tags={}, node_types={}, flavors={})
        knowledge.store(session, knowledge.load(session), empty)

    code, found = check()

    assert code == 2
    assert 'kb import --builtin' in found['Knowledge base'][1]


def test_telemetry_that_never_was(check, files):
    _append(files / 'ecrae.conf', '[ecrae_telemetry]\nsources = file\n')

    code, found = check()

    assert code == 1
    assert found['Telemetry'][0] == 1


def test_wrong_configuration_file(capsys):
    code = status.main(['--config-file', '/nowhere', 'upgrade', 'check'])

    assert code == 255
    assert '/nowhere' in capsys.readouterr().err
