# SPDX-License-Identifier: Apache-2.0

"""A cost that no placement can undercut, and what capacity is worth.

The relaxation shares divisible work among *kinds* of hosts. With ``z_tk``
hosts of kind *t* that run at ``k · 10 %`` load and ``x_jt`` units of group
*j* on kind *t*::

    min   Σ_tk C_tk z_tk
    s.t.  Σ_t x_jt = |j|                             every unit is somewhere
          Σ_j d_jr x_jt ≤ Σ_k cap_tr z_tk            capacity r of kind t
          Σ_j w_j x_jt = Σ_k u_k cores_t z_tk        load is what it runs at
          Σ_k z_tk ≤ N_t                             hosts there are

``Σ_k z_tk`` hosts on, at the lower convex envelope of their curve, is the
perspective of that envelope, so curves of any shape and the state "off" are
kept. Groups and kinds are averages where there are too many to tell apart,
so the optimum itself is not a bound. Its dual prices λ (capacity) and θ
(load) are: for *any* prices the Lagrangian over the real units and hosts ::

    L = Σ_i min_t (λ_t·d_i + θ_t w_i) + Σ_n min(off_n, min_k
        C_n(u_k) − θ_t u_k cores_n − λ_t·cap_n)

is below the cost of every feasible placement, and with these prices it is
as tight as the averages are good. ``min_k`` is exact because a piecewise
linear function is least at one of its points.
"""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import optimize
from scipy import sparse

from ecrae.migration.optimizer.canonical import ranks
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.objective import loads
from ecrae.migration.optimizer.problem import LOAD
from ecrae.migration.optimizer.problem import MEMORY
from ecrae.migration.optimizer.problem import VCPUS
from ecrae.migration.optimizer.problem import Problem
from ecrae.model import power
from ecrae.model.power import FloatArray


#: Kinds of hosts and groups of units that the linear programme tells apart.
MAX_KINDS = 24
MAX_GROUPS = 240

#: Keeps quotients finite.
LEAST = 1e-9

STEPS = np.linspace(0.0, 1.0, power.POINTS)


@dataclasses.dataclass(frozen=True, slots=True)
class Prices:
    """Dual prices over T kinds of hosts and K resources."""

    #: Kind of each host, shape (n,).
    kind: IntArray
    #: Worth of a unit of each resource, shape (T, K).
    capacity: FloatArray
    #: Worth of a core of load served, shape (T,).
    load: FloatArray
    #: Hosts of each kind that the relaxation uses, shape (T,).
    hosts_on: FloatArray
    #: Least price at which any kind serves each unit, shape (m,).
    unit: FloatArray
    #: Cost of each host at these prices when used best, shape (n,).
    reduced_cost: FloatArray
    #: No placement costs less.
    bound: float


def prices(problem: Problem, curves: FloatArray, off: FloatArray) -> Prices:
    """Solve the relaxation and value it over the real units and hosts.

    :param curves: cost of each host in use at 0, 10 … 100 %, shape (n, 11).
    :param off: cost of each host without units, shape (n,).
    """
    if not problem.n_units:
        return _idle(problem, off)
    kind = _kinds(problem, curves, off)
    n_kinds = int(kind.max()) + 1
    relaxation = _Relaxation(problem, curves, off, kind)
    capacity, load, hosts_on = relaxation.solve()
    unit = np.full(problem.n_units, np.inf)
    allowed = _allowed(problem, kind, n_kinds)
    for t in range(n_kinds):
        price = capacity[t] @ problem.demand + load[t] * problem.demand[LOAD]
        unit = np.where(allowed[t], np.minimum(unit, price), unit)
    reduced = _reduced_costs(problem, curves, capacity[kind], load[kind])
    must_be_on = np.zeros(problem.n_hosts, dtype=bool)
    must_be_on[problem.start[~problem.movable]] = True
    least = np.where(must_be_on, reduced, np.minimum(reduced, off))
    return Prices(
        kind=kind,
        capacity=capacity,
        load=load,
        hosts_on=hosts_on,
        unit=unit,
        reduced_cost=reduced - off,
        bound=float(unit.sum() + least.sum()),
    )


def _idle(problem: Problem, off: FloatArray) -> Prices:
    """Prices where there is no work."""
    return Prices(
        kind=np.zeros(problem.n_hosts, dtype=np.intp),
        capacity=np.zeros((1, len(problem.capacity))),
        load=np.zeros(1),
        hosts_on=np.zeros(1),
        unit=np.zeros(0),
        reduced_cost=np.zeros(problem.n_hosts),
        bound=float(off.sum()),
    )


def _limit(problem: Problem) -> FloatArray:
    """What a host can hold after a plan, shape (K, n)."""
    return np.maximum(problem.room, loads(problem, problem.start))


def _reduced_costs(
    problem: Problem,
    curves: FloatArray,
    capacity: FloatArray,
    load: FloatArray,
) -> FloatArray:
    """Least cost of each host in use, less what it earns, shape (n,)."""
    limit = _limit(problem)
    top = np.maximum(1.0, limit[LOAD] / problem.cores)
    ends_w = power.watts(curves, top)
    at_points = curves - (load * problem.cores)[:, np.newaxis] * STEPS
    at_top = ends_w - load * problem.cores * top
    least = np.minimum(at_points.min(axis=1), at_top)
    return least - (capacity * limit.T).sum(axis=1)


def _allowed(
    problem: Problem, kind: IntArray, n_kinds: int
) -> npt.NDArray[np.bool_]:
    """Whether a unit may be on some host of a kind, shape (T, m)."""
    units = np.arange(problem.n_units)
    by_class = np.zeros((n_kinds, len(problem.eligible)), dtype=bool)
    for t in range(n_kinds):
        by_class[t] = problem.eligible[:, kind == t].any(axis=1)
    allowed = by_class[:, problem.eligibility_class] & problem.movable
    allowed[kind[problem.start], units] = True
    return allowed


def _chunks(columns: FloatArray, limit: int) -> IntArray:
    """Number of the group of each item: equal ones share one, shape (items,).

    Where there are more than ``limit``, neighbours in order of the columns
    are put together.

    :param columns: attributes, the most telling first, (attributes, items).
    """
    rank = ranks(columns)
    distinct = int(rank.max(initial=-1)) + 1
    if distinct <= limit:
        return rank
    order = np.argsort(rank, kind='stable')
    groups = np.empty(len(rank), dtype=np.intp)
    groups[order] = np.arange(len(rank)) * limit // len(rank)
    return groups


def _kinds(problem: Problem, curves: FloatArray, off: FloatArray) -> IntArray:
    per_core = curves[:, -1] / np.maximum(problem.cores, LEAST)
    patterns = ranks(problem.eligible.astype(float))
    return _chunks(
        np.vstack((patterns, per_core, problem.room, curves.T, off)),
        MAX_KINDS,
    )


def _groups(problem: Problem, kind: IntArray) -> IntArray:
    size = np.maximum(problem.demand[MEMORY], LEAST)
    fixed = np.where(problem.movable, -1, kind[problem.start])
    columns = np.vstack(
        (
            problem.eligibility_class,
            fixed,
            problem.demand[VCPUS] / size,
            problem.demand[LOAD] / size,
            problem.demand,
        )
    )
    return _chunks(columns, MAX_GROUPS)


class _Relaxation:
    """The linear programme over kinds of hosts and groups of units."""

    def __init__(
        self,
        problem: Problem,
        curves: FloatArray,
        off: FloatArray,
        kind: IntArray,
    ) -> None:
        group = _groups(problem, kind)
        self.n_groups = int(group.max(initial=-1)) + 1
        self.n_kinds = int(kind.max()) + 1
        self.hosts = np.bincount(kind, minlength=self.n_kinds)
        self.units = np.bincount(group, minlength=self.n_groups)
        self.curves = _means(curves.T, kind, self.hosts).T
        self.off = _means(off[np.newaxis], kind, self.hosts)[0]
        self.cores = _means(problem.cores[np.newaxis], kind, self.hosts)[0]
        self.room = _means(_limit(problem), kind, self.hosts)
        self.demand = _means(problem.demand, group, self.units)
        allowed = np.zeros((self.n_kinds, self.n_groups), dtype=bool)
        by_unit = _allowed(problem, kind, self.n_kinds)
        for t in range(self.n_kinds):
            allowed[t, group[by_unit[t]]] = True
        #: Kind and group of each variable x.
        self.x_kind, self.x_group = np.nonzero(allowed)
        self.z_kind = np.repeat(np.arange(self.n_kinds), power.POINTS)
        self.z_load = np.tile(STEPS, self.n_kinds)

    def solve(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Prices of capacity (T, K) and of load (T,), and hosts on (T,)."""
        n_x, n_z = len(self.x_kind), len(self.z_kind)
        n_capacity = len(self.room) * self.n_kinds
        cost = (self.curves - self.off[:, np.newaxis]).ravel()
        nowhere = np.full(self.n_groups, 10.0 * (np.abs(cost).max() + 1.0))
        result = optimize.linprog(
            np.concatenate((np.zeros(n_x), cost, nowhere)),
            A_ub=self._upper(),
            b_ub=np.concatenate((np.zeros(n_capacity), self.hosts)),
            A_eq=self._equal(),
            b_eq=np.concatenate((self.units, np.zeros(self.n_kinds))),
            method='highs',
        )
        worth = -result.ineqlin.marginals[:n_capacity]
        return (
            np.maximum(0.0, worth).reshape(-1, self.n_kinds).T,
            -result.eqlin.marginals[self.n_groups :],
            self._sums(result.x[n_x : n_x + n_z]),
        )

    def _sums(self, z: FloatArray) -> FloatArray:
        return np.bincount(self.z_kind, weights=z).astype(np.float64)

    def _upper(self) -> sparse.csr_array:
        """Rows: each resource of each kind; hosts of each kind."""
        rows = [
            [
                self._by_kind(self.demand[r, self.x_group], None),
                self._by_kind(None, -self.room[r, self.z_kind]),
                self._nowhere(),
            ]
            for r in range(len(self.room))
        ]
        ones = np.ones(len(self.z_kind))
        rows.append(
            [
                self._by_kind(np.zeros(len(self.x_kind)), None),
                self._by_kind(None, ones),
                self._nowhere(),
            ]
        )
        return sparse.csr_array(sparse.block_array(rows))

    def _equal(self) -> sparse.csr_array:
        """Rows: units of each group; load of each kind."""
        n_x = len(self.x_kind)
        served = sparse.coo_array(
            (np.ones(n_x), (self.x_group, np.arange(n_x))),
            shape=(self.n_groups, n_x),
        )
        runs_at = self.z_load * self.cores[self.z_kind]
        rows = [
            [served, None, sparse.eye_array(self.n_groups)],
            [
                self._by_kind(self.demand[LOAD, self.x_group], None),
                self._by_kind(None, -runs_at),
                self._nowhere(),
            ],
        ]
        return sparse.csr_array(sparse.block_array(rows))

    def _by_kind(
        self, x: FloatArray | None, z: FloatArray | None
    ) -> sparse.coo_array:
        """A row for each kind, with coefficients of its x or z."""
        values, kinds = (x, self.x_kind) if x is not None else (z, self.z_kind)
        size = len(kinds)
        return sparse.coo_array(
            (values, (kinds, np.arange(size))), shape=(self.n_kinds, size)
        )

    def _nowhere(self) -> sparse.coo_array:
        return sparse.coo_array((self.n_kinds, self.n_groups))


def _means(
    columns: FloatArray, group: IntArray, sizes: IntArray
) -> FloatArray:
    """Mean of each column over the members of each group."""
    return np.array(
        [
            np.bincount(group, weights=column, minlength=len(sizes))
            / np.maximum(sizes, 1)
            for column in columns
        ]
    )
