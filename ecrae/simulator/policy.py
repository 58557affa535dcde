# SPDX-License-Identifier: Apache-2.0

"""What a policy sees of the simulated cloud and what it may answer."""

import dataclasses
from typing import NamedTuple
from typing import Protocol

import numpy as np

from ecrae.model.power import FloatArray
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.trace import BoolArray
from ecrae.simulator.trace import IntArray
from ecrae.simulator.trace import Trace


class Move(NamedTuple):
    """A migration that a policy asks for, as indices."""

    machine: int
    host: int


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """What binds placements, beside the CPU that is there to be shared."""

    #: Whether running machines occupy their memory. CloudSim's do not: there
    #: memory binds only machines that are created together.
    is_memory_enforced: bool = True
    #: Whether migrations need room for the machine's whole CPU request, as
    #: Nova's do, and not only for what it uses. Creation always does.
    is_request_enforced: bool = True
    #: vCPUs that may be promised for each core.
    cpu_allocation_ratio: float = 1.0
    #: Whether CPU is promised by speed (CloudSim's MIPS) and not by count.
    promises_speed: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """The cloud at one instant: the present and the past, nothing later."""

    fleet: Fleet
    rules: Rules
    instant: int
    interval_s: float
    #: Static columns over m machines, present or not.
    vcpus: FloatArray
    request_cpu: FloatArray
    memory_mib: FloatArray
    arrival: IntArray
    #: Host of each machine, −1 if it has none, shape (m,).
    host_of: IntArray
    #: Machines that are migrating now and cannot be moved, shape (m,).
    is_moving: BoolArray
    #: Demand at every instant so far, shape (m, instant + 1).
    history_cpu: FloatArray

    @property
    def demand_cpu(self) -> FloatArray:
        """Demand of each machine now, shape (m,)."""
        return self.history_cpu[:, -1]

    def on_hosts(self, weights: FloatArray) -> FloatArray:
        """Sum of a machine column over each host, shape (n,)."""
        placed = self.host_of >= 0
        sums = np.bincount(
            self.host_of[placed], weights[placed], minlength=len(self.fleet)
        )
        return sums.astype(np.float64, copy=False)

    @property
    def promise(self) -> FloatArray:
        """CPU that each machine is promised, shape (m,)."""
        if self.rules.promises_speed:
            return self.request_cpu
        return self.vcpus

    @property
    def promisable(self) -> FloatArray:
        """CPU that each host may promise, shape (n,)."""
        fleet, ratio = self.fleet, self.rules.cpu_allocation_ratio
        if self.rules.promises_speed:
            return fleet.capacity_cpu * ratio
        return fleet.capacity_cpu / fleet.core_cpu * ratio

    def memory_used_mib(self) -> FloatArray:
        """Memory that running machines occupy on each host, shape (n,)."""
        if not self.rules.is_memory_enforced:
            return np.zeros(len(self.fleet))
        return self.on_hosts(self.memory_mib)


class Policy(Protocol):
    """Decides where machines start and which ones move."""

    #: Whether hosts without machines are put to sleep.
    sleeps: bool

    def place(self, world: World, machines: IntArray) -> IntArray:
        """Hosts for machines that are created now; −1 refuses one."""

    def rebalance(self, world: World) -> list[Move]:
        """Migrations to begin now.

        Of several for one machine the last decides where it ends; all of
        them load their hosts and count, as they do in CloudSim.
        """


def world_at(
    trace: Trace,
    fleet: Fleet,
    rules: Rules,
    instant: int,
    host_of: IntArray,
    is_moving: BoolArray,
) -> World:
    """The world at an instant of a trace, without its future."""
    return World(
        fleet=fleet,
        rules=rules,
        instant=instant,
        interval_s=trace.interval_s,
        vcpus=trace.vcpus,
        request_cpu=trace.request_cpu,
        memory_mib=trace.memory_mib,
        arrival=trace.arrival,
        host_of=host_of.copy(),
        is_moving=is_moving,
        history_cpu=trace.demand_cpu[:, : instant + 1],
    )
