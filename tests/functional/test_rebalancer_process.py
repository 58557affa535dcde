# SPDX-License-Identifier: Apache-2.0

"""``ecrae-rebalancer`` as a process: options, signals, who leads."""

import subprocess
import sys

import pytest

from ecrae.kb import schema
from ecrae.kb.db import Database
from tests import rebalancers


@pytest.fixture
def make(tmp_path):
    """Makes services that agree in a folder, and share a knowledge base."""
    connection = f'sqlite:///{tmp_path}/kb.sqlite'
    database = Database(connection)
    schema.upgrade(database)
    database.engine.dispose()

    def make(name, **sections):
        return rebalancers.Service(
            tmp_path / name,
            connection,
            f'file://{tmp_path}/coordination',
            **sections,
        )

    return make


def test_another_leads_when_the_leader_is_killed_or_ends(make):
    one, two = make('one'), make('two')
    with rebalancers.running(one):
        rebalancers.wait_for(lambda: one.leads, one)
        with rebalancers.running(two):
            rebalancers.wait_for(lambda: two.leads is False, one, two)
            assert one.leads
            one.kill()
            rebalancers.wait_for(lambda: two.leads, two)
            one.start()
            rebalancers.wait_for(lambda: one.leads is False, one)
            assert two.terminate() == 0
            rebalancers.wait_for(lambda: one.leads, one)


def test_a_cloud_that_is_gone_is_told_once_and_tried_again(make):
    service = make('one')
    skipped = ('ecrae_rebalancer_cycles_total', 'skipped')
    with rebalancers.running(service):
        rebalancers.wait_for(
            lambda: service.metrics().get(skipped, 0) >= 2, service
        )
    text = service.log()
    assert text.count('Cycle: skipped.') == 1
    assert 'Traceback' not in text
    assert 'secret' not in text


def _run(*arguments):
    return subprocess.run(
        [sys.executable, '-m', 'ecrae.cmd.rebalancer', *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_one_turn_says_what_is_wrong_in_a_sentence(make, tmp_path):
    make('one', DEFAULT={'default_log_levels': 'keystoneauth=DEBUG'})
    done = _run(
        *('--config-file', str(tmp_path / 'one' / 'ecrae.conf')),
        *('--once', '--dry-run', '--debug'),
    )
    assert done.returncode == 1
    assert 'does not answer' in done.stderr
    # What libraries log is no part of the report.
    assert 'DEBUG' in done.stderr
    assert done.stdout == ''
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    ('option', 'value', 'expected'),
    [
        ('coordination_url', 'nothing://x', 'coordination_url'),
        ('mode', 'bold', 'mode'),
        ('window', 'always', 'window'),
    ],
)
def test_a_wrong_option_is_named(make, tmp_path, option, value, expected):
    make('one', ecrae_rebalancer={option: value})
    done = _run(
        '--config-file', str(tmp_path / 'one' / 'ecrae.conf'), '--once'
    )
    assert done.returncode == 1
    assert expected in done.stderr
    assert 'Traceback' not in done.stderr
