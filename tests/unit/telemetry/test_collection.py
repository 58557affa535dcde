# SPDX-License-Identifier: Apache-2.0

import json
import pathlib
import time

import pytest

from ecrae.cmd import manage
from ecrae.kb import readings
from ecrae.model.reading import Metric
from ecrae.telemetry import collection
from ecrae.telemetry import collector
from ecrae.telemetry import file
from tests.unit import cataloguing


def row(name, metric, value):
    return {
        'subject': 'host',
        'name': name,
        'metric': metric,
        'value': value,
        'measured_at': time.time(),
    }


@pytest.fixture
def database(tmp_path):
    """A cloud of one host whose node type the catalogue knows."""
    return cataloguing.make(tmp_path, {'arm-1': 'arm-altra-q80'})


@pytest.fixture
def measured(tmp_path):
    """Writes the document that the source reads."""

    def write(*rows):
        path.write_text(json.dumps({'readings': rows}))

    path = tmp_path / 'readings.json'
    write.path = str(path)
    write()
    return write


@pytest.fixture
def collect(database, measured):
    many = collector.Collector(
        [file.FileSource(measured.path)],
        dict.fromkeys(Metric, ('file',)),
        timeout_s=30,
    )

    def _collect(max_age_s=600):
        collection.collect(database, many, max_age_s)
        with database.reader() as session:
            return {
                (r.name, r.metric): r.value for r in readings.list_all(session)
            }

    return _collect


def test_credible_readings_are_kept(collect, measured):
    measured(
        row('arm-1', 'utilization', 0.4),
        row('arm-1', 'power_w', 1e6),
    )
    assert collect() == {('arm-1', Metric.UTILIZATION): 0.4}


def test_host_that_vanished_is_forgotten(collect, measured):
    measured(row('arm-1', 'utilization', 0.4))
    collect()
    measured()
    assert collect() == {}


def test_what_a_silent_source_said_last_stands_until_it_is_old(
    collect, measured
):
    measured(row('arm-1', 'utilization', 0.4))
    collect()
    pathlib.Path(measured.path).unlink()
    assert collect() == {('arm-1', Metric.UTILIZATION): 0.4}
    assert collect(max_age_s=-1) == {}


@pytest.mark.parametrize(
    ('metric', 'value'),
    [
        ('utilization', 40.0),  # per cent
        ('power_w', 0.15),  # kilowatts
        ('power_w', 150_000.0),  # milliwatts
        ('memory_used_mib', 8 * 2.0**30),  # bytes
    ],
)
def test_wrong_units_are_not_believed_and_said_once(
    collect, measured, caplog, metric, value
):
    measured(row('arm-1', metric, value))
    assert collect() == {}
    assert collect() == {}
    (line,) = [m for m in caplog.messages if 'not believed' in m]
    assert f'{metric} are not believed: absurdly' in line
    assert 'for arm-1' in line


def test_check_says_what_each_source_answers(
    database, measured, tmp_path, capsys
):
    measured(row('arm-1', 'utilization', 0.4), row('arm-1', 'power_w', -1))
    config = tmp_path / 'ecrae.conf'
    config.write_text(
        f'[ecrae_database]\nconnection = {database.engine.url}\n'
        '[ecrae_telemetry]\nsources = file,prometheus\n'
        f'file = {measured.path}\n'
        'prometheus_url = http://127.0.0.1:9\n'
    )
    code = manage.main(
        [
            f'--config-file={config}',
            'telemetry',
            'check',
            '--format=json',
        ]
    )
    said = {
        (answer['source'], answer['metric']): answer['outcome']
        for answer in json.loads(capsys.readouterr().out)
    }
    assert code == 0
    assert said['file', 'utilization'] == 'used'
    assert said['file', 'power_w'] == 'not believed: negative'
    assert said['prometheus', ''].startswith('no answer')
