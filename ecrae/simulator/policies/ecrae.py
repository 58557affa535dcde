# SPDX-License-Identifier: Apache-2.0

"""ECRAE's rebalancer in the simulator.

Two loops, as in the service. At every instant, hosts that are asked for more
than they have are relieved with the fewest moves. Once in a while the
optimizer packs the cloud anew, under a strategy, with sizes that leave each
host room for the noise of what runs on it. Between the two, hosts are left
alone: the noise of one sample tells nothing of the next, so that chasing it
costs migrations and wins nothing.
"""

import dataclasses

import numpy as np

from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer.improve import Effort
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import Strategy
from ecrae.model import forecast
from ecrae.model import pool
from ecrae.model.forecast import Forecast
from ecrae.model.power import FloatArray
from ecrae.simulator.policies import snapshots
from ecrae.simulator.policies import static
from ecrae.simulator.policy import Move
from ecrae.simulator.policy import World
from ecrae.simulator.trace import IntArray


_EFFORT = Effort(most_patches=6)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How ECRAE rebalances; the defaults are not fitted to any trace."""

    strategy: Strategy = STRATEGIES['energy']
    #: After this time an observation counts half.
    half_life_s: float = 3600.0
    #: Deviations of its demand that a host keeps free: 90 % of the time the
    #: demand of a full host is below its capacity.
    safety: float = 1.28
    #: Time between two runs of the optimizer.
    repack_every_s: float = 3600.0
    #: How dear migrations are to the optimizer, against what they burn. At 20
    #: one of a machine of 1 GiB must save about a watt: less is lost in the
    #: error of the forecast, and the next hour would move it back.
    migration_weight: float = 20.0
    #: How much the optimizer searches at a time; it comes by every hour.
    effort: Effort = _EFFORT
    #: Migrations that one run of the optimizer may ask for.
    max_migrations: int | None = None
    seed: int = 0


class Ecrae:
    """Forecast, relieve, repack."""

    sleeps = True

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._placement = static.Placement(static.merit)

    def place(self, world: World, machines: IntArray) -> IntArray:
        """Where the machine's expected work adds the least power."""
        return self._placement.place(world, machines)

    def rebalance(self, world: World) -> list[Move]:
        """Relief for full hosts, or a new packing when its time comes."""
        settings = self._settings
        half_life = settings.half_life_s / world.interval_s
        known = np.arange(world.instant + 1) >= world.arrival[:, np.newaxis]
        expected = forecast.forecast(
            np.where(known, world.history_cpu, np.nan),
            world.request_cpu,
            half_life,
        )
        every = max(round(settings.repack_every_s / world.interval_s), 1)
        host_of = world.host_of.copy()
        if world.instant % every == 1 % every:
            host_of = self._repacked(world, expected)
        relief = _relief(world, expected, host_of, settings.safety)
        for machine, host in relief.items():
            host_of[machine] = host
        moved = np.flatnonzero(host_of != world.host_of)
        return [Move(int(m), int(host_of[m])) for m in moved]

    def _repacked(self, world: World, expected: Forecast) -> IntArray:
        """Host of each machine after the optimizer's plan."""
        settings = self._settings
        problem = snapshots.problem(world, expected, settings.safety)
        plan = engine.optimize(
            problem,
            dataclasses.replace(
                settings.strategy,
                migration=settings.strategy.migration
                * settings.migration_weight,
            ),
            seed=settings.seed,
            max_migrations=settings.max_migrations,
            effort=settings.effort,
        )
        host_of = world.host_of.copy()
        position = {name: i for i, name in enumerate(world.fleet.names)}
        for move in plan.moves:
            host_of[int(move.workload)] = position[move.destination]
        return host_of


def _relief(
    world: World, expected: Forecast, host_of: IntArray, safety: float
) -> dict[int, int]:
    fleet = world.fleet
    booked, room = _booked(world)
    hosts = pool.Hosts(
        capacity_cpu=fleet.capacity_cpu,
        core_cpu=fleet.core_cpu,
        full_load_w=fleet.curves_w[:, -1] / fleet.capacity_cpu,
    )
    machines = pool.Machines(
        host=host_of,
        vcpus=world.vcpus,
        demand_cpu=world.demand_cpu,
        forecast=expected,
        move_cost=world.memory_mib,
        is_movable=~world.is_moving,
        booked=booked,
    )
    return pool.relieve(pool.Pool(hosts, machines, room, safety))


def _booked(world: World) -> tuple[FloatArray, FloatArray]:
    """What machines book whole, shape (r, m), and hosts have, (r, n)."""
    booked, room = [], []
    if world.rules.is_memory_enforced:
        booked.append(world.memory_mib)
        room.append(world.fleet.memory_mib)
    if world.rules.is_request_enforced:
        booked.append(world.promise)
        room.append(world.promisable)
    return (
        np.array(booked).reshape(-1, len(world.vcpus)),
        np.array(room).reshape(-1, len(world.fleet)),
    )
