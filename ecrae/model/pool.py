# SPDX-License-Identifier: Apache-2.0

"""Hosts on which the demands of machines pool, and relief for full ones."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ecrae.model.forecast import Forecast
from ecrae.model.power import FloatArray


IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Columns over n hosts."""

    capacity_cpu: FloatArray
    #: The most that one vCPU can get.
    core_cpu: FloatArray
    #: Watts for a unit of CPU at full load: how dear work is here.
    full_load_w: FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Columns over m machines; those without a host are not there."""

    host: IntArray
    vcpus: FloatArray
    #: What they ask for now, and what is to come.
    demand_cpu: FloatArray
    forecast: Forecast
    #: What moving one costs, in any one unit: the memory to be copied.
    move_cost: FloatArray
    is_movable: BoolArray
    #: What one takes of resources that are booked whole, shape (r, m).
    booked: FloatArray


class Pool:
    """Sums over the machines of each host, kept in step with moves.

    :param room: of each booked resource, what a host has, shape (r, n).
    :param safety: deviations of its pooled demand that a host keeps free
        when it takes a machine.
    """

    def __init__(
        self,
        hosts: Hosts,
        machines: Machines,
        room: FloatArray,
        safety: float,
    ) -> None:
        self.hosts = hosts
        self.machines = machines
        self.host = machines.host.copy()
        self._safety = safety
        self._room = room
        self._columns = np.vstack(
            [
                np.ones_like(machines.demand_cpu),
                machines.demand_cpu,
                machines.forecast.mean,
                machines.forecast.variance,
                machines.booked,
            ]
        )
        placed = self.host >= 0
        #: Rows: machines, demand now, mean, variance, booked resources.
        self._sums = np.array(
            [
                np.bincount(
                    self.host[placed],
                    column[placed],
                    minlength=len(hosts.capacity_cpu),
                )
                for column in self._columns
            ]
        )

    @property
    def is_on(self) -> BoolArray:
        """Hosts that run anything, shape (n,)."""
        return self._sums[0] > 0.5

    @property
    def excess_cpu(self) -> FloatArray:
        """CPU asked for now beyond what a host has, shape (n,)."""
        return self._sums[1] - self.hosts.capacity_cpu

    def has_room(self, machine: int) -> BoolArray:
        """Hosts that can take a machine now and in what is to come."""
        column = self._columns[:, machine]
        after = self._sums + column[:, np.newaxis]
        _, now, mean, variance = after[:4]
        expected = mean + self._safety * np.sqrt(np.maximum(variance, 0.0))
        capacity = self.hosts.capacity_cpu
        fits = (now <= capacity) & (expected <= capacity)
        core = self.hosts.core_cpu * self.machines.vcpus[machine]
        fits &= self.machines.demand_cpu[machine] <= core
        return fits & (after[4:] <= self._room).all(axis=0)

    def move(self, machine: int, host: int) -> None:
        """Move a machine to another host."""
        column = self._columns[:, machine]
        self._sums[:, self.host[machine]] -= column
        self._sums[:, host] += column
        self.host[machine] = host

    def best(self, machine: int) -> int:
        """The fullest host in use with room, else the thriftiest; or −1."""
        fits = self.has_room(machine)
        fits[self.host[machine]] = False
        awake = fits & self.is_on
        if awake.any():
            left = self.hosts.capacity_cpu - self._sums[2]
            return int(np.where(awake, left, np.inf).argmin())
        if fits.any():
            return int(np.where(fits, self.hosts.full_load_w, np.inf).argmin())
        return -1


#: Machines of an overloaded host that are tried, the best first.
_TRIES = 6


def relieve(pool: Pool) -> dict[int, int]:
    """Fewest and cheapest moves that end overload as it is measured.

    Moves are made in the pool. From each host that is asked for more than it
    has goes the machine that is cheapest to move of those that end its
    overload alone, or, if there is none, the one that asks for most.

    :returns: host for each machine that moves.
    """
    moves: dict[int, int] = {}
    for host in np.flatnonzero(pool.excess_cpu > 0):
        while pool.excess_cpu[host] > 0:
            machine, destination = _way_out(pool, int(host), moves)
            if machine < 0:
                break
            pool.move(machine, destination)
            moves[machine] = destination
    return moves


def _way_out(pool: Pool, host: int, moved: dict[int, int]) -> tuple[int, int]:
    machines = pool.machines
    here = np.flatnonzero((pool.host == host) & machines.is_movable)
    here = here[[machine not in moved for machine in here]]
    demand = machines.demand_cpu[here]
    enough = demand >= pool.excess_cpu[host]
    order = np.lexsort(
        (
            machines.forecast.mean[here],
            np.where(enough, machines.move_cost[here], -demand),
            ~enough,
        )
    )
    for machine in here[order[:_TRIES]]:
        destination = pool.best(int(machine))
        if destination >= 0:
            return int(machine), destination
    return -1, -1
