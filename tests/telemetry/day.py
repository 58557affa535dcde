# SPDX-License-Identifier: Apache-2.0

"""Hours of a host's life: what it did, drew, and who ran on it."""

import functools
import math
import pathlib
import subprocess
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from ecrae.kb import catalogue
from ecrae.model import power
from tests.unit.cmd import measured


#: What the hosts really draw; no node type of the catalogue is like it.
REAL = power.linear(111.0, 333.0)

STEP_S = 60
MINUTES = 240

#: Cores that each server keeps busy.
CORES_USED = 0.6

#: What each server that shares mixed-1 holds of its 32 GiB.
MEMORY_MIB = 0.75 * 32768


def load_at(minute: int) -> float:
    """Busy part of the CPU: up and down within two hours."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * minute / 120)


def boards_at(minute: int) -> float:
    """Busy part of the accelerators: all of it, or none, in turns."""
    return float(minute // 25 % 2)


@functools.cache
def mixed(minute: int) -> tuple[float, float, float]:
    """Cores of each server on mixed-1, and its load and watts.

    The mixture stays longer than exporters' counters are averaged over.
    """
    node_type = catalogue.load().node_types['arm-altra-q80']
    return measured.mixture(minute // 10, node_type.curve, node_type.threads)


def moments(now: float) -> list[float]:
    """Every minute up to now, in seconds since the epoch."""
    return [now - STEP_S * (MINUTES - minute) for minute in range(MINUTES)]


def backfill(
    folder: pathlib.Path,
    now: float,
    boards_w: float,
    requests_per_s: Mapping[str, float],
    sharing: Sequence[str] = (),
) -> None:
    """Give a Prometheus that is to start in a folder a past.

    The metrics are those of node_exporter, Kepler, DCGM, the libvirt and the
    nginx exporter, under their names: of compute-1, of gpu-1, whose
    accelerators draw up to ``boards_w`` more, of servers by what they serve,
    and of mixed-1, which some servers share with others.
    """
    text = folder / 'past.txt'
    lines = [*_hosts(now, boards_w), *_servers(now, requests_per_s, sharing)]
    text.write_text(''.join([*lines, '# EOF\n']))
    subprocess.run(
        [
            *('promtool', 'tsdb', 'create-blocks-from', 'openmetrics'),
            *('--quiet', text, folder / 'tsdb'),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _hosts(now: float, boards_w: float) -> Iterator[str]:
    boards = {'compute-1': 0.0, 'gpu-1': boards_w}
    yield '# TYPE node_cpu_seconds counter\n'
    for host in boards:
        labels = f'instance="{host}:9100",cpu="0",mode="idle"'
        idle_s = 1.0
        for minute, at in enumerate(moments(now)):
            idle_s += STEP_S * (1 - load_at(minute))
            yield f'node_cpu_seconds_total{{{labels}}} {idle_s} {at}\n'
    labels = 'instance="mixed-1:9100",cpu="0",mode="idle"'
    idle_s = 1.0
    for minute, at in enumerate(moments(now)):
        idle_s += STEP_S * (1 - mixed(minute)[1])
        yield f'node_cpu_seconds_total{{{labels}}} {idle_s} {at}\n'
    yield '# TYPE kepler_node_platform_joules counter\n'
    for host, extra_w in boards.items():
        labels = f'instance="{host}:9102",source="acpi"'
        joules = 1.0
        for minute, at in enumerate(moments(now)):
            drawn_w = REAL.at(load_at(minute)) + extra_w * boards_at(minute)
            joules += STEP_S * drawn_w
            name = 'kepler_node_platform_joules_total'
            yield f'{name}{{{labels}}} {joules} {at}\n'
    joules = 1.0
    for minute, at in enumerate(moments(now)):
        joules += STEP_S * mixed(minute)[2]
        labels = 'instance="mixed-1:9102",source="acpi"'
        name = 'kepler_node_platform_joules_total'
        yield f'{name}{{{labels}}} {joules} {at}\n'
    yield '# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n'
    for minute, at in enumerate(moments(now)):
        for gpu in (0, 1):
            labels = f'instance="gpu-1:9400",gpu="{gpu}"'
            percent = 100 * boards_at(minute)
            yield f'DCGM_FI_DEV_GPU_UTIL{{{labels}}} {percent} {at}\n'


def _servers(
    now: float, requests_per_s: Mapping[str, float], sharing: Sequence[str]
) -> Iterator[str]:
    yield '# TYPE libvirt_domain_info_cpu_time_seconds counter\n'
    yield from _shared_cpu(now, sharing)
    for server in requests_per_s:
        for minute, at in enumerate(moments(now)):
            spent_s = CORES_USED * STEP_S * minute + 1
            name = 'libvirt_domain_info_cpu_time_seconds_total'
            yield f'{name}{{domain="i-{server}"}} {spent_s} {at}\n'
    yield '# TYPE libvirt_domain_info_meta gauge\n'
    for server in (*requests_per_s, *sharing):
        labels = f'domain="i-{server}",uuid="{server}"'
        for at in moments(now):
            yield f'libvirt_domain_info_meta{{{labels}}} 1 {at}\n'
    yield from _shared_memory(now, sharing)
    yield '# TYPE nginx_http_requests counter\n'
    for server, served in requests_per_s.items():
        for minute, at in enumerate(moments(now)):
            total = served * STEP_S * minute + 1
            labels = f'uuid="{server}"'
            yield f'nginx_http_requests_total{{{labels}}} {total} {at}\n'


def _shared_cpu(now: float, sharing: Sequence[str]) -> Iterator[str]:
    for server in sharing:
        spent_s = 1.0
        for minute, at in enumerate(moments(now)):
            spent_s += STEP_S * mixed(minute)[0]
            name = 'libvirt_domain_info_cpu_time_seconds_total'
            yield f'{name}{{domain="i-{server}"}} {spent_s} {at}\n'


def _shared_memory(now: float, sharing: Sequence[str]) -> Iterator[str]:
    yield '# TYPE libvirt_domain_memory_stats_rss_bytes gauge\n'
    for server in sharing:
        for at in moments(now):
            name = 'libvirt_domain_memory_stats_rss_bytes'
            held = MEMORY_MIB * 2**20
            yield f'{name}{{domain="i-{server}"}} {held} {at}\n'
