# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae import exception
from ecrae.cmd import rebalancer


def test_help_shows_examples_and_needs_no_configuration(capsys):
    assert rebalancer.main(['--help']) == 0
    shown = capsys.readouterr().out
    assert 'ecrae-rebalancer --once --dry-run' in shown
    assert '--config-file' in shown


def test_a_dry_run_goes_with_once(capsys):
    with pytest.raises(SystemExit) as end:
        rebalancer.main(['--dry-run'])
    assert end.value.code == 2
    assert '--once' in capsys.readouterr().err


def test_other_options_are_left_to_the_service(monkeypatch):
    got = []
    monkeypatch.setattr(
        rebalancer, '_run', lambda *parsed: got.append(parsed) or 0
    )
    argv = ['--once', '--dry-run', '--config-file', 'x', '--debug']
    assert rebalancer.main(argv) == 0
    ((parsed, others),) = got
    assert (parsed.once, parsed.dry_run) == (True, True)
    assert others == ['--config-file', 'x', '--debug']


def test_an_error_is_a_sentence_and_exit_code_one(monkeypatch, capsys):
    def fail(*_):
        raise exception.ConfigError('No file x.')

    monkeypatch.setattr(rebalancer, '_run', fail)
    assert rebalancer.main([]) == 1
    assert capsys.readouterr().err == 'No file x.\n'


def test_a_package_that_is_missing_is_named_with_its_extra(
    monkeypatch, capsys
):
    def fail(*_):
        raise ModuleNotFoundError(name='tooz')

    monkeypatch.setattr(rebalancer, '_run', fail)
    assert rebalancer.main([]) == 1
    assert 'pip install "ecrae[rebalancer]"' in capsys.readouterr().err
