# SPDX-License-Identifier: Apache-2.0

"""``ecrae simulate`` as an operator types it."""

import json
import pathlib

import pytest

from ecrae.cmd import application
from ecrae.simulator.cli import simulate
from tests.unit import terminal


EXCERPT = (
    pathlib.Path(__file__).parents[3] / 'data' / 'planetlab' / 'excerpt.csv'
)
CLOUD = """\
name,vcpus,memory_mib,t0,t5,t10,t15
web-1,2,4096,40,50,45,40
web-2,2,4096,40,50,45,40
job,4,8192,,90,95,
"""
FLEET = """\
name,count,cores,core_speed,memory_mib,sleep_w,idle_w,max_w
old,3,4,0.5,16384,5,110,180
new,2,16,1.0,65536,8,60,240
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line; return its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'cloud.csv').write_text(CLOUD)
    (tmp_path / 'fleet.csv').write_text(FLEET)
    (tmp_path / '20110303.csv').write_text(EXCERPT.read_text())
    (tmp_path / 'ecrae.conf').write_text('')
    place = f'{simulate.__name__}:Simulate'

    def main(words):
        shell = application.Application('ecrae', 'Test', {'simulate': place})
        return application.run(shell, words)

    return terminal.typist(main, 'ecrae.conf', monkeypatch, capsys)


def _rows(run, line):
    code, output, errors = run(f'{line} -f json')
    assert (code, errors) == (0, '')
    return {row['policy']: row for row in json.loads(output)}


def test_policies_side_by_side(run):
    rows = _rows(run, 'simulate cloud.csv --fleet fleet.csv')
    assert list(rows) == [
        'lower bound',
        'none',
        'first-fit',
        'best-fit',
        'nova-default',
        'thr-mmt',
        'lr-mmt',
        'ecrae',
    ]
    bound = rows.pop('lower bound')
    for row in rows.values():
        assert row['kwh'] >= bound['kwh']
        assert row['refused'] == 0
    assert rows['ecrae']['saved_percent'] > 50
    assert rows['none']['mean_hosts_on'] == 5


def test_planetlab_day_needs_no_fleet(run):
    rows = _rows(
        run,
        'simulate 20110303.csv --cpu-only --policy first-fit --policy ecrae',
    )
    assert rows['ecrae']['kwh'] < rows['first-fit']['kwh']


@pytest.mark.parametrize(
    'name', ['consolidation', 'balance', 'thermal', 'performance']
)
def test_ecrae_in_each_strategy(run, name):
    rows = _rows(
        run,
        f'simulate cloud.csv --fleet fleet.csv --policy ecrae-{name}',
    )
    assert rows[f'ecrae-{name}']['unserved_percent'] < 1


def test_seed_decides_everything(run):
    line = 'simulate 20110303.csv --policy ecrae --seed 7'
    first, second = (_rows(run, line)['ecrae'] for _ in range(2))
    first.pop('seconds')
    second.pop('seconds')
    assert first == second


def test_bad_input_is_one_paragraph(run, tmp_path):
    (tmp_path / 'cloud.csv').write_text('name,a,b\nweb,1,x\n')
    code, output, errors = run('simulate cloud.csv')
    assert (code, output) == (1, '')
    assert 'cloud.csv: line 2: column b' in errors
    assert 'Traceback' not in errors


@pytest.mark.parametrize(
    ('line', 'error'),
    [
        ('simulate cloud.csv', 'say with --fleet'),
        ('simulate cloud.csv --policy magic', 'invalid choice'),
        ('simulate cloud.csv --interval 0', 'not a positive number'),
        ('simulate cloud.csv --interval x', 'interval'),
        ('simulate cloud.csv --plot x.pdf', '.png or .svg'),
        ('simulate cloud.csv --plot no/x.svg', 'no such folder'),
    ],
)
def test_wrong_usage(run, line, error):
    code, output, errors = run(line)
    assert (code, output) == (2, '')
    assert error in errors


def test_missing_sizes(run):
    code, _, errors = run('simulate 20110303.csv --fleet fleet.csv')
    assert code == 1
    assert 'no columns vcpus and memory_mib' in errors


class _Terminal:
    def __init__(self):
        self.text = ''

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_progress_is_drawn_on_a_terminal():
    terminal = _Terminal()
    bar = simulate._Bar(terminal, 2)
    bar.show('none', 1, 2)
    bar.show('ecrae', 2, 2)
    bar.clear()
    assert '1/2 none' in terminal.text
    assert '2/2 ecrae' in terminal.text
    assert terminal.text.endswith('\r\x1b[K')
