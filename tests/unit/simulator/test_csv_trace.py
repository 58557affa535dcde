# SPDX-License-Identifier: Apache-2.0

import gzip
import pathlib

import numpy as np
import pytest

from ecrae import exception
from ecrae.simulator import csv_trace


EXCERPT = (
    pathlib.Path(__file__).parents[2] / 'data' / 'planetlab' / 'excerpt.csv'
)


@pytest.fixture
def trace_file(tmp_path):
    def _write(text):
        path = tmp_path / 'cloud.csv'
        path.write_text(text)
        return path

    return _write


def test_samples_sizes_and_lives(trace_file):
    samples = csv_trace.read(
        trace_file(
            'name,vcpus,memory_mib,t0,t5,t10\n'
            'web,2,4096,10,20,30\n'
            'job,4,8192,,50,\n'
        )
    )
    trace = csv_trace.trace(samples, 300.0)
    assert trace.names == ('web', 'job')
    assert trace.demand_cpu.tolist() == pytest.approx(
        np.array([[0.2, 0.4, 0.6], [0, 2.0, 0]])
    )
    assert trace.arrival.tolist() == [0, 1]
    assert trace.departure.tolist() == [3, 2]
    assert trace.request_cpu.tolist() == [2, 4]
    assert trace.intervals == 2


def test_gzip(tmp_path):
    path = tmp_path / 'cloud.csv.gz'
    path.write_bytes(gzip.compress(b'name,a,b\nweb,1,2\n'))
    assert csv_trace.read(path).busy.tolist() == [[0.01, 0.02]]


def test_planetlab_day():
    samples = csv_trace.read(EXCERPT)
    assert samples.busy.shape == (len(samples.names), 48)
    assert samples.names[0] == 'ds-pl3_technion_ac_il_uw_oneswarm'
    assert samples.vcpus is None


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('name,a,b\nweb,1,x\n', "line 2: column b: .* found 'x'"),
        ('name,a,b\nweb,1,2\ndb,1,101\n', 'line 3: column b: .*0 to 100'),
        ('name,a,b\nweb,1,-1\n', 'line 2: column b'),
        ('name,a,b\nweb,1\n', 'line 2: has 2 cells, the header has 3'),
        ('name,a,b\nweb,1,2\nweb,1,2\n', "line 3: 'web' is also in line 2"),
        ('name,a,b,c\nweb,1,,2\n', 'line 2: has an empty cell between'),
        ('name,a,b\nweb,,\n', 'line 2: has no samples'),
        ('a,b\n1,2\n', 'line 1: there is no column name'),
        ('name,a\nweb,1\n', 'line 1: there are fewer than two columns'),
        ('name,vcpus,a,b\nweb,1,1,1\n', 'line 1: .*come together'),
        ('name,a,a\nweb,1,2\n', 'line 1: column a is there twice'),
        (
            'name,vcpus,memory_mib,a,b\nweb,0,1,1,1\n',
            'line 2: column vcpus',
        ),
        ('name,a,b\n', 'no rows below a header'),
        ('', 'no rows below a header'),
    ],
)
def test_fault_is_named_with_its_place(trace_file, text, fault):
    path = trace_file(text)
    with pytest.raises(exception.InputError, match=fault) as caught:
        csv_trace.read(path)
    assert str(path) in str(caught.value)


def test_list_of_faults_ends(trace_file):
    rows = ''.join(f'm{i},x,y\n' for i in range(1000))
    with pytest.raises(exception.InputError) as caught:
        csv_trace.read(trace_file('name,a,b\n' + rows))
    assert len(caught.value.faults) == 20


@pytest.mark.parametrize(
    'content', [b'\xff\xfe\x00', b'\x1f\x8b\x08broken'], ids=['text', 'gzip']
)
def test_unreadable_file(tmp_path, content):
    path = tmp_path / ('t.csv.gz' if content[0] == 0x1F else 't.csv')
    path.write_bytes(content)
    with pytest.raises(exception.InputError, match='cannot be read as CSV'):
        csv_trace.read(path)


def test_sizes_must_come_from_somewhere(trace_file):
    samples = csv_trace.read(trace_file('name,a,b\nweb,1,2\n'))
    with pytest.raises(exception.InputError, match='vcpus and memory_mib'):
        csv_trace.trace(samples, 300.0)
