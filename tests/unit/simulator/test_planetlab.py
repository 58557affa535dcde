# SPDX-License-Identifier: Apache-2.0

import numpy as np

from ecrae.simulator import planetlab
from ecrae.simulator.csv_trace import Samples


def _samples(*rows):
    busy = np.array(rows) / 100.0
    m, s = busy.shape
    return Samples(
        source='day.csv',
        names=tuple(f'm{i}' for i in range(m)),
        busy=busy,
        arrival=np.zeros(m, dtype=np.intp),
        departure=np.full(m, s),
        vcpus=None,
        memory_mib=None,
    )


def test_machines_come_in_four_blocks():
    trace = planetlab.trace(_samples(*[[10, 10]] * 9))
    assert trace.request_cpu.tolist() == [2500] * 3 + [2000] * 3 + [1000] * 3
    trace = planetlab.trace(_samples(*[[10, 10]] * 8))
    assert trace.memory_mib.tolist() == [
        870, 870, 1740, 1740, 1740, 1740, 613, 613,
    ]  # fmt: skip
    assert trace.demand_cpu[0].tolist() == [250, 250]


def test_hosts_alternate():
    fleet = planetlab.fleet()
    assert len(fleet) == 800
    assert fleet.capacity_cpu[:3].tolist() == [3720, 5320, 3720]
    assert fleet.curves_w[:2, -1].tolist() == [117, 135]


def test_two_zeros_in_a_row_end_a_machine_after_the_first_sample():
    trace = planetlab.without_idle(
        planetlab.trace(
            _samples(
                [0, 0, 5, 5, 5],
                [5, 0, 5, 0, 5],
                [5, 5, 0, 0, 5],
                [5, 5, 5, 5, 5],
            )
        )
    )
    assert trace.departure.tolist() == [5, 5, 2, 5]
