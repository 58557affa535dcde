# SPDX-License-Identifier: Apache-2.0

"""What is promised on each host: the sums a scheduler goes by."""

import numpy as np

from ecrae.model import load
from ecrae.simulator.policy import World
from ecrae.simulator.trace import BoolArray


class Booking:
    """Promises, memory and load of n hosts while machines are placed."""

    def __init__(self, world: World) -> None:
        self.world = world
        #: What may be promised, shapes (n,).
        self.capacity_cpu = world.promisable
        self.capacity_mib = world.fleet.memory_mib
        #: What is promised, shapes (n,).
        self.cpu = world.on_hosts(world.promise)
        self.memory_mib = world.memory_used_mib()
        #: CPU in use, and expected of the machines just placed, shape (n,).
        self.load_cpu = world.on_hosts(world.demand_cpu)
        #: Machines on each host, shape (n,).
        self.machines = world.on_hosts(np.ones_like(world.vcpus))

    def fits(self, machine: int) -> BoolArray:
        """Hosts with room for all that a machine is promised, shape (n,)."""
        world = self.world
        cpu = self.cpu + world.promise[machine] <= self.capacity_cpu
        if world.rules.promises_speed:
            cpu &= world.request_cpu[machine] <= (
                world.vcpus[machine] * world.fleet.core_cpu
            )
        memory = self.memory_mib + world.memory_mib[machine]
        return cpu & (memory <= self.capacity_mib)

    def book(self, machine: int, host: int) -> None:
        """Promise a machine its share of a host."""
        world = self.world
        self.cpu[host] += world.promise[machine]
        self.memory_mib[host] += world.memory_mib[machine]
        # Nothing has been measured of a new machine.
        self.load_cpu[host] += (
            world.request_cpu[machine] * load.DEFAULT_BUSY_FRACTION
        )
        self.machines[host] += 1
