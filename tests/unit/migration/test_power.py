# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae import privsep
from ecrae.migration import power
from ecrae.privsep import meters


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

    def add_controller(self, watts):
        """A management controller, by the words of ipmitool."""
        (self.powercap.parent / 'ipmi0').touch()
        program = self.powercap.parent / 'ipmitool'
        program.write_text(
            '#!/bin/sh\n'
            '[ "$*" = "dcmi power reading" ] || exit 1\n'
            f'echo "    Instantaneous power reading:   {watts} Watts"\n'
        )
        program.chmod(0o755)

    def set_cpu(self, busy, idle):
        self.stat.write_text(f'cpu {busy} 0 0 {idle} 0 0 0 0 0 0\n')

    def meter(self, max_power_w=1000.0):
        return power.Meter(
            max_power_w=max_power_w,
            stat=self.stat,
            clock=lambda: self.now,
        )


@pytest.fixture
def host(tmp_path, monkeypatch):
    found = Host(tmp_path)
    monkeypatch.setattr(privsep.context, 'client_mode', False)
    monkeypatch.setattr(meters, '_POWERCAP', found.powercap)
    monkeypatch.setattr(meters, '_CONTROLLER', tmp_path / 'ipmi0')
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    return found


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
    assert meter.read()['power_sensors'] == []


def test_the_whole_host_s_power_wins_over_its_packages(host):
    meter = host.meter()
    host.add_controller(210)
    host.set_energy('intel-rapl:0', 0)
    found = _read_twice(host, meter)
    assert (found['power_w'], found['power_source']) == (210.0, 'ipmi')
    assert found['power_sensors'] == ['ipmi', 'rapl']


def test_a_controller_that_raves_leaves_the_packages(host):
    meter = host.meter(max_power_w=300.0)
    host.add_controller(65535)
    host.set_energy('intel-rapl:0', 0)
    _read_twice(host, meter)
    host.set_energy('intel-rapl:0', 500_000_000)
    found = meter.read()
    assert (found['power_w'], found['power_source']) == (50.0, 'rapl')
