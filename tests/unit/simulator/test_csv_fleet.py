# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae import exception
from ecrae.simulator import csv_fleet


@pytest.fixture
def fleet_file(tmp_path):
    def _write(text):
        path = tmp_path / 'fleet.csv'
        path.write_text(text)
        return path

    return _write


def test_kinds_become_hosts(fleet_file):
    fleet = csv_fleet.read(
        fleet_file(
            'name,count,cores,core_speed,memory_mib,sleep_w,idle_w,max_w\n'
            'old,2,8,0.5,16384,3,100,200\n'
            'new,,16,1.25,65536,,50,250\n'
        )
    )
    assert fleet.names == ('old-1', 'old-2', 'new')
    assert fleet.capacity_cpu.tolist() == [4, 4, 20]
    assert fleet.core_cpu.tolist() == [0.5, 0.5, 1.25]
    assert fleet.sleep_w.tolist() == [3, 3, 0]
    assert fleet.curves_w[2].tolist() == pytest.approx(
        [50 + 20 * step for step in range(11)]
    )


def test_whole_curve(fleet_file):
    columns = ','.join(f'watts_{load}' for load in range(0, 101, 10))
    watts = ','.join(str(100 + step**2) for step in range(11))
    fleet = csv_fleet.read(
        fleet_file(f'name,cores,memory_mib,{columns}\nh,4,1024,{watts}\n')
    )
    assert fleet.curves_w[0].tolist() == [100 + s**2 for s in range(11)]


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('name,cores\nh,1\n', 'line 1: there is no column memory_mib'),
        (
            'name,cores,memory_mib,idle_w,max_w\nh,0,1,1,1\n',
            'line 2: column cores',
        ),
        (
            'name,cores,memory_mib,idle_w,max_w\nh,1,1,9,1\n',
            'line 2: watts must not fall',
        ),
        (
            'name,cores,memory_mib,idle_w,max_w,colour\nh,1,1,1,1,red\n',
            "line 1: unknown column 'colour'",
        ),
    ],
)
def test_fault_is_named_with_its_place(fleet_file, text, fault):
    with pytest.raises(exception.InputError, match=fault):
        csv_fleet.read(fleet_file(text))
