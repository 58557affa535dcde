# SPDX-License-Identifier: Apache-2.0

import json

import pytest

from ecrae import exception
from ecrae.model import reading
from ecrae.telemetry import file


READING = reading.Reading(
    subject=reading.Subject.HOST,
    name='arm-1',
    metric=reading.Metric.POWER_W,
    value=120.0,
    measured_at=50.0,
    source='file',
)


def test_reads_what_it_wrote(tmp_path):
    path = tmp_path / 'readings.json'
    path.write_text(json.dumps(file.to_document((READING,))))
    source = file.FileSource(str(path))
    assert source.latest(60) == [READING]
    history = source.history(READING.subject, READING.metric, 0, 50)
    assert history == [READING]
    assert source.history(READING.subject, READING.metric, 51, 60) == []


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('{', 'not JSON'),
        ('[]', 'no list "readings"'),
        ('{"readings": [{"subject": "host"}]}', r'readings\[0\]'),
        (
            '{"readings": [{"subject": "host", "metric": "cpu_cores_used"}]}',
            r'readings\[0\]: a host has no cpu_cores_used',
        ),
    ],
)
def test_bad_document_names_the_place(tmp_path, text, complaint):
    path = tmp_path / 'readings.json'
    path.write_text(text)
    with pytest.raises(exception.InputError, match=complaint):
        file.FileSource(str(path)).latest(0)


def test_missing_file_is_a_source_that_failed(tmp_path):
    with pytest.raises(exception.CloudError, match='gone'):
        file.FileSource(str(tmp_path / 'gone')).latest(0)
