# SPDX-License-Identifier: Apache-2.0

import dataclasses
import json
import os
import time

import pytest

from ecrae.cmd import installation
from ecrae.cmd import status
from ecrae.kb import catalogue
from ecrae.kb import knowledge
from ecrae.kb import readings
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.knowledge import KnownHost
from tests.unit.clients import wire
from tests.unit.kb import test_readings


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


@pytest.mark.parametrize(('age_s', 'result'), [(60, 0), (86400, 1)])
def test_telemetry_is_fresh_or_named_stale(check, files, age_s, result):
    _append(files / 'ecrae.conf', '[ecrae_telemetry]\nsources = file\n')
    database = Database(f'sqlite:///{files}/kb.sqlite')
    read = dataclasses.replace(
        test_readings.read('compute-1', 1), measured_at=time.time() - age_s
    )
    with database.writer() as session:
        readings.replace_all(session, [read])

    found = check()[1]['Telemetry']

    assert found[0] == result
    assert not result or 'measurement' in found[1]


@pytest.mark.parametrize(('known', 'result'), [('one', 0), ('other', 1)])
def test_every_compute_host_is_known_or_named(
    check, files, requests_mock, known, result
):
    wire.WireCloud(requests_mock).hosts(wire.hypervisor('one'))
    _append(
        files / 'ecrae.conf',
        f'[ecrae_cloud]\nauth_type = password\nauth_url = {wire.AUTH}\n'
        'username = ecrae\npassword = x\nuser_domain_id = default\n'
        'project_domain_id = default\nproject_name = service\n',
    )
    database = Database(f'sqlite:///{files}/kb.sqlite')
    hosts = {known: KnownHost(name=known, node_type='x86-xeon-8380')}
    with database.writer() as session:
        before = knowledge.load(session)
        after = dataclasses.replace(before, hosts=hosts)
        knowledge.store(session, before, after)

    code, found = check()

    assert code == result
    assert found['Compute hosts'][0] == result
    assert not result or 'one unknown' in found['Compute hosts'][1]


def test_wrong_configuration_file(capsys):
    code = status.main(['--config-file', '/nowhere', 'upgrade', 'check'])

    assert code == 255
    assert '/nowhere' in capsys.readouterr().err
