# SPDX-License-Identifier: Apache-2.0

"""What is measured and learned, and taken back, on each kind of server.

The operator's own commands, over hours that telemetry remembers in a file.
"""

import json

import pytest

from ecrae.cmd import manage
from ecrae.kb import knowledge
from ecrae.kb.db import Database
from tests.unit import terminal
from tests.unit.cmd import measured


FLAVOR = 'ecrae.web.small'


@pytest.fixture
def run(url, tmp_path, monkeypatch, capsys):
    """``ecrae-manage`` over the catalogue and two hosts."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / 'ecrae.conf'
    # oslo.config takes a dollar for a reference.
    connection = url.replace('$', '$$')
    config.write_text(f'[ecrae_database]\nconnection = {connection}\n')
    typed = terminal.typist(manage.main, config, monkeypatch, capsys)
    (tmp_path / 'hosts.yaml').write_text(
        'ecrae_knowledge: 1\n'
        'hosts:\n'
        '  compute-1: {node_type: arm-altra-q80}\n'
        '  gpu-1: {node_type: arm-altra-q80-l4}\n'
    )
    for line in ('db sync', 'kb import --builtin', 'kb import hosts.yaml'):
        assert typed(line)[0] == 0
    return typed


@pytest.fixture
def known(url):
    """What the knowledge base knows."""

    def read():
        database = Database(url)
        with database.reader() as session:
            found = knowledge.load(session)
        database.engine.dispose()
        return found

    return read


def test_fitted_curves_are_kept_with_their_error(run, known, tmp_path):
    before = known()
    measured.write(tmp_path, 'compute-1')
    measured.write(tmp_path, 'gpu-1', boards_w=112.0)

    code, output, errors = run('power fit -f json')

    assert code == 0, errors
    rows = {row['host']: row for row in json.loads(output)}
    after = known()
    for host, row in rows.items():
        assert row['outcome'] == 'kept'
        curve = after.node_type_of(after.hosts[host]).curve
        assert curve.power_w == pytest.approx(measured.REAL.power_w, abs=2)
        source = after.power_profiles[f'measured:{host}'].source
        assert f'mean error {row["mean_error_w"]:.1f} W' in source
    # Again, over what is there now.
    assert run('power fit')[0] == 0
    assert known() == after
    assert run('power reset compute-1 gpu-1') == (0, '', '')
    assert known().hosts == before.hosts


def test_lessons_are_taken_back(run, known, tmp_path, requests_mock):
    before = known()
    server = measured.server('one', 'compute-1', FLAVOR, tag='web-frontend')
    measured.use(tmp_path, 'one', 0.001)
    measured.hold(tmp_path, 'one', 1024)
    batch = [f'batch-{i}' for i in range(measured.SHARING)]
    kind = before.node_types['arm-altra-q80']
    measured.mix(tmp_path, 'compute-1', batch, kind.curve, kind.threads)
    measured.serve(
        tmp_path,
        requests_mock,
        server,
        *(
            measured.server(
                name, 'compute-1', 'ecrae.batch.large', tag='batch'
            )
            for name in batch
        ),
    )

    assert run('learn')[0] == 0

    learned = known()
    assert learned != before
    small = learned.tags['web-frontend'].target('arm-altra-q80', FLAVOR)
    assert small.expected_memory == 0.5
    for target in learned.tags['batch'].targets:
        assert target.relative_draw == pytest.approx(measured.DRAW, abs=0.05)
    output = run('kb history -f json --limit 100')[1]
    changes = [row for row in json.loads(output) if row['cause'] == 'learn']
    for change in changes:
        assert run(f'kb revert {change["id"]}') == (0, '', '')
    assert known() == before
    output = run('kb history -f json --limit 100')[1]
    for change in json.loads(output):
        if change['cause'].startswith('kb revert'):
            assert run(f'kb revert {change["id"]}') == (0, '', '')
    assert known() == learned


def test_what_a_tag_asks_of_boards_is_kept_and_taken_back(run, known):
    before = known()
    assert run('kb set tag gpu targets.0.accelerators_busy=0.75')[0] == 0
    assert known().tags['gpu'].targets[0].accelerators_busy == 0.75
    change = json.loads(run('kb history gpu -f json')[1])[0]
    assert run(f'kb revert {change["id"]}') == (0, '', '')
    assert known() == before
