# SPDX-License-Identifier: Apache-2.0

"""``ecrae`` as a person types it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

import ecrae
from ecrae.cmd import shell
from tests.unit import terminal


EXAMPLES = pathlib.Path(ecrae.__file__).parents[1] / 'examples'


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line; return its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'examples').symlink_to(EXAMPLES)
    (tmp_path / 'empty.conf').touch()

    return terminal.typist(shell.main, 'empty.conf', monkeypatch, capsys)


def test_plan_shows_each_component_with_its_watts(run):
    code, output, errors = run('plan examples/owncloud.yaml -f json')

    assert (code, errors) == (0, '')
    rows = json.loads(output)
    assert [(row['node'], row['tag']) for row in rows] == [
        ('web_server', 'web-frontend'),
        ('db_server', 'database'),
    ]
    for row in rows:
        assert row['marginal_power_w'] > 0
        assert row['flavor'].startswith('ecrae.')
        assert row['runners_up']


def test_plan_writes_a_whole_folder(run, tmp_path):
    assert run('plan examples/owncloud.yaml --output-dir plan')[0] == 0

    folder = tmp_path / 'plan'
    hot = yaml.safe_load((folder / 'hot.yaml').read_text())
    assert hot['resources']['db_server']['properties']['scheduler_hints']
    completed = (folder / 'completed.yaml').read_text()
    assert 'ecrae.nodes' not in completed
    record = json.loads((folder / 'decision.json').read_text())
    assert len(record['components'][0]['candidates']) > 3
    assert (folder / 'scripts/mysql/install.sh').read_text().startswith('#!')


def test_plan_replaces_its_own_folder_but_no_other(run, tmp_path):
    run('plan examples/owncloud.yaml --output-dir plan')
    assert run('plan examples/exact.yaml --output-dir plan')[0] == 0
    assert not (tmp_path / 'plan/scripts').exists()

    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/letter.txt').touch()
    code, _, errors = run('plan examples/exact.yaml --output-dir mine')
    assert code == 1
    assert 'neither empty' in errors
    assert (tmp_path / 'mine/letter.txt').exists()


def test_a_bad_descriptor_is_one_paragraph_and_leaves_no_folder(run, tmp_path):
    (tmp_path / 'bad.yaml').write_text(
        'tosca_definitions_version: tosca_simple_yaml_1_3\n'
        'topology_template:\n'
        '  node_templates:\n'
        '    server:\n'
        '      type: tosca.nodes.Compute\n'
        '      metadata: {ecrae.tag: databse}\n'
    )

    code, output, errors = run('plan bad.yaml --output-dir plan')

    assert (code, output) == (1, '')
    assert errors == (
        'bad.yaml: line 6: node server: no tag named databse; '
        'did you mean database?\n'
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'bad.yaml',
        'empty.conf',
        'examples',
    ]


@pytest.mark.parametrize(
    'line',
    [
        'plan',
        'plan examples/exact.yaml --input size',
        'plan examples/exact.yaml --no-such-option',
        'plam examples/exact.yaml',
        '',
    ],
)
def test_wrong_usage_exits_with_2(run, line):
    assert run(line)[0] == 2


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('plan missing.yaml', 'missing.yaml: No such file'),
        ('plan examples', 'examples: Is a directory'),
        (
            'plan examples/exact.yaml --inventory missing.yaml',
            'missing.yaml: No such file',
        ),
        (
            'plan examples/exact.yaml --knowledge missing.yaml',
            'missing.yaml: No such file',
        ),
        (
            'plan examples/exact.yaml --input size=1',
            'no input named size',
        ),
        (
            'plan examples/exact.yaml --output-dir empty.conf/plan',
            'File exists',
        ),
    ],
)
def test_errors_exit_with_1_and_no_traceback(run, line, message):
    code, _, errors = run(line)

    assert code == 1
    assert message in errors
    assert errors.count('\n') == 1


@pytest.mark.parametrize('words', shell.COMMANDS)
def test_every_command_has_help_with_examples(run, words):
    code, output, _ = run(f'{words} --help')

    assert code == 0
    assert output.startswith(f'usage: ecrae {words} ')
    assert f'examples:\n  ecrae {words}' in output


def test_the_whole_has_help_too(run):
    code, output, _ = run('--help')

    assert not code
    assert all(words in output for words in shell.COMMANDS)


def test_libraries_say_nothing_on_the_terminal():
    """Loads all commands in a process of its own: imports happen once."""
    # Those of a user, who has asked for no more warnings.
    usual = {k: v for k, v in os.environ.items() if k != 'PYTHONWARNINGS'}
    done = subprocess.run(
        [sys.executable, '-m', 'ecrae.cmd.shell', 'help'],
        env=usual,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'agent list' in done.stdout
    assert not done.stderr
