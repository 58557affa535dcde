# SPDX-License-Identifier: Apache-2.0

"""What is promised on each host: the sums a scheduler goes by."""

import numpy as np

from ecrae.simulator.policy import World
from ecrae.simulator.trace import BoolArray


class Booking:
    """Requests and memory booked on n hosts while machines are placed."""

    def __init__(self, world: World) -> None:
        self.world = world
        #: What may be promised, shapes (n,).
        self.capacity_cpu = (
            world.fleet.capacity_cpu * world.rules.cpu_allocation_ratio
        )
        self.capacity_mib = world.fleet.memory_mib
        #: What is promised, shapes (n,).
        self.cpu = world.on_hosts(world.request_cpu)
        self.memory_mib = world.memory_used_mib()
        #: Machines on each host, shape (n,).
        self.machines = world.on_hosts(np.ones_like(world.vcpus))

    def fits(self, machine: int) -> BoolArray:
        """Hosts with room for a machine's whole request, shape (n,)."""
        world = self.world
        request = world.request_cpu[machine]
        cpu = self.cpu + request <= self.capacity_cpu
        cpu &= request <= (
            world.vcpus[machine]
            * world.fleet.core_cpu
            * world.rules.cpu_allocation_ratio
        )
        memory = self.memory_mib + world.memory_mib[machine]
        return cpu & (memory <= self.capacity_mib)

    def book(self, machine: int, host: int) -> None:
        """Promise a machine its request on a host."""
        self.cpu[host] += self.world.request_cpu[machine]
        self.memory_mib[host] += self.world.memory_mib[machine]
        self.machines[host] += 1
