# SPDX-License-Identifier: Apache-2.0

"""``ecrae-collector`` as a process."""

import json
import signal
import subprocess
import sys
import time

import pytest

from ecrae.kb import readings
from ecrae.kb import schema
from ecrae.kb.db import Database


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'ecrae.conf'
    path.write_text(
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
        '[ecrae_telemetry]\nsources = file\n'
        f'file = {tmp_path}/readings.json\n'
    )
    return path


def collector(config):
    return [
        sys.executable,
        '-m',
        'ecrae.cmd.collector',
        '--config-file',
        config,
    ]


def kept(database):
    with database.reader() as session:
        return readings.list_all(session)


def test_keeps_readings_until_it_is_told_to_stop(tmp_path, config):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    schema.upgrade(database)
    (tmp_path / 'readings.json').write_text(
        json.dumps(
            {
                'readings': [
                    {
                        'subject': 'host',
                        'name': 'arm-1',
                        'metric': 'utilization',
                        'value': 0.4,
                        'measured_at': time.time(),
                    }
                ]
            }
        )
    )
    with subprocess.Popen(collector(config)) as process:
        try:
            deadline = time.monotonic() + 60
            while not kept(database):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert kept(database)[0].value == 0.4


def test_wrong_option_is_one_line_and_exit_code_1(config):
    with config.open('a') as out:
        out.write('metric_sources = power_w:pdu\n')
    done = subprocess.run(
        collector(config), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'metric_sources = power_w:pdu' in done.stderr
    assert 'Traceback' not in done.stderr
