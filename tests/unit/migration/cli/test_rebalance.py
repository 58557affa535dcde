# SPDX-License-Identifier: Apache-2.0

"""``ecrae rebalance`` as a person types it."""

import json
import pathlib

import jsonschema
import pytest

import ecrae
from ecrae.cmd import shell
from ecrae.migration import snapshot_file
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.problem import Problem
from tests.unit import terminal


EXAMPLES = pathlib.Path(ecrae.__file__).parents[1] / 'examples'
SNAPSHOT = EXAMPLES / 'snapshot.json'


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line; return its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'examples').symlink_to(EXAMPLES)
    (tmp_path / 'empty.conf').touch()

    return terminal.typist(shell.main, 'empty.conf', monkeypatch, capsys)


def test_plan_is_what_the_schema_says(run):
    code, output, errors = run('rebalance examples/snapshot.json -f json')

    assert (code, errors) == (0, '')
    plan = json.loads(output)
    jsonschema.validate(plan, snapshot_file.schema('plan'))
    assert plan['watts_bound'] <= plan['watts_after'] < plan['watts_before']
    assert plan['hosts_on_after'] < plan['hosts_on_before']
    assert sum(move['saving_w'] for move in plan['moves']) == pytest.approx(
        plan['watts_before'] - plan['watts_after']
    )


def test_enacted_plan_leaves_nothing_to_do(run):
    plan = json.loads(run('rebalance examples/snapshot.json -f json')[1])
    document = json.loads(SNAPSHOT.read_text())
    place = {move['workload']: move['destination'] for move in plan['moves']}
    for workload in document['workloads']:
        workload['host'] = place.get(workload['name'], workload['host'])

    code, output, _ = run('rebalance - -f json', json.dumps(document))

    assert code == 0
    assert json.loads(output)['moves'] == []


def test_table_has_a_line_for_each_move(run):
    code, output, _ = run('rebalance examples/snapshot.json')

    assert code == 0
    assert '1. ' in output
    assert 'can sleep then' in output


def test_most_moves_are_kept_to(run):
    output = run('rebalance examples/snapshot.json --max-migrations 1 -f json')
    assert len(json.loads(output[1])['moves']) <= 1


def test_evacuated_host_is_empty(run):
    _, output, _ = run(
        'rebalance examples/snapshot.json --evacuate node-4 -f json'
    )
    left = {
        move['workload']
        for move in json.loads(output)['moves']
        if move['source'] == 'node-4'
    }
    assert left >= {'batch-2', 'app-1', 'app-2'}


@pytest.mark.parametrize(
    ('line', 'text'),
    [
        ('rebalance examples/snapshot.json --strategy warm', 'invalid choice'),
        ('rebalance examples/snapshot.json --seed -1', 'is negative'),
        ('rebalance examples/snapshot.json --time-limit 0', 'not above 0'),
        ('rebalance examples/snapshot.json --strategy evacuate', '--evacuate'),
        ('rebalance examples/snapshot.json --evacuate x', 'no host x'),
        ('rebalance', 'FILE'),
    ],
)
def test_wrong_usage_exits_with_2(run, line, text):
    code, output, errors = run(line)
    assert (code, output) == (2, '')
    assert text in errors


def test_missing_file_is_one_line(run):
    code, output, errors = run('rebalance nowhere.json')
    assert (code, output) == (1, '')
    assert errors.strip() == 'nowhere.json: No such file or directory'


def test_fault_is_named_with_its_path(run):
    document = json.loads(SNAPSHOT.read_text())
    document['workloads'][3]['vcpus'] = 'many'
    code, _, errors = run('rebalance -', json.dumps(document))
    assert code == 1
    assert "standard input: workloads[3].vcpus: 'many' is not of" in errors


@pytest.mark.parametrize('strategy', sorted(STRATEGIES.keys() - {'evacuate'}))
def test_cloud_without_hosts_stays_as_it_is(run, strategy):
    empty = json.dumps({'version': 1, 'hosts': [], 'workloads': []})
    code, output, _ = run(f'rebalance - --strategy {strategy} -f json', empty)
    plan = json.loads(output)
    assert code == 0
    assert (plan['moves'], plan['watts_after'], plan['hosts_on_after']) == (
        [],
        0,
        0,
    )


def test_example_snapshot_is_a_problem():
    snapshot = snapshot_file.read(SNAPSHOT.read_text(), 'snapshot.json')
    assert Problem.of(snapshot).n_hosts == 5
