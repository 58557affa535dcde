# SPDX-License-Identifier: Apache-2.0

"""``openstack ecrae …`` in the real python-openstackclient."""

import inspect
import json
import logging
import os
import pathlib
import re
import shlex

import pytest
from openstackclient import shell as openstack_shell
from openstackclient.common import clientmanager

import ecrae
from ecrae.cmd import shell
from tests.unit.clients import wire


EXAMPLES = pathlib.Path(ecrae.__file__).parents[1] / 'examples'


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line of ``openstack``; its code, output and errors."""
    for name in [name for name in os.environ if name.startswith('OS_')]:
        monkeypatch.delenv(name)
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    # One process of ``openstack`` has one client manager; ours has several.
    kept = inspect.getattr_static(clientmanager.ClientManager, 'ecrae')
    monkeypatch.setattr(kept, '_handle', None)
    root = logging.getLogger()
    monkeypatch.setattr(root, 'handlers', list(root.handlers))
    monkeypatch.setattr(root, 'level', root.level)

    def _run(line):
        try:
            code = openstack_shell.main(shlex.split(line))
        except SystemExit as exit_:
            code = exit_.code
        output = capsys.readouterr()
        return code, output.out, output.err

    return _run


@pytest.mark.parametrize('words', shell.COMMANDS)
def test_every_command_has_its_help(run, words):
    code, output, _ = run(f'ecrae {words} --help')

    assert code == 0
    assert f' ecrae {words} ' in output.splitlines()[0]
    assert '\n  ecrae ' not in output


def test_a_command_does_the_same_in_both(run, capsys):
    line = f'plan {EXAMPLES}/owncloud.yaml -f json'
    code, output, _ = run(f'ecrae {line}')

    assert code == 0
    shell.main(shlex.split(line))
    assert json.loads(output) == json.loads(capsys.readouterr().out)


def test_a_command_that_needs_no_cloud_asks_for_no_credentials(run):
    code, _, errors = run('ecrae plan missing.yaml')

    assert code == 1
    assert 'missing.yaml: No such file' in errors
    assert 'auth' not in errors


def test_the_configuration_is_the_one_named(run, tmp_path):
    (tmp_path / 'my.conf').write_text(
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/none/kb\n'
    )
    code, _, errors = run('--ecrae-config-file my.conf ecrae agent list')

    assert code == 1
    assert 'knowledge base' in errors


def test_commands_use_an_application_credential_of_clouds_yaml(
    run, tmp_path, requests_mock, monkeypatch
):
    path = tmp_path / 'clouds.yaml'
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
    path.write_text(f"""
clouds:
  robot:
    region_name: one
    auth_type: v3applicationcredential
    auth: {{auth_url: '{wire.AUTH}', application_credential_id: abc,
            application_credential_secret: hidden}}
""")
    wire.WireCloud(requests_mock)
    requests_mock.get(f'{wire.NOVA}/servers/no-such', status_code=404)
    requests_mock.get(f'{wire.NOVA}/servers/detail', json={'servers': []})
    requests_mock.get(
        re.compile(f'{wire.HEAT}/stacks/no-such'), status_code=404
    )

    code, _, errors = run('--os-cloud robot ecrae explain no-such')

    assert code == 1
    assert 'no-such' in errors
    (identity,) = {
        tuple(request.json()['auth']['identity']['methods'])
        for request in requests_mock.request_history
        if request.url.endswith('/auth/tokens') and request.method == 'POST'
    }
    assert identity == ('application_credential',)
