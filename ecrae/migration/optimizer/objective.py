# SPDX-License-Identifier: Apache-2.0

"""What a placement costs, in watts or in what a strategy takes for watts.

For host *n* at utilization *u* with power curve ``P_n`` (the eleven readings
of :mod:`ecrae.model.power`), *c* reference cores and at least one workload::

    cost_n(u) = e_n · P_n(u) + s                    energy, and being on
              + b · c · (u − ū)²                    imbalance
              + h · P_n(u)² / mean P(1)             heat in one place
              + q · c · max(0, u − u_safe)          expected SLA violation

    e_n = energy · w_n

where *u* is the utilization as the curves' watts go by it: a workload's busy
cores count ``relative_draw`` times, except to a strategy that is out for the
load itself. ``w_n`` is what a watt counts on the host
(:mod:`ecrae.model.tariff`), and without workloads the cost is
``e_n · P_sleep``. Every term is taken at the eleven loads of the curve and
read piecewise linearly between them, so a strategy is a set of weights that
turns each host's power curve into another curve, and the search never knows
which strategy it serves. Moving workload *i* costs
once, over the horizon *T* for which the placement is thought to last::

    move_i = k · J_i / T
    J_i    = 0.512 J/MB · memory + 20.165 J         Liu et al., HPDC 2011
           + j · 10 % · cores busy · memory / bandwidth

The last line is the work lost while the memory is copied (10 % of the CPU:
Beloglazov and Buyya, 2012). Load above a capacity, which only a placement
that was found so can have, costs more than any watts.
"""

import dataclasses

import numpy as np

from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.problem import LOAD
from ecrae.migration.optimizer.problem import TOLERANCE
from ecrae.migration.optimizer.problem import Problem
from ecrae.model import power
from ecrae.model.power import FloatArray


#: Watt-equivalents of one whole host's capacity in excess.
OVERLOAD_W = 1e5

#: Watt-equivalents of a workload left on a host that must be emptied.
STRANDED_W = 1e6

#: Liu, Xu, Jin, Gong, Liao: Performance and energy modeling for live
#: migration of virtual machines. HPDC 2011, equation 10; MB to MiB.
JOULE_PER_MIB = 0.512 * 1.048576
JOULE_PER_MOVE = 20.165

#: CPU that a workload loses while its memory is copied.
SLOWDOWN = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What moving costs here."""

    bandwidth_mib_s: float = 112.0
    #: Joules that a core-second of lost work is worth.
    lost_core_s_j: float = 10.0
    #: Seconds for which a new placement is thought to last.
    horizon_s: float = 14400.0

    def joules(self, memory_mib: FloatArray, cores: FloatArray) -> FloatArray:
        """Cost of moving units of this memory and load, shapes (m,)."""
        lost_core_s = SLOWDOWN * cores * memory_mib / self.bandwidth_mib_s
        return (
            JOULE_PER_MIB * memory_mib
            + JOULE_PER_MOVE
            + self.lost_core_s_j * lost_core_s
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """Weights of the objective's terms; see the module's formula."""

    name: str
    description: str
    energy: float = 1.0
    #: Added for each host in use, in watts.
    host_on_w: float = 0.0
    imbalance: float = 0.0
    heat: float = 0.0
    #: Watts for a core of load above the safe utilization.
    sla_core_w: float = 2.0
    safe_utilization: float = 0.9
    migration: float = 1.0
    #: Whether load counts as it is, whatever it draws.
    is_by_load: bool = False
    #: Hosts to be emptied, by name.
    evacuate: frozenset[str] = frozenset()


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy(
            name='energy',
            description='least watts, whatever number of hosts that takes',
        ),
        Strategy(
            name='consolidation',
            description='fewest hosts, then least watts',
            host_on_w=1e4,
        ),
        Strategy(
            name='balance',
            description='equal utilization of all hosts',
            energy=0.0,
            imbalance=1000.0,
            is_by_load=True,
        ),
        Strategy(
            name='thermal',
            description='heat spread over hosts and racks',
            energy=0.2,
            heat=1.0,
        ),
        Strategy(
            name='performance',
            description='no host above half of its CPU, then least watts',
            sla_core_w=200.0,
            safe_utilization=0.5,
            is_by_load=True,
        ),
        Strategy(
            name='evacuate',
            description='empty the named hosts with few other moves',
            migration=20.0,
        ),
    )
}


@dataclasses.dataclass(frozen=True, slots=True)
class Objective:
    """A strategy's costs over the hosts and units of one problem."""

    problem: Problem
    strategy: Strategy
    #: Row of the load at which the curves are read.
    row: int
    #: Cost of each host in use at 0, 10 … 100 % load, shape (n, 11).
    curves: FloatArray
    #: Cost of each host without workloads, shape (n,).
    off: FloatArray
    #: Cost of each workload that stays on the host, shape (n,).
    stranded: FloatArray
    #: Joules of moving each unit, and its cost in watts, shape (m,).
    move_j: FloatArray
    move: FloatArray
    #: Hosts that the present placement overloads, shape (n,).
    is_overloaded: BoolArray

    @classmethod
    def of(
        cls,
        problem: Problem,
        strategy: Strategy,
        migration: Migration | None = None,
    ) -> 'Objective':
        """Costs of a problem under a strategy."""
        migration = migration or Migration()
        move_j = migration.joules(
            problem.memory_used_mib, problem.demand[LOAD]
        )
        load = loads(problem, problem.start)
        names = [
            problem.snapshot.hosts[index].name for index in problem.host_index
        ]
        is_left = np.array([name in strategy.evacuate for name in names], bool)
        curves, off = _effective(problem, strategy)
        return cls(
            problem=problem,
            strategy=strategy,
            row=LOAD if strategy.is_by_load else problem.draw,
            curves=curves,
            off=off,
            stranded=np.where(is_left, STRANDED_W, 0.0),
            move_j=move_j,
            move=strategy.migration * move_j / migration.horizon_s,
            is_overloaded=np.any(excess(problem.capacity, load) > 0, axis=0),
        )

    def host_costs(
        self, hosts: IntArray, load: FloatArray, count: IntArray
    ) -> FloatArray:
        """Cost of hosts with given contents.

        :param hosts: which hosts, shape (c,).
        :param load: what their contents take, shape (K, c).
        :param count: number of their units, shape (c,).
        :returns: shape (c,).
        """
        problem = self.problem
        cost = np.where(
            count > 0,
            power.watts(
                self.curves[hosts], load[self.row] / problem.cores[hosts]
            ),
            self.off[hosts],
        )
        cost += self.stranded[hosts] * count
        if self.is_overloaded[hosts].any():
            over = excess(problem.capacity[:, hosts], load)
            cost += OVERLOAD_W * over.sum(axis=0)
        return cost

    def total(self, assignment: IntArray) -> float:
        """Cost of a placement, moves from the present one included."""
        problem = self.problem
        count = np.bincount(assignment, minlength=problem.n_hosts)
        cost = self.host_costs(
            np.arange(problem.n_hosts), loads(problem, assignment), count
        )
        moved = assignment != problem.start
        return float(cost.sum() + self.move[moved].sum())

    def running(self, assignment: IntArray) -> float:
        """Cost without moves, overload and hosts that must be emptied."""
        problem = self.problem
        count = np.bincount(assignment, minlength=problem.n_hosts)
        load = loads(problem, assignment)[self.row]
        on = power.watts(self.curves, load / problem.cores)
        return float(np.where(count > 0, on, self.off).sum())


def excess(capacity: FloatArray, load: FloatArray) -> FloatArray:
    """Part of each capacity by which it is exceeded, shape (K, c)."""
    over = load - capacity * (1 + TOLERANCE)
    return np.where(over > TOLERANCE, over / np.maximum(capacity, 1.0), 0.0)


def loads(problem: Problem, assignment: IntArray) -> FloatArray:
    """What each host's contents take, shape (K, n)."""
    return np.array(
        [
            np.bincount(assignment, weights=row, minlength=problem.n_hosts)
            for row in problem.demand
        ]
    )


def host_watts(problem: Problem, assignment: IntArray) -> FloatArray:
    """Watts of each host under a placement, asleep when empty, shape (n,)."""
    load = loads(problem, assignment)
    count = np.bincount(assignment, minlength=problem.n_hosts)
    return np.where(
        count > 0,
        power.watts(problem.curves_w, load[problem.draw] / problem.cores),
        problem.sleep_w,
    )


def _effective(
    problem: Problem, strategy: Strategy
) -> tuple[FloatArray, FloatArray]:
    """Cost of each host in use, shape (n, 11), and without work, (n,)."""
    steps = np.linspace(0.0, 1.0, power.POINTS)
    cores = problem.cores[:, np.newaxis]
    weight = strategy.energy * problem.watt_weight
    cost = weight[:, np.newaxis] * problem.curves_w + strategy.host_on_w
    off = weight * problem.sleep_w
    if strategy.imbalance:
        mean = problem.demand[LOAD].sum() / max(problem.cores.sum(), TOLERANCE)
        cost = cost + strategy.imbalance * cores * (steps - mean) ** 2
        off = off + strategy.imbalance * problem.cores * mean**2
    if strategy.heat:
        hosts = max(problem.n_hosts, 1)
        full_w = max(problem.curves_w[:, -1].sum() / hosts, TOLERANCE)
        cost = cost + strategy.heat * problem.curves_w**2 / full_w
        off = off + strategy.heat * problem.sleep_w**2 / full_w
    risk = np.maximum(0.0, steps - strategy.safe_utilization)
    return cost + strategy.sla_core_w * cores * risk, off
