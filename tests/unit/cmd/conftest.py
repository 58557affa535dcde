# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage`` as an operator types it, over a database of its own."""

import shlex

import pytest

from ecrae.cmd import manage


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line; return its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / 'ecrae.conf'
    config.write_text(
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
    )

    def _run(line):
        try:
            code = manage.main(
                ['--config-file', str(config), *shlex.split(line)]
            )
        except SystemExit as exit_:
            code = exit_.code
        output = capsys.readouterr()
        return code, output.out, output.err

    return _run


@pytest.fixture
def filled(run):
    assert run('db sync')[0] == 0
    assert run('kb import --builtin')[0] == 0
    return run
