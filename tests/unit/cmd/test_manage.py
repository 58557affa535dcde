# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage`` as an operator types it, over a database of its own."""

import datetime
import json

import pytest
import yaml

from ecrae.cmd import manage
from ecrae.kb import catalogue
from ecrae.kb import decisions
from ecrae.kb import document
from ecrae.kb import entries
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.decision import CandidateScore
from ecrae.model.decision import ComponentDecision
from ecrae.model.decision import Decision
from ecrae.model.knowledge import TagKind


def _json(run, line):
    code, output, errors = run(f'{line} -f json')
    assert (code, errors) == (0, '')
    return json.loads(output)


def test_version_before_and_after_sync(run):
    assert _json(run, 'db version')['version'] == 'none'
    assert _json(run, 'db sync')['version'] == schema.newest()
    assert _json(run, 'db version')['is_newest'] is True


def test_sync_may_be_repeated(run):
    assert run('db sync') == run('db sync')


def test_without_tables_the_error_says_what_to_do(run):
    code, output, errors = run('kb list tag')
    assert (code, output) == (1, '')
    assert 'ecrae-manage db sync' in errors
    assert errors.count('\n') == 1


def test_the_catalogue_is_imported_once(run):
    run('db sync')
    first = _json(run, 'kb import --builtin')
    assert {row['added'] for row in first} - {0}
    again = _json(run, 'kb import --builtin')
    assert {row['added'] + row['changed'] for row in again} == {0}


def test_a_dry_run_changes_nothing(run):
    run('db sync')
    assert run('kb import --builtin --dry-run')[0] == 0
    assert _json(run, 'kb list tag') == []


def test_what_is_exported_is_imported(filled, tmp_path):
    _code, text, _errors = filled('kb export')
    assert yaml.safe_load(text) == {
        document.VERSION_KEY: document.VERSION,
        **{
            section: value
            for section, value in entries.of(catalogue.load()).items()
            if value
        },
    }
    assert filled('kb export backup.yaml')[0] == 0
    assert (tmp_path / 'backup.yaml').read_text() == text
    rows = _json(filled, 'kb import --replace backup.yaml')
    held = entries.of(catalogue.load())
    assert sorted(row['unchanged'] for row in rows) == sorted(
        map(len, held.values())
    )


def test_replace_forgets_what_the_file_does_not_name(filled, tmp_path):
    (tmp_path / 'empty.yaml').write_text('ecrae_knowledge: 1\n')
    assert filled('kb import empty.yaml')[0] == 0
    assert len(_json(filled, 'kb list tag')) == 14
    assert filled('kb import --replace empty.yaml')[0] == 0
    assert _json(filled, 'kb list tag') == []


def test_hosts_are_added_to_what_is_known(filled, tmp_path):
    (tmp_path / 'hosts.yaml').write_text(
        'ecrae_knowledge: 1\n'
        'hosts:\n'
        '  compute-1: {node_type: arm-altra-q80}\n'
        '  compute-2: {node_type: x86-epyc-9754, state: asleep}\n'
    )
    assert filled('kb import hosts.yaml')[0] == 0
    assert _json(filled, 'kb list host') == [
        {
            'name': 'compute-1',
            'node_type': 'arm-altra-q80',
            'state': 'awake',
            'power_profile': '',
        },
        {
            'name': 'compute-2',
            'node_type': 'x86-epyc-9754',
            'state': 'asleep',
            'power_profile': '',
        },
    ]


def test_a_sleeping_host_sleeps_on_when_its_file_is_imported_again(
    filled, tmp_path
):
    (tmp_path / 'hosts.yaml').write_text(
        'ecrae_knowledge: 1\nhosts: {a: {node_type: arm-altra-q80}}\n'
    )
    filled('kb import hosts.yaml')
    filled('kb set host a state=asleep')
    filled('kb import hosts.yaml')
    assert _json(filled, 'kb show host a')['state'] == 'asleep'


def test_a_bad_file_changes_nothing_and_names_each_fault(filled, tmp_path):
    before = filled('kb export')
    (tmp_path / 'bad.yaml').write_text(
        'ecrae_knowledge: 1\n'
        'hosts:\n'
        '  good: {node_type: arm-altra-q80}\n'
        '  bad: {node_type: arm}\n'
        'flavors:\n'
        '  none: {vcpus: 0, memory_mib: 1, disk_gib: 1}\n'
    )
    code, output, errors = filled('kb import bad.yaml')
    assert (code, output) == (1, '')
    assert errors == (
        'bad.yaml: flavors.none.vcpus: 0 is less than the minimum of 1; '
        "hosts.bad.node_type: there is no node type named 'arm'\n"
    )
    assert filled('kb export') == before


@pytest.mark.parametrize('name', ['missing.yaml', '.', 'bytes.yaml'])
def test_a_file_that_cannot_be_read_is_named(filled, tmp_path, name):
    (tmp_path / 'bytes.yaml').write_bytes(b'\xff')
    code, _output, errors = filled(f'kb import {name}')
    assert code == 1
    assert errors.startswith(name)
    assert errors.count('\n') == 1


def test_a_file_that_cannot_be_written_is_named(filled):
    code, _output, errors = filled('kb export missing/backup.yaml')
    assert code == 1
    assert errors.startswith('missing/backup.yaml cannot be written')


@pytest.mark.parametrize(
    'noun', ['power-profile', 'node-type', 'flavor', 'tag', 'host']
)
def test_every_noun_is_listed_and_shown(filled, tmp_path, noun):
    (tmp_path / 'hosts.yaml').write_text(
        'ecrae_knowledge: 1\nhosts: {a: {node_type: arm-altra-q80}}\n'
    )
    filled('kb import hosts.yaml')
    rows = _json(filled, f'kb list {noun}')
    assert rows
    for output in ('table', 'yaml'):
        assert filled(f'kb list {noun} -f {output}')[0] == 0
    shown = _json(filled, f'kb show {noun} {rows[0]["name"]}')
    assert shown['name'] == rows[0]['name']


def test_a_name_that_is_not_there_brings_near_ones(filled):
    code, _output, errors = filled('kb show tag databse')
    assert code == 1
    assert errors == 'No tag named databse; did you mean database?\n'


def test_fields_are_set(filled):
    line = (
        'kb set tag database description=2024 targets.1.relative_speed=1.5 '
        'targets.0.preference=7'
    )
    assert filled(line) == (0, '', '')
    shown = _json(filled, 'kb show tag database')
    assert shown['description'] == '2024'
    assert [target['preference'] for target in shown['targets']][-3:] == [
        10,
        11,
        12,
    ]
    assert 1.5 in [target['relative_speed'] for target in shown['targets']]


def test_a_key_below_a_field_may_have_dots(filled):
    filled('kb set flavor ecrae.web.small extra_specs.hw:a.b="1"')
    shown = _json(filled, 'kb show flavor ecrae.web.small')
    assert shown['extra_specs'] == {'hw:a.b': '1'}


@pytest.mark.parametrize(
    ('line', 'code', 'message'),
    [
        (
            'kb set node-type arm-altra-q80 cores=many',
            1,
            "node_types.arm-altra-q80.cores: 'many' is not a whole number",
        ),
        (
            'kb set node-type arm-altra-q80 threads=2',
            1,
            'node_types.arm-altra-q80.threads: 2 is less than the 80 cores',
        ),
        (
            'kb set tag batch colour=red',
            1,
            "('colour' was unexpected)",
        ),
        ('kb set tag batch targets.99.preference=1', 2, 'items 0 to 9'),
        ('kb set tag batch kind.x=1', 2, 'nothing below kind'),
        ('kb set tag batch kind', 2, 'not of the form FIELD=VALUE'),
        ('kb set tag batch kind=[', 1, 'not YAML'),
        ('kb set colour red kind=x', 2, "invalid choice: 'colour'"),
        ('kb import', 2, 'one of the arguments'),
        ('kb frobnicate', 2, ''),
        ('', 2, 'no command'),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changed(
    filled, line, code, message
):
    before = filled('kb export')
    got, output, errors = filled(line)
    assert got == code
    assert message in output + errors
    assert 'Traceback' not in errors
    assert filled('kb export') == before


def test_what_is_used_is_not_deleted(filled):
    code, _output, errors = filled('kb delete node-type arm-altra-q80')
    assert code == 1
    assert errors == (
        'The node-type arm-altra-q80 is used by tag batch, '
        'tag network-intensive, tag storage-intensive, tag web-frontend: '
        'change or delete those first.\n'
    )
    code, _output, errors = filled('kb delete flavor ecrae.gpu.large')
    assert 'used by tag gpu, tag gpu-training:' in errors
    code, _output, errors = filled('kb delete power-profile estimated-power8')
    assert 'used by node-type power-power8:' in errors


def test_users_of_a_thing_are_not_listed_without_end(filled, tmp_path):
    hosts = ''.join(
        f'  compute-{n}: {{node_type: x86-xeon-e2488-lxc}}\n'
        for n in range(100)
    )
    (tmp_path / 'hosts.yaml').write_text(
        f'ecrae_knowledge: 1\nhosts:\n{hosts}'
    )
    filled('kb import hosts.yaml')
    _code, _output, errors = filled('kb delete node-type x86-xeon-e2488-lxc')
    assert 'and 97 more: change' in errors


def test_all_are_deleted_or_none(filled):
    code, _output, _errors = filled('kb delete tag batch nothing')
    assert code == 1
    assert filled('kb show tag batch')[0] == 0
    assert filled('kb delete tag batch database batch') == (0, '', '')
    names = {row['name'] for row in _json(filled, 'kb list tag')}
    assert not names & {'batch', 'database'}


def test_a_missing_config_file_is_named(capsys):
    code = manage.main(['--config-file', '/no/such.conf', 'db', 'version'])
    assert (code, capsys.readouterr().err) == (1, 'No file /no/such.conf.\n')


def _record(tmp_path, decision_id):
    scores = [
        CandidateScore(node_type='arm', flavor='small', efficiency=2.0),
        CandidateScore(
            node_type='x86', flavor='small', is_feasible=False, reason='full'
        ),
    ]
    made = Decision(
        id=decision_id,
        created_at=datetime.datetime(2026, 3, 4, 5, 6, tzinfo=datetime.UTC),
        source='owncloud.yaml',
        components=(
            ComponentDecision(
                node='web',
                tag='web-frontend',
                kind=TagKind.HINT,
                chosen=scores[0],
                candidates=tuple(scores),
            ),
        ),
    )
    with Database(f'sqlite:///{tmp_path}/kb.sqlite').writer() as session:
        decisions.record(session, made)


def test_decisions_are_listed_and_shown(filled, tmp_path):
    _record(tmp_path, 'one')
    assert _json(filled, 'decision list') == [
        {
            'id': 'one',
            'created_at': '2026-03-04T05:06:00+00:00',
            'source': 'owncloud.yaml',
            'node_types': {'web': 'arm'},
        }
    ]
    shown = _json(filled, 'decision show one')
    [component] = shown['components']
    assert component['candidates'][1]['reason'] == 'full'
    assert filled('decision show two')[0] == 1
    assert filled('decision list --limit 0')[0] == 2
