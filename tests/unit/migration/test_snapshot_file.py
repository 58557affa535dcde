# SPDX-License-Identifier: Apache-2.0

import copy
import json

import pytest

from ecrae import exception
from ecrae.migration import snapshot_file
from ecrae.model.cluster import HostState


GOOD = {
    'version': 1,
    'hosts': [
        {'name': 'a', 'vcpus': 8, 'memory_mib': 8192, 'disk_gib': 100},
        {
            'name': 'b',
            'vcpus': 8,
            'memory_mib': 8192,
            'disk_gib': 100,
            'idle_w': 50,
            'max_w': 150,
            'sleep_w': 5,
            'state': 'off',
            'zone': None,
            'traits': ['HW_CPU_X86_AVX2'],
        },
    ],
    'workloads': [
        {
            'name': 'w',
            'host': 'a',
            'vcpus': 2,
            'memory_mib': 1024,
            'disk_gib': 10,
            'affinity_group': None,
        }
    ],
}


def _read(document):
    return snapshot_file.read(json.dumps(document), 'cloud.json')


def _faults(change):
    document = copy.deepcopy(GOOD)
    change(document)
    with pytest.raises(exception.InputError) as caught:
        _read(document)
    assert caught.value.source == 'cloud.json'
    return caught.value.faults


def test_what_is_left_out_has_a_sensible_value():
    snapshot = _read(GOOD)
    host, other = snapshot.hosts
    (workload,) = snapshot.workloads
    assert host.curve.at(0.0) == pytest.approx(8 * 0.55)
    assert host.state is HostState.AWAKE
    assert other.state is HostState.ASLEEP
    assert (other.curve.at(0.5), other.curve.sleep_w) == (100.0, 5.0)
    assert workload.id == 'w'
    assert workload.cpu_cores_used == pytest.approx(0.6)
    assert workload.memory_used_mib == 1024
    assert workload.zone is None


@pytest.mark.parametrize(
    ('change', 'fault'),
    [
        (lambda d: d.pop('version'), "document: 'version' is a required"),
        (lambda d: d.update(version=2), 'version: 1 was expected'),
        (lambda d: d['hosts'][1].pop('max_w'), 'hosts[1]: '),
        (
            lambda d: d['hosts'][0].update(memory_mb=1),
            "hosts[0]: Additional properties are not allowed ('memory_mb'",
        ),
        (
            lambda d: d['hosts'][1].update(sleep_w=60),
            'hosts[1].sleep_w: sleep watts must lie between',
        ),
        (
            lambda d: d['hosts'][1].update(max_w=10),
            'hosts[1].max_w: watts must not fall',
        ),
        (
            lambda d: d['hosts'][0].update(power_curve_w=[3, 2] + [9] * 9),
            'hosts[0].power_curve_w: watts must not fall',
        ),
        (
            lambda d: d['hosts'][0].update(power_curve_w=[1, 2]),
            'hosts[0].power_curve_w: [1, 2] is too short',
        ),
        (
            lambda d: d['hosts'][1].update(name='a'),
            'hosts[1].name: "a" is taken by another host',
        ),
        (
            lambda d: d['workloads'][0].update(host='c'),
            'workloads[0].host: there is no host "c"',
        ),
        (
            lambda d: d['workloads'].append(d['workloads'][0]),
            'workloads[1].id: "w" is taken by another workload',
        ),
        (
            lambda d: d['workloads'][0].update(vcpus=-1),
            'workloads[0].vcpus: -1 is less than the minimum of 0',
        ),
    ],
)
def test_fault_is_named_with_its_path(change, fault):
    assert any(found.startswith(fault) for found in _faults(change))


def test_all_faults_are_listed():
    def change(document):
        document['hosts'][0]['vcpus'] = 0
        document['workloads'][0]['memory_mib'] = 'much'

    assert len(_faults(change)) == 2


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('{', 'not JSON: line 1 column 2'),
        ('{"version": NaN}', 'not JSON: NaN is not a number'),
        ('{"a": 1, "a": 2}', 'not JSON: the key "a" is given twice'),
        ('[' * 100_000, 'not JSON: nested too deeply'),
        ('[]', "document: [] is not of type 'object'"),
    ],
)
def test_what_is_no_snapshot_is_refused(text, fault):
    with pytest.raises(exception.InputError) as caught:
        snapshot_file.read(text, 'x')
    assert caught.value.faults[0].startswith(fault)
