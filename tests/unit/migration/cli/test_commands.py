# SPDX-License-Identifier: Apache-2.0

"""The commands, from the words typed to what two agents then did."""

import json

import pytest

from ecrae.cmd import shell
from tests.unit.migration.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    found = Cloud(tmp_path)
    found.sync_database()
    found.add('compute-1')
    found.add('compute-2')
    found.run('compute-1', 'web')
    for host in ('compute-1', 'compute-2'):
        found.report(host)
    yield found
    found.stop()


@pytest.fixture
def run(cloud, capsys):
    def call(words):
        path = str(cloud.folder / 'ecrae.conf')
        code = shell.main(['--config-file', path, *words.split()])
        output, errors = capsys.readouterr()
        return code, output, errors

    return call


def test_a_workload_moves_and_the_command_says_how(cloud, run):
    code, output, errors = run('migrate fake:web compute-2 -f json')
    assert code == 0, errors
    told = json.loads(output)
    assert told['mode'] == 'post-copy'
    assert told['reason'] == 'best that compute-1 and compute-2 support'
    assert cloud.copies('web') == {('compute-2', 'running')}


def test_a_server_cannot_move_in_a_mode_that_nova_lacks(run):
    server = 'nova:0c1b7f6e-55c1-4b6e-9e53-2b1f0b3f9d11'
    code, _, errors = run(f'migrate {server} compute-2 --mode stop-and-copy')
    assert code == 1
    assert 'by auto, live, post-copy, not by stop-and-copy' in errors


def test_a_dry_run_touches_nothing(cloud, run):
    code, output, _ = run('migrate fake:web compute-2 --dry-run -f json')
    assert code == 0
    assert json.loads(output)['source'] == 'compute-1'
    assert cloud.copies('web') == {('compute-1', 'running')}
    assert json.loads(run('migration list -f json')[1]) == []


def test_what_is_in_the_way_is_one_paragraph(cloud, run):
    cloud.run('compute-2', 'web')
    code, _, errors = run('migrate fake:web compute-2')
    assert code == 1
    assert errors.strip() == 'compute-2 already has a fake:web.'


@pytest.mark.parametrize(
    'words',
    [
        'migrate web compute-2',
        'migrate fake:web comp/ute',
        'migrate fake:web compute-2 --mode fast',
        'migration give-back 6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11',
    ],
)
def test_wrong_usage_exits_with_2(run, words):
    try:
        code = run(words)[0]
    except SystemExit as error:
        code = error.code
    assert code == 2


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        ('migrate fake:none compute-2', 'No agent that is up reports'),
        ('migrate fake:web compute-1', 'fake:web is on compute-1'),
        ('agent show compute-9', 'No agent named compute-9'),
        (
            'migration show 6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11',
            'No migration named 6f1c0a52',
        ),
    ],
)
def test_errors_name_what_was_asked_for(run, words, told):
    code, _, errors = run(words)
    assert code in (1, 2)
    assert told in errors


def test_agents_and_migrations_are_listed(cloud, run):
    run('migrate fake:web compute-2')
    listed = json.loads(run('agent list -f json')[1])
    assert [item['host'] for item in listed] == ['compute-1', 'compute-2']
    assert all(item['up'] for item in listed)
    (found,) = json.loads(run('migration list -f json')[1])
    assert found['phase'] == 'released'
    assert json.loads(run('migration list --open -f json')[1]) == []
    shown = json.loads(run(f'migration show {found["id"]} -f json')[1])
    assert shown['destination'] == 'compute-2'


def test_an_agent_shows_its_modes(run):
    shown = json.loads(run('agent show compute-1 -f json')[1])
    assert shown['drivers']['fake']['modes']['post-copy'] == ''
