# SPDX-License-Identifier: Apache-2.0

"""A day of measurements of hosts, in the file that telemetry reads."""

import json
import time

import numpy as np

from ecrae.model import power


#: What the hosts really draw; no node type of the catalogue is like it.
REAL = power.linear(111.0, 333.0)

INTERVAL_S = 300


def write(folder, *hosts, count=200):
    """Let telemetry know that each host went from idle to full load."""
    now = time.time()
    rows = []
    for host in hosts:
        for step, load in enumerate(np.linspace(0, 1, count)):
            at = now - (count - step) * INTERVAL_S
            rows.append(_row(host, 'utilization', float(load), at))
            rows.append(_row(host, 'power_w', REAL.at(float(load)), at + 20))
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
