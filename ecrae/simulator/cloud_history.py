# SPDX-License-Identifier: Apache-2.0

"""The cloud's own past as a scenario: what would other policies have cost?

Hosts are those that the knowledge base and Nova know, servers those that are
there now and were measured; a server that has gone has left no size behind.
A vCPU keeps a thread busy, so CPU is counted in threads, alike on all hosts.
"""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae import exception
from ecrae.model.cluster import Host
from ecrae.model.fleet import FleetServer
from ecrae.model.power import FloatArray
from ecrae.model.reading import Reading
from ecrae.simulator import csv_fleet
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.trace import Trace


def fleet(hosts: Sequence[Host]) -> Fleet:
    """The cloud's hosts, whatever state they are in now.

    :raises InputError: there are none.
    """
    if not hosts:
        raise exception.InputError(
            'There is no host to simulate that both Nova and the knowledge '
            'base know: see "ecrae hosts".'
        )
    kinds = [host.node_type for host in hosts]
    ones = np.ones(len(hosts))
    return Fleet(
        names=tuple(host.name for host in hosts),
        capacity_cpu=np.array([float(kind.threads) for kind in kinds]),
        core_cpu=ones,
        memory_mib=np.array([float(kind.memory_mib) for kind in kinds]),
        curves_w=np.array([kind.curve.power_w for kind in kinds]),
        sleep_w=np.array([float(kind.curve.sleep_w) for kind in kinds]),
        bandwidth_mib_s=ones * csv_fleet.MIGRATION_MIB_S,
    )


def trace(
    servers: Sequence[FleetServer],
    series: Mapping[str, Sequence[Reading]],
    start: float,
    stop: float,
    interval_s: float,
) -> Trace:
    """What the servers asked for, at instants ``interval_s`` apart.

    A server is there from its first reading to its last; at an instant
    without a reading it asks for what it asked before.

    :param series: cores in use, by server, oldest first.
    :param start: seconds since the epoch, as ``stop`` is.
    :raises InputError: no server was measured often enough.
    """
    instants = int((stop - start) // interval_s)
    rows = []
    for server in servers:
        readings = series.get(server.id, ())
        demand = _demand(readings, start, interval_s, instants)
        if demand is not None:
            rows.append((server, np.minimum(demand, server.vcpus)))
    if not rows or instants < 2:
        raise exception.InputError(
            'None of the servers that exist now was measured twice in that '
            'time: ask for a longer --history, or see "ecrae-manage '
            'telemetry show".'
        )
    present = ~np.isnan(np.array([demand for _, demand in rows]))
    vcpus = np.array([float(server.vcpus) for server, _ in rows])
    return Trace(
        names=tuple(server.id for server, _ in rows),
        vcpus=vcpus,
        request_cpu=vcpus,
        memory_mib=np.array([float(server.memory_mib) for server, _ in rows]),
        arrival=present.argmax(axis=1),
        departure=instants - present[:, ::-1].argmax(axis=1),
        demand_cpu=np.nan_to_num(np.array([demand for _, demand in rows])),
        interval_s=interval_s,
    )


def _demand(
    readings: Sequence[Reading], start: float, interval_s: float, instants: int
) -> FloatArray | None:
    """Cores at each instant, NaN where the server was not there."""
    slots: dict[int, list[float]] = {}
    for reading in readings:
        slot = int((reading.measured_at - start) // interval_s)
        if 0 <= slot < instants:
            slots.setdefault(slot, []).append(reading.value)
    if len(slots) < 2:
        return None
    demand = np.full(instants, np.nan)
    last = np.nan
    for slot in range(min(slots), max(slots) + 1):
        if slot in slots:
            last = float(np.mean(slots[slot]))
        demand[slot] = last
    return demand
