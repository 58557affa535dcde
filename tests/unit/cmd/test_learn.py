# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage learn`` and the history that takes it back."""

import json

import pytest

from ecrae.kb import knowledge
from ecrae.kb.db import Database
from tests.unit.cmd import measured


FLAVOR = 'ecrae.web.small'


@pytest.fixture
def hosts(filled, tmp_path):
    (tmp_path / 'hosts.yaml').write_text(
        'ecrae_knowledge: 1\nhosts: {compute-1: {node_type: arm-altra-q80}}\n'
    )
    assert filled('kb import hosts.yaml')[0] == 0
    return filled


def _known(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    with database.reader() as session:
        return knowledge.load(session)


def _targets(tmp_path):
    return {
        target.node_type.name: target
        for target in _known(tmp_path).tags['web-frontend'].targets
        if target.flavor.name == FLAVOR
    }


def _serve(tmp_path, requests_mock, cores_used):
    server = measured.server('one', 'compute-1', FLAVOR, tag='web-frontend')
    plain = measured.server('two', 'compute-1', FLAVOR)
    measured.use(tmp_path, 'one', cores_used)
    measured.use(tmp_path, 'two', 1.0)
    measured.serve(tmp_path, requests_mock, server, plain)


def test_what_servers_used_is_expected_of_the_next(
    hosts, tmp_path, requests_mock
):
    before = _targets(tmp_path)
    own = before['arm-altra-q80']
    aim = own.expected_utilization * 0.6
    cores_used = aim * own.flavor.vcpus / own.relative_speed
    _serve(tmp_path, requests_mock, cores_used)

    code, output, errors = hosts('learn -f json')

    assert (code, errors) == (0, '')
    [row] = json.loads(output)
    assert (row['tag'], row['servers'], row['samples']) == (
        'web-frontend',
        1,
        200,
    )
    after = _targets(tmp_path)
    for name, target in after.items():
        assert target.expected_utilization == pytest.approx(aim)
        assert target.relative_speed == before[name].relative_speed


def test_requests_teach_how_fast_hardware_is(hosts, tmp_path, requests_mock):
    """Two servers behind one balancer, one on the reference node type."""
    hosts('kb set host compute-1 node_type=arm-altra-q80')
    (tmp_path / 'more.yaml').write_text(
        'ecrae_knowledge: 1\nhosts: {compute-2: {node_type: x86-xeon-8380}}\n'
    )
    hosts('kb import more.yaml')
    before = _known(tmp_path)
    servers = []
    for name, requests_per_s in (('1', 20.0), ('2', 50.0)):
        measured.use(tmp_path, name, 0.25)
        measured.answer(tmp_path, name, requests_per_s)
        servers.append(
            measured.server(
                name, f'compute-{name}', FLAVOR, tag='web-frontend'
            )
        )
    measured.serve(tmp_path, requests_mock, *servers)

    code, output, errors = hosts('learn -f json')

    assert (code, errors) == (0, '')
    rows = {row['quantity']: row for row in json.loads(output)}
    assert rows['relative_speed']['node_type'] == 'arm-altra-q80'
    assert rows['relative_speed']['measured'] == pytest.approx(0.4)
    assert _targets(tmp_path)['arm-altra-q80'].relative_speed == 0.4
    assert _targets(tmp_path)['x86-xeon-8380'].relative_speed == 1.0
    changes = json.loads(hosts('kb history web-frontend -f json')[1])
    for change in changes:
        if change['cause'] == 'learn':
            assert hosts(f'kb revert {change["id"]}') == (0, '', '')
    assert _known(tmp_path) == before


def test_memory_and_watts_are_learned_and_taken_back(
    hosts, tmp_path, requests_mock
):
    before = _known(tmp_path)
    node_type = before.node_types['arm-altra-q80']
    names = [f'batch-{i}' for i in range(measured.SHARING)]
    measured.mix(
        tmp_path, 'compute-1', names, node_type.curve, node_type.threads
    )
    for name in names:
        measured.hold(tmp_path, name, 0.75 * 32768)
    # Nobody's: nanoseconds where cores are meant, and bytes for MiB.
    measured.use(tmp_path, names[0], 1e9, count=50)
    measured.hold(tmp_path, names[0], 0.75 * 32768 * 2**20, count=50)
    measured.serve(
        tmp_path,
        requests_mock,
        *(
            measured.server(
                name, 'compute-1', 'ecrae.batch.large', tag='batch'
            )
            for name in names
        ),
    )

    code, output, errors = hosts('learn -f json')

    assert (code, errors) == (0, '')
    rows = {row['quantity']: row for row in json.loads(output)}
    assert rows['expected_memory']['flavor'] == 'ecrae.batch.large'
    assert rows['expected_memory']['samples'] == 3 * 200
    assert rows['expected_memory']['expected_after'] == 0.75
    draw = rows['relative_draw']
    assert (draw['servers'], draw['expected_before']) == (3, 1.0)
    assert draw['measured'] == pytest.approx(measured.DRAW, abs=0.05)
    for target in _known(tmp_path).tags['batch'].targets:
        is_large = target.flavor.name == 'ecrae.batch.large'
        assert target.expected_memory == (0.75 if is_large else 1.0)
        assert target.relative_draw == draw['expected_after']
    changes = json.loads(hosts('kb history batch --limit 50 -f json')[1])
    for change in changes:
        if change['cause'] == 'learn':
            assert change['after']['relative_draw'] == draw['expected_after']
            assert hosts(f'kb revert {change["id"]}') == (0, '', '')
    assert _known(tmp_path) == before


def test_a_lesson_is_taken_back_and_taken_again(
    hosts, tmp_path, requests_mock
):
    before = _known(tmp_path)
    _serve(tmp_path, requests_mock, 0.001)
    hosts('learn')
    after = _known(tmp_path)
    assert after != before

    _code, output, _errors = hosts('kb history web-frontend -f json')
    changes = [row for row in json.loads(output) if row['cause'] == 'learn']
    assert len(changes) == len(_targets(tmp_path))
    for change in changes:
        assert change['after']['expected_utilization'] == pytest.approx(
            max(0.01, change['before']['expected_utilization'] / 2)
        )
        assert hosts(f'kb revert {change["id"]}') == (0, '', '')
    assert _known(tmp_path) == before

    _code, output, _errors = hosts('kb history -f json --limit 100')
    reverts = [row for row in json.loads(output) if 'revert' in row['cause']]
    assert len(reverts) == len(changes)
    for change in reverts:
        hosts(f'kb revert {change["id"]}')
    assert _known(tmp_path) == after


def test_a_dry_run_learns_nothing(hosts, tmp_path, requests_mock):
    before = _known(tmp_path)
    _serve(tmp_path, requests_mock, 0.001)
    assert hosts('learn --dry-run web-frontend')[0] == 0
    assert _known(tmp_path) == before


def test_a_deleted_target_comes_back(hosts, tmp_path):
    before = _known(tmp_path)
    hosts('kb set tag batch targets.0.preference=9')
    _code, output, _errors = hosts('kb history batch --limit 1 -f json')
    [change] = json.loads(output)
    assert change['cause'] == 'kb set tag'
    assert change['after']['preference'] == 9
    hosts(f'kb revert {change["id"]}')
    assert _known(tmp_path) == before


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('kb revert 99999', 'No change named 99999.'),
        ('learn databse', 'No tag named databse; did you mean database?'),
        ('learn', '[ecrae_telemetry] sources'),
    ],
)
def test_what_cannot_be_is_said(hosts, line, message):
    code, _output, errors = hosts(line)
    assert code == 1
    assert message in errors


def test_a_tag_that_is_gone_cannot_have_its_target_back(hosts):
    _code, output, _errors = hosts('kb history batch --limit 1 -f json')
    [change] = json.loads(output)
    hosts('kb delete tag batch')
    code, _output, errors = hosts(f'kb revert {change["id"]}')
    assert code == 1
    assert 'No tag named batch' in errors
