# SPDX-License-Identifier: Apache-2.0

"""A day of measurements of hosts, in the file that telemetry reads."""

import json
import time

import numpy as np

from ecrae.model import power
from tests.unit.clients import wire


#: What the hosts really draw; no node type of the catalogue is like it.
REAL = power.linear(111.0, 333.0)

INTERVAL_S = 300


def write(folder, *hosts, count=200, boards_w=0.0):
    """Let telemetry know that each host went from idle to full load.

    :param boards_w: what its accelerators, busy now and again, draw then.
    """
    now = time.time()
    rows = []
    for host in hosts:
        for step, load in enumerate(np.linspace(0, 1, count)):
            at = now - (count - step) * INTERVAL_S
            rows.append(_row(host, 'utilization', float(load), at))
            busy = float(step // 7 % 3) / 2 if boards_w else 0.0
            drawn_w = REAL.at(float(load)) + busy * boards_w
            rows.append(_row(host, 'power_w', drawn_w, at + 20))
            if boards_w:
                rows.append(
                    _row(host, 'accelerator_utilization', busy, at + 20)
                )
    add(folder, rows)


def add(folder, rows):
    """Put readings into the file, and the file into the configuration."""
    path = folder / 'readings.json'
    held = json.loads(path.read_text())['readings'] if path.exists() else []
    path.write_text(json.dumps({'readings': [*held, *rows]}))
    config = folder / 'ecrae.conf'
    if 'ecrae_telemetry' not in config.read_text():
        with config.open('a') as opened:
            opened.write(f'[ecrae_telemetry]\nsources = file\nfile = {path}\n')


def _row(host, metric, value, at):
    return {
        'subject': 'host',
        'name': host,
        'metric': metric,
        'value': value,
        'measured_at': at,
    }


def use(folder, server, cores_used, count=200):
    """Let telemetry know that a server kept some cores busy."""
    now = time.time()
    add(
        folder,
        [
            {
                **_row(server, 'cpu_cores_used', cores_used, now - at),
                'subject': 'instance',
            }
            for at in range(0, count * 60, 60)
        ],
    )


def hold(folder, server, memory_mib, count=200):
    """Let telemetry know that a server used some memory."""
    now = time.time()
    add(
        folder,
        [
            {
                **_row(server, 'memory_used_mib', memory_mib, now - at),
                'subject': 'instance',
            }
            for at in range(0, count * 60, 60)
        ],
    )


#: Servers that share a host with others, and what theirs busy cores draw
#: against those of the others.
SHARING = 3
DRAW = 1.5


def mixture(step, curve, threads):
    """One moment of a host on which the mixture of load changes.

    :returns: cores that each of ``SHARING`` servers keeps busy, the host's
        load, and its watts.
    """
    own = 15.0 * (3 * step % 10) / 10
    others = 30.0 * (7 * step % 11) / 11 + 1.0
    load = (SHARING * own + others) / threads
    part = SHARING * own / (load * threads)
    dynamic_w = curve.at(load) - curve.power_w[0]
    return own, load, curve.at(load) + (DRAW - 1) * part * dynamic_w


def mix(folder, host, servers, curve, threads, count=200):
    """Let telemetry know what servers and others made a host draw."""
    now = time.time()
    rows = []
    for step in range(count):
        at = now - step * 60
        own, load, power_w = mixture(step, curve, threads)
        rows.append(_row(host, 'utilization', load, at))
        rows.append(_row(host, 'power_w', power_w, at))
        rows += [
            {**_row(name, 'cpu_cores_used', own, at), 'subject': 'instance'}
            for name in servers
        ]
    add(folder, rows)


def answer(folder, server, requests_per_s, count=200):
    """Let telemetry know that a server served some requests."""
    now = time.time()
    add(
        folder,
        [
            {
                **_row(server, 'requests_per_s', requests_per_s, now - at),
                'subject': 'instance',
            }
            for at in range(0, count * 60, 60)
        ],
    )


def serve(folder, requests_mock, *servers):
    """A Nova that has these servers, and the account to ask it."""
    cloud = wire.WireCloud(requests_mock)
    cloud.servers(*servers)
    with (folder / 'ecrae.conf').open('a') as opened:
        opened.write(
            '[ecrae_cloud]\nauth_type = password\n'
            f'auth_url = {wire.AUTH}\nusername = ecrae\npassword = x\n'
            'user_domain_id = default\nproject_domain_id = default\n'
            'project_name = service\n'
        )
    return cloud


def server(name, host, flavor, **metadata):
    """A server as Nova lists it."""
    return {
        'id': name,
        'name': name,
        'status': 'ACTIVE',
        'flavor': {'original_name': flavor},
        'OS-EXT-SRV-ATTR:host': host,
        'metadata': {f'ecrae:{key}': value for key, value in metadata.items()},
    }
