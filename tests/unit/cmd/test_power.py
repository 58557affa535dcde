# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage power``: a host's own curve, and everyone who uses it."""

import json

import pytest

from ecrae.kb import knowledge
from ecrae.kb.db import Database
from ecrae.scheduler_filters.host_table import HostTable
from ecrae.telemetry import collection
from tests.unit.cmd import measured


@pytest.fixture
def hosts(filled, tmp_path):
    (tmp_path / 'hosts.yaml').write_text(
        'ecrae_knowledge: 1\n'
        'hosts:\n'
        '  compute-1: {node_type: arm-altra-q80}\n'
        '  compute-2: {node_type: arm-altra-q80}\n'
    )
    assert filled('kb import hosts.yaml')[0] == 0
    return filled


def _known(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    with database.reader() as session:
        return knowledge.load(session)


def _curve(tmp_path, host):
    known = _known(tmp_path)
    return known.node_type_of(known.hosts[host]).curve.power_w


def test_host_uses_what_was_measured_on_it_until_reset(hosts, tmp_path):
    measured.write(tmp_path, 'compute-1')
    before = _curve(tmp_path, 'compute-1')

    code, output, errors = hosts('power fit -f json')

    assert (code, errors) == (0, '')
    [fitted, refused] = json.loads(output)
    assert fitted['outcome'] == 'kept'
    assert fitted['samples'] == 200
    assert fitted['mean_error_w'] < 1
    assert refused['host'] == 'compute-2'
    assert refused['outcome'].startswith('refused: 0 moments')
    known = _known(tmp_path)
    assert _curve(tmp_path, 'compute-1') == pytest.approx(
        measured.REAL.power_w, abs=2
    )
    assert _curve(tmp_path, 'compute-2') == before
    profile = known.power_profiles['measured:compute-1']
    assert profile.quality == 'measured'
    assert 'to 200 moments' in profile.source

    table = HostTable(known, set())
    assert table.curves_w[0].tolist() == list(_curve(tmp_path, 'compute-1'))
    assert table.curves_w[1].tolist() == list(before)
    limits = collection.limits(known, 600)
    assert limits.host_max_w['compute-1'] == pytest.approx(333, abs=2)

    assert hosts('power reset compute-1') == (0, '', '')
    assert _curve(tmp_path, 'compute-1') == before
    hosts('kb set host compute-1 power_profile=measured:compute-1')
    assert _curve(tmp_path, 'compute-1') != before


def test_the_same_readings_give_the_same_curve(hosts, tmp_path):
    measured.write(tmp_path, 'compute-1')
    hosts('power fit')
    first = _curve(tmp_path, 'compute-1')
    hosts('power fit')
    assert _curve(tmp_path, 'compute-1') == first


def test_what_accelerators_draw_is_not_the_processors(hosts, tmp_path):
    hosts('kb set host compute-1 node_type=arm-altra-q80-l4')
    # Two boards between 16 W and 72 W.
    measured.write(tmp_path, 'compute-1', boards_w=112.0)

    assert hosts('power fit compute-1')[0] == 0

    # The own curve is that of the node with its boards idle.
    assert _curve(tmp_path, 'compute-1') == pytest.approx(
        measured.REAL.power_w, abs=2
    )


def test_a_boards_profile_is_not_deleted_while_in_use(hosts):
    code, _output, errors = hosts('kb delete power-profile board-u50')
    assert code == 1
    assert 'used by node-type arm-altra-q80-u50:' in errors


def test_what_a_tag_asks_of_boards_is_kept_with_its_history(hosts, tmp_path):
    busy = 'targets.0.accelerators_busy'
    assert hosts(f'kb set tag gpu {busy}=0.75')[0] == 0
    change = json.loads(hosts('kb history gpu -f json')[1])[0]

    assert _known(tmp_path).tags['gpu'].targets[0].accelerators_busy == 0.75
    assert hosts(f'kb revert {change["id"]}')[0] == 0
    assert _known(tmp_path).tags['gpu'].targets[0].accelerators_busy == 1.289


def test_a_dry_run_keeps_nothing(hosts, tmp_path):
    measured.write(tmp_path, 'compute-1')
    before = hosts('kb export')
    assert hosts('power fit compute-1 --dry-run')[0] == 0
    assert hosts('kb export') == before


def test_a_measured_curve_survives_a_round_trip_through_a_file(
    hosts, tmp_path
):
    measured.write(tmp_path, 'compute-1')
    hosts('power fit')
    before = _known(tmp_path)
    hosts('kb import hosts.yaml')
    assert _known(tmp_path) == before
    hosts('kb export backup.yaml')
    assert hosts('kb import --replace backup.yaml')[0] == 0
    assert _known(tmp_path) == before


def test_other_hardware_does_not_inherit_the_curve(hosts, tmp_path):
    measured.write(tmp_path, 'compute-1')
    hosts('power fit')
    hosts('kb set host compute-1 node_type=x86-epyc-9754')
    assert _known(tmp_path).hosts['compute-1'].power_profile == ''


def test_a_profile_in_use_is_not_deleted(hosts, tmp_path):
    measured.write(tmp_path, 'compute-1')
    hosts('power fit')
    code, _output, errors = hosts('kb delete power-profile measured:compute-1')
    assert code == 1
    assert 'used by host compute-1:' in errors
    hosts('power reset compute-1')
    assert hosts('kb delete power-profile measured:compute-1')[0] == 0


@pytest.mark.parametrize(
    ('line', 'code', 'message'),
    [
        ('power fit', 1, 'compute-1: 20 moments with both'),
        ('power fit compute-9', 1, 'No host named compute-9; did you mean'),
        ('power fit --since 0', 2, 'more than 0'),
        ('power reset compute-1 compute-9', 1, 'No host named compute-9'),
        (
            'kb set host compute-1 power_profile=measured:x',
            1,
            'hosts.compute-1.power_profile: there is no power profile named '
            "'measured:x'",
        ),
    ],
)
def test_what_cannot_be_is_said(hosts, tmp_path, line, code, message):
    measured.write(tmp_path, 'compute-1', count=20)
    got, _output, errors = hosts(line)
    assert got == code
    assert message in errors
    assert 'Traceback' not in errors


def test_without_a_source_the_option_is_named(hosts):
    code, _output, errors = hosts('power fit')
    assert code == 1
    assert '[ecrae_telemetry] sources' in errors
