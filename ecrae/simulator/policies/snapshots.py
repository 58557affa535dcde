# SPDX-License-Identifier: Apache-2.0

"""The simulated cloud as the optimizer wants to see it."""

import numpy as np

from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model import forecast
from ecrae.model.cluster import HostState
from ecrae.model.forecast import Forecast
from ecrae.model.power import FloatArray
from ecrae.model.power import PowerCurve
from ecrae.simulator.policy import World


#: Ratio that binds nothing.
_UNBOUND = 1e9


def problem(world: World, expected: Forecast, safety: float) -> Problem:
    """What runs where, in cores of the fastest host.

    The load of a machine is its share of what a host must have: its mean and
    its part of the deviations that the host keeps free. Workloads are named
    by their index.
    """
    fleet = world.fleet
    thriftiest = int((fleet.curves_w[:, -1] / fleet.capacity_cpu).argmin())
    capacity = float(fleet.capacity_cpu[thriftiest])
    sizes = forecast.sizes(expected, safety, capacity)
    ceilings = sizes.room(fleet.capacity_cpu) / fleet.capacity_cpu
    snapshot = Snapshot(
        hosts=_hosts(world, ceilings),
        workloads=_workloads(world, sizes.size),
    )
    return Problem.of(snapshot)


def _hosts(world: World, ceilings: FloatArray) -> tuple[Host, ...]:
    fleet, rules = world.fleet, world.rules
    is_used = world.on_hosts(np.ones_like(world.vcpus)) > 0
    cpu_ratio, ram_ratio = _UNBOUND, _UNBOUND
    if rules.is_request_enforced:
        cpu_ratio = rules.cpu_allocation_ratio
    if rules.is_memory_enforced:
        ram_ratio = 1.0
    cores = fleet.capacity_cpu / fleet.core_cpu
    speed = fleet.core_cpu / fleet.core_cpu.max()
    return tuple(
        Host(
            name=name,
            vcpus=float(cores[i]),
            memory_mib=float(fleet.memory_mib[i]),
            disk_gib=0.0,
            curve=PowerCurve(
                tuple(fleet.curves_w[i].tolist()), float(fleet.sleep_w[i])
            ),
            cpu_allocation_ratio=cpu_ratio,
            ram_allocation_ratio=ram_ratio,
            state=HostState.AWAKE if is_used[i] else HostState.ASLEEP,
            core_speed=float(speed[i]),
            cpu_ceiling=float(ceilings[i]),
        )
        for i, name in enumerate(fleet.names)
    )


def _workloads(world: World, size_cpu: FloatArray) -> tuple[Workload, ...]:
    fleet = world.fleet
    placed = np.flatnonzero(world.host_of >= 0)
    core_cpu = fleet.core_cpu[world.host_of]
    return tuple(
        Workload(
            id=str(m),
            host=fleet.names[world.host_of[m]],
            vcpus=float(world.vcpus[m]),
            memory_mib=float(world.memory_mib[m]),
            disk_gib=0.0,
            cpu_cores_used=float(size_cpu[m] / core_cpu[m]),
            memory_used_mib=float(world.memory_mib[m]),
            architecture='x86_64',
            zone='',
            aggregates=frozenset(),
            required_traits=frozenset(),
            pinned=bool(world.is_moving[m]),
        )
        for m in placed
    )
