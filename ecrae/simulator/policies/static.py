# SPDX-License-Identifier: Apache-2.0

"""Policies that place machines once, by a score, and never move them."""

from collections.abc import Callable

import numpy as np

from ecrae.model import load
from ecrae.model import ranking
from ecrae.model.host_arrays import HostArrays
from ecrae.model.power import FloatArray
from ecrae.simulator.policies.booking import Booking
from ecrae.simulator.policy import Move
from ecrae.simulator.policy import World
from ecrae.simulator.trace import IntArray


#: Preference for each host, shape (n,), for a machine to be created.
Score = Callable[[Booking, int], FloatArray]


def first_fit(booking: Booking, machine: int) -> FloatArray:
    """All hosts alike: the first with room."""
    return np.zeros_like(booking.cpu)


def best_fit(booking: Booking, machine: int) -> FloatArray:
    """Least CPU left unpromised."""
    return booking.cpu - booking.capacity_cpu


def spread(booking: Booking, machine: int) -> FloatArray:
    """Nova's default weighers, all multipliers at 1.

    Of those that are on by default, CPU and RAM tell hosts apart here: each
    ranks by what is free, stretched over [0, 1] among the fitting hosts.
    """
    fits = booking.fits(machine)
    return _stretched(booking.capacity_cpu - booking.cpu, fits) + _stretched(
        booking.capacity_mib - booking.memory_mib, fits
    )


def merit(booking: Booking, machine: int) -> FloatArray:
    """ECRAE's ranking: work for each watt that the machine answers for.

    Nothing has been measured of a new machine, so it is expected to keep the
    default fraction of what it requests busy.
    """
    fleet = booking.world.fleet
    busy = load.DEFAULT_BUSY_FRACTION
    hosts = HostArrays(
        names=fleet.names,
        curves_w=fleet.curves_w,
        sleep_w=fleet.sleep_w,
        cores=fleet.capacity_cpu,
        utilization=np.minimum(booking.load_cpu / fleet.capacity_cpu, 1.0),
        is_asleep=booking.machines == 0,
    )
    request = float(booking.world.request_cpu[machine])
    return ranking.marginal(hosts, request, busy, 1.0).merit


class Placement:
    """Books what machines request on the host that a score prefers."""

    def __init__(self, score: Score, *, sleeps: bool = True) -> None:
        self._score = score
        self.sleeps = sleeps

    def place(self, world: World, machines: IntArray) -> IntArray:
        """The fitting host of the highest score, the first of equal ones."""
        booking = Booking(world)
        hosts = np.full(len(machines), -1, dtype=np.intp)
        for i, machine in enumerate(machines):
            fits = booking.fits(machine)
            if fits.any():
                score = self._score(booking, machine)
                hosts[i] = np.where(fits, score, -np.inf).argmax()
                booking.book(machine, int(hosts[i]))
        return hosts

    def rebalance(self, world: World) -> list[Move]:
        """Nothing moves."""
        return []


def _stretched(free: FloatArray, among: np.ndarray) -> FloatArray:
    low, high = free[among].min(), free[among].max()
    return (free - low) / (high - low) if high > low else np.zeros_like(free)
