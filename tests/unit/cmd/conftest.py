# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage`` as an operator types it, over a database of its own."""

import pytest

from ecrae.cmd import manage
from tests.unit import terminal


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line; return its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / 'ecrae.conf'
    config.write_text(
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
    )

    return terminal.typist(manage.main, config, monkeypatch, capsys)


@pytest.fixture
def filled(run):
    assert run('db sync')[0] == 0
    assert run('kb import --builtin')[0] == 0
    return run
