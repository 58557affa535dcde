# SPDX-License-Identifier: Apache-2.0

"""The consolidation policies that CloudSim 3.0.3 is known for.

THR-MMT and LR-MMT of Beloglazov and Buyya (2012), the field's common
baselines: a host that is, or will be, overloaded sheds the machines with the
least memory (minimum migration time) until it is not; what was shed goes
where power grows least (power aware best fit, decreasing); then, from the
least loaded host on, hosts are emptied if all that they run fits elsewhere.
"""

import numpy as np

from ecrae.model import power
from ecrae.model.power import FloatArray
from ecrae.simulator.policies import overload
from ecrae.simulator.policies import static
from ecrae.simulator.policies.booking import Booking
from ecrae.simulator.policy import Move
from ecrae.simulator.policy import World
from ecrae.simulator.trace import BoolArray
from ecrae.simulator.trace import IntArray


class _Hosts:
    """Hosts as they would be after the moves chosen so far."""

    def __init__(self, world: World, detector: overload.Detector) -> None:
        self._world = world
        self._fleet = world.fleet
        self._detector = detector
        self.demand = world.demand_cpu
        self._feature, self._span = detector.features(world)
        self.machines: list[list[int]] = [[] for _ in range(len(self._fleet))]
        for machine in np.flatnonzero(world.host_of >= 0):
            self.machines[world.host_of[machine]].append(int(machine))
        self._memory_mib = world.memory_used_mib()
        self._promised = world.on_hosts(world.promise)
        self._asked = world.on_hosts(self.demand)
        self._wanted = world.on_hosts(self._most(world.host_of))
        self._sum_feature = world.on_hosts(self._feature)
        self._longest = np.zeros(len(self._fleet), dtype=np.intp)
        placed = world.host_of >= 0
        np.maximum.at(self._longest, world.host_of[placed], self._span[placed])
        used = np.minimum(self._wanted, self._fleet.capacity_cpu)
        #: Utilization and watts before any move.
        self.utilization = used / self._fleet.capacity_cpu
        self._watts = power.watts(self._fleet.curves_w, self.utilization)

    def _most(self, host: IntArray) -> FloatArray:
        return np.minimum(
            self.demand, self._world.vcpus * self._fleet.core_cpu[host]
        )

    def over(self) -> BoolArray:
        """Overloaded hosts."""
        return self._detector.is_over(
            self._fleet, self._asked, self._sum_feature, self._longest
        )

    def put(self, machine: int, host: int) -> None:
        """Add a machine to a host."""
        self.machines[host].append(machine)
        self._add(machine, host, 1.0)
        self._longest[host] = max(self._longest[host], self._span[machine])

    def take(self, machine: int, host: int) -> None:
        """Remove a machine from a host."""
        self.machines[host].remove(machine)
        self._add(machine, host, -1.0)
        rest = self.machines[host]
        self._longest[host] = max((self._span[m] for m in rest), default=0)

    def _add(self, machine: int, host: int, sign: float) -> None:
        world = self._world
        self._asked[host] += sign * self.demand[machine]
        self._wanted[host] += sign * min(
            self.demand[machine],
            world.vcpus[machine] * self._fleet.core_cpu[host],
        )
        self._sum_feature[host] += sign * self._feature[machine]
        self._promised[host] += sign * world.promise[machine]
        if world.rules.is_memory_enforced:
            self._memory_mib[host] += sign * world.memory_mib[machine]

    def _is_bookable(self, machine: int) -> BoolArray:
        """Hosts whose memory and promises have room, as the rules say."""
        world, fleet = self._world, self._fleet
        fits = np.ones(len(fleet), dtype=bool)
        if world.rules.is_memory_enforced:
            memory = self._memory_mib + world.memory_mib[machine]
            fits &= memory <= fleet.memory_mib
        if world.rules.is_request_enforced:
            promised = self._promised + world.promise[machine]
            fits &= promised <= world.promisable
        return fits

    def best_for(self, machine: int, candidates: BoolArray) -> int:
        """Candidate whose power grows least without overload, or −1."""
        fleet = self._fleet
        demand = self.demand[machine]
        used = np.minimum(self._wanted, fleet.capacity_cpu)
        fits = candidates & (used + demand <= fleet.capacity_cpu)
        fits &= self._world.vcpus[machine] * fleet.core_cpu >= demand
        fits &= self._is_bookable(machine)
        would_be_over = self._detector.is_over(
            fleet,
            self._asked + demand,
            self._sum_feature + self._feature[machine],
            np.maximum(self._longest, self._span[machine]),
        )
        fits &= ~would_be_over | (used == 0)
        if not fits.any():
            return -1
        after = (used + demand) / fleet.capacity_cpu
        growth = power.watts(fleet.curves_w, after) - self._watts
        return int(np.where(fits, growth, np.inf).argmin())


def _least_growth(booking: Booking, machine: int) -> FloatArray:
    """Watts that a request adds, from idle: CloudSim forgets the others."""
    fleet = booking.world.fleet
    after = booking.cpu + booking.world.promise[machine]
    loaded_w = power.watts(fleet.curves_w, after / booking.capacity_cpu)
    return fleet.curves_w[:, 0] - loaded_w


class MinimumMigrationTime:
    """THR-MMT or LR-MMT, by the detector it is given."""

    sleeps = True

    def __init__(self, detector: overload.Detector) -> None:
        self._detector = detector
        self._placement = static.Placement(_least_growth)

    def place(self, world: World, machines: IntArray) -> IntArray:
        """Where the machine's whole request adds the least watts."""
        return self._placement.place(world, machines)

    def rebalance(self, world: World) -> list[Move]:
        """Relieve overloaded hosts, then empty little-used ones."""
        hosts = _Hosts(world, self._detector)
        over = hosts.over() & (hosts.utilization > 0)
        orders: list[Move] = []
        shed = self._shed(world, hosts, np.flatnonzero(over))
        self._rehouse(hosts, shed, ~over, orders, all_or_none=False)
        self._empty(world, hosts, over, orders)
        return orders

    def _shed(
        self, world: World, hosts: _Hosts, overloaded: IntArray
    ) -> list[int]:
        shed = []
        for host in overloaded:
            while hosts.over()[host]:
                movable = [
                    machine
                    for machine in hosts.machines[host]
                    if not world.is_moving[machine]
                ]
                if not movable:
                    break
                machine = min(movable, key=lambda m: world.memory_mib[m])
                hosts.take(machine, host)
                shed.append(machine)
        return shed

    def _rehouse(
        self,
        hosts: _Hosts,
        machines: list[int],
        candidates: BoolArray,
        orders: list[Move],
        *,
        all_or_none: bool,
    ) -> list[int]:
        """Find hosts, largest demand first; the hosts taken."""
        found: dict[int, int] = {}
        for machine in sorted(machines, key=lambda m: -hosts.demand[m]):
            host = hosts.best_for(machine, candidates)
            if host >= 0:
                hosts.put(machine, host)
                found[machine] = host
            elif all_or_none:
                for placed, at in found.items():
                    hosts.take(placed, at)
                return []
        orders += [Move(*item) for item in found.items()]
        return list(found.values())

    def _empty(
        self,
        world: World,
        hosts: _Hosts,
        over: BoolArray,
        orders: list[Move],
    ) -> None:
        off = hosts.utilization == 0
        keep = over | off
        candidates = ~(over | off)
        while not keep.all():
            host = int(np.where(keep, np.inf, hosts.utilization).argmin())
            if hosts.utilization[host] >= 1:
                break
            keep[host] = True
            candidates[host] = False
            machines = [
                machine
                for machine in hosts.machines[host]
                if not world.is_moving[machine]
            ]
            taken = self._rehouse(
                hosts, machines, candidates, orders, all_or_none=True
            )
            keep[taken] = True


def thr_mmt(threshold: float = 0.8) -> MinimumMigrationTime:
    """THR-MMT: overloaded above a part of the CPU."""
    return MinimumMigrationTime(overload.StaticThreshold(threshold))


def lr_mmt(safety: float = 1.2) -> MinimumMigrationTime:
    """LR-MMT: overloaded when a local regression says so."""
    return MinimumMigrationTime(overload.LocalRegression(safety, 0.7))
