# SPDX-License-Identifier: Apache-2.0

"""Small fleets and traces whose costs can be worked out by hand."""

import numpy as np

from ecrae.model import power
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.policy import Move
from ecrae.simulator.policy import Rules
from ecrae.simulator.policy import World
from ecrae.simulator.trace import Trace


HOUR_S = 3600.0


def fleet(
    n=2, *, capacity=1000.0, cores=1, idle_w=100.0, max_w=200.0, **columns
):
    """Hosts of 1000 CPU with 100 W idle and 200 W at full load."""
    curve = power.linear(idle_w, max_w).power_w
    return Fleet(
        names=tuple(f'h{i}' for i in range(n)),
        capacity_cpu=np.full(n, float(capacity)),
        core_cpu=np.full(n, capacity / cores),
        memory_mib=np.full(n, columns.get('memory_mib', 4096.0)),
        curves_w=np.array([curve] * n),
        sleep_w=np.full(n, columns.get('sleep_w', 0.0)),
        bandwidth_mib_s=np.full(n, columns.get('bandwidth_mib_s', 1.0)),
    )


def trace(*demands, memory_mib=360.0, interval_s=HOUR_S, arrival=None):
    """Machines with the given demands; None where one does not exist."""
    present = np.array([[d is not None for d in row] for row in demands])
    m, samples = present.shape
    return Trace(
        names=tuple(f'm{i}' for i in range(m)),
        vcpus=np.ones(m),
        request_cpu=np.full(m, 1000.0),
        memory_mib=np.broadcast_to(
            np.asarray(memory_mib, dtype=float), (m,)
        ).copy(),
        arrival=present.argmax(axis=1),
        departure=samples - present[:, ::-1].argmax(axis=1),
        demand_cpu=np.array(
            [[d or 0.0 for d in row] for row in demands], dtype=float
        ),
        interval_s=interval_s,
    )


def world(hosts, demands, host_of, *, memory_mib=360.0, rules=None):
    """The world after the demands so far, newest last."""
    played = trace(*demands, memory_mib=memory_mib)
    return World(
        fleet=hosts,
        rules=rules or Rules(cpu_allocation_ratio=10.0),
        instant=played.demand_cpu.shape[1] - 1,
        interval_s=300.0,
        vcpus=played.vcpus,
        request_cpu=played.request_cpu,
        memory_mib=played.memory_mib,
        arrival=played.arrival,
        host_of=np.array(host_of),
        is_moving=np.zeros(len(played), dtype=bool),
        history_cpu=played.demand_cpu,
    )


class Script:
    """Places and moves as it is told."""

    def __init__(self, hosts, moves=None, *, sleeps=True):
        self.hosts = np.array(hosts)
        self.moves = moves or {}
        self.sleeps = sleeps

    def place(self, world, machines):
        return self.hosts[machines]

    def rebalance(self, world):
        return [Move(*move) for move in self.moves.get(world.instant, ())]
