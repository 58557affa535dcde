# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.migration import power


RANGE_UJ = 262143328850


class Host:
    """Counters of a host in files, as the kernel has them."""

    def __init__(self, folder):
        self.powercap = folder / 'powercap'
        self.stat = folder / 'stat'
        self.now = 0.0
        self.set_cpu(0, 0)

    def set_energy(self, domain, value_uj, name='package-0'):
        path = self.powercap / domain
        path.mkdir(parents=True, exist_ok=True)
        (path / 'energy_uj').write_text(str(value_uj))
        (path / 'max_energy_range_uj').write_text(str(RANGE_UJ))
        (path / 'name').write_text(name)

    def set_cpu(self, busy, idle):
        self.stat.write_text(f'cpu {busy} 0 0 {idle} 0 0 0 0 0 0\n')

    def meter(self, max_power_w=1000.0):
        return power.Meter(
            max_power_w=max_power_w,
            powercap=self.powercap,
            stat=self.stat,
            clock=lambda: self.now,
        )


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def _read_twice(host, meter, seconds=10.0):
    host.now = 100.0
    first = meter.read()
    host.now += seconds
    return first


def test_watts_are_energy_over_time_of_packages_and_memory(host):
    meter = host.meter()
    host.set_energy('intel-rapl:0', 0)
    host.set_energy('intel-rapl:0:0', 0, 'core')
    host.set_energy('intel-rapl:0:1', 0, 'dram')
    assert 'power_w' not in _read_twice(host, meter)
    host.set_energy('intel-rapl:0', 500_000_000)
    host.set_energy('intel-rapl:0:0', 400_000_000, 'core')
    host.set_energy('intel-rapl:0:1', 100_000_000, 'dram')
    found = meter.read()
    assert found['power_w'] == pytest.approx(60.0)
    assert found['power_source'] == 'rapl'


def test_a_counter_that_starts_again_is_no_jump(host):
    meter = host.meter()
    host.set_energy('intel-rapl:0', RANGE_UJ - 100_000_000)
    _read_twice(host, meter)
    host.set_energy('intel-rapl:0', 99_999_999)
    assert meter.read()['power_w'] == pytest.approx(20.0)


def test_what_no_host_draws_is_left_out(host):
    meter = host.meter(max_power_w=300.0)
    host.set_energy('intel-rapl:0', 0)
    _read_twice(host, meter, seconds=0.1)
    host.set_energy('intel-rapl:0', 500_000_000)
    assert 'power_w' not in meter.read()


def test_utilization_is_the_busy_part_since_last_time(host):
    meter = host.meter()
    assert 'utilization' not in meter.read()
    host.set_cpu(30, 70)
    assert meter.read()['utilization'] == pytest.approx(0.3)


def test_a_host_without_sensors_says_nothing_of_power(host):
    meter = host.meter()
    _read_twice(host, meter)
    assert 'power_w' not in meter.read()
