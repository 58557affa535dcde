# SPDX-License-Identifier: Apache-2.0

"""A cost that no placement can undercut.

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

import numpy as np
from scipy import optimize
from scipy import sparse

from ecrae.migration.optimizer.aggregate import Aggregate
from ecrae.migration.optimizer.objective import loads
from ecrae.migration.optimizer.problem import Problem
from ecrae.model import power
from ecrae.model.power import FloatArray


STEPS = np.linspace(0.0, 1.0, power.POINTS)


def watts_bound(problem: Problem) -> float:
    """Watts below which no placement comes, whatever is moved."""
    return lower_bound(
        problem, problem.curves_w, problem.sleep_w, problem.draw
    )


def lower_bound(
    problem: Problem, curves: FloatArray, off: FloatArray, row: int
) -> float:
    """Cost below which no placement comes, moves not counted.

    :param curves: cost of each host in use at 0, 10 … 100 %, shape (n, 11).
    :param off: cost of each host without units, shape (n,).
    :param row: of the load at which the curves are read.
    """
    if not problem.n_units:
        return float(off.sum())
    limit = np.maximum(problem.room, loads(problem, problem.start))
    aggregate = Aggregate.of(problem, curves, off, limit, row)
    capacity, load = _Relaxation(aggregate).solve()
    unit = aggregate.cheapest(capacity, load, problem)
    least = _earnings(
        problem,
        curves,
        limit,
        capacity[aggregate.kind],
        load[aggregate.kind],
        row,
    )
    may_be_off = np.ones(problem.n_hosts, dtype=bool)
    may_be_off[problem.start[~problem.movable]] = False
    least = np.where(may_be_off, np.minimum(least, off), least)
    return float(unit.sum() + least.sum())


def _earnings(
    problem: Problem,
    curves: FloatArray,
    limit: FloatArray,
    capacity: FloatArray,
    load: FloatArray,
    row: int,
) -> FloatArray:
    """Least cost of each host in use, less what it earns, shape (n,).

    :param limit: what a host can hold after any plan, shape (K, n); that is
        more than it has room for where it is overloaded now.
    :param capacity: prices for each host, shape (n, K).
    :param load: price for each host, shape (n,).
    :param row: of the load at which the curves are read.
    """
    top = np.maximum(1.0, limit[row] / problem.cores)
    at_points = curves - (load * problem.cores)[:, np.newaxis] * STEPS
    at_top = power.watts(curves, top) - load * problem.cores * top
    least = np.minimum(at_points.min(axis=1), at_top)
    return least - (capacity * limit.T).sum(axis=1)


class _Relaxation:
    """The linear programme over kinds of hosts and groups of units."""

    def __init__(self, aggregate: Aggregate) -> None:
        self.aggregate = aggregate
        self.n_kinds = len(aggregate.hosts)
        self.n_groups = len(aggregate.units)
        self.z_kind = np.repeat(np.arange(self.n_kinds), power.POINTS)
        self.z_load = np.tile(STEPS, self.n_kinds)

    def solve(self) -> tuple[FloatArray, FloatArray]:
        """Prices of capacity, shape (T, K), and of load, shape (T,)."""
        aggregate = self.aggregate
        n_capacity = len(aggregate.room) * self.n_kinds
        cost = (aggregate.curves - aggregate.off[:, np.newaxis]).ravel()
        # Keeps the programme feasible where hosts are overloaded now.
        nowhere = np.full(self.n_groups, 10.0 * (np.abs(cost).max() + 1.0))
        result = optimize.linprog(
            np.concatenate(
                (np.zeros(len(aggregate.pair_kind)), cost, nowhere)
            ),
            A_ub=self._upper(),
            b_ub=np.concatenate(
                (
                    np.zeros(n_capacity),
                    aggregate.hosts,
                    np.where(aggregate.must_be_on, -aggregate.hosts, 0),
                )
            ),
            A_eq=self._equal(),
            b_eq=np.concatenate((aggregate.units, np.zeros(self.n_kinds))),
            method='highs',
        )
        worth = -result.ineqlin.marginals[:n_capacity]
        return (
            np.maximum(0.0, worth).reshape(-1, self.n_kinds).T,
            -result.eqlin.marginals[self.n_groups :],
        )

    def _upper(self) -> sparse.csr_array:
        """Rows: resources of each kind; its hosts at most and at least."""
        aggregate = self.aggregate
        rows = [
            [
                self._by_kind(aggregate.demand[r, aggregate.pair_group], None),
                self._by_kind(None, -aggregate.room[r, self.z_kind]),
                self._nowhere(),
            ]
            for r in range(len(aggregate.room))
        ]
        on = np.ones(len(self.z_kind))
        fixed = np.where(aggregate.must_be_on[self.z_kind], -1.0, 0.0)
        rows += [
            [
                self._by_kind(np.zeros(len(aggregate.pair_kind)), None),
                self._by_kind(None, row),
                self._nowhere(),
            ]
            for row in (on, fixed)
        ]
        return sparse.csr_array(sparse.block_array(rows))

    def _equal(self) -> sparse.csr_array:
        """Rows: units of each group; load of each kind."""
        aggregate = self.aggregate
        n_x = len(aggregate.pair_kind)
        served = sparse.coo_array(
            (np.ones(n_x), (aggregate.pair_group, np.arange(n_x))),
            shape=(self.n_groups, n_x),
        )
        runs_at = self.z_load * aggregate.cores[self.z_kind]
        rows = [
            [served, None, sparse.eye_array(self.n_groups)],
            [
                self._by_kind(
                    aggregate.demand[aggregate.row, aggregate.pair_group],
                    None,
                ),
                self._by_kind(None, -runs_at),
                self._nowhere(),
            ],
        ]
        return sparse.csr_array(sparse.block_array(rows))

    def _by_kind(
        self, x: FloatArray | None, z: FloatArray | None
    ) -> sparse.coo_array:
        """A row for each kind, with coefficients of its x or z."""
        values, kinds = (
            (x, self.aggregate.pair_kind)
            if x is not None
            else (z, self.z_kind)
        )
        size = len(kinds)
        return sparse.coo_array(
            (values, (kinds, np.arange(size))), shape=(self.n_kinds, size)
        )

    def _nowhere(self) -> sparse.coo_array:
        return sparse.coo_array((self.n_kinds, self.n_groups))
