# SPDX-License-Identifier: Apache-2.0

"""Which hosts are worth emptying, when moves are limited and room is scarce.

A linear programme over the present placement. With ``e_h`` the part of host
*h* that is emptied, ``f_jt`` units of group *j* moved to hosts of kind *t*
and ``y_t`` empty hosts of that kind put to use::

    min   Σ_h −(C_h − off_h) e_h + Σ_jt (s_t w_j + move_j) f_jt
          + Σ_t C_t(0) y_t
    s.t.  Σ_t f_jt = Σ_h n_hj e_h                 what leaves arrives
          Σ_j d_jr f_jt ≤ Σ_h∈t (1 − e_h) free_hr + cap_tr y_t
          Σ_h n_h e_h ≤ B                         the migration budget

``s_t`` is what a core of load adds on a host of the kind. Nearly all e_h
come out as 0 or 1: they say which hosts to empty. The dual prices say what a
unit's removal is worth where it goes, what room on each kind is worth, and
what a move is worth, so that hosts can be ranked by what they waste.
"""

import dataclasses

import numpy as np
from scipy import optimize
from scipy import sparse

from ecrae.migration.optimizer.aggregate import Aggregate
from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.placement import Placement
from ecrae.model.power import FloatArray


#: Point of the curve from which the cost of more load is read: hosts that
#: receive are busy.
FIRST_BUSY = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Guide:
    """What the linear programme says of each host and unit."""

    #: Hosts to empty, shape (n,), and empty hosts to put to use.
    to_empty: BoolArray
    to_open: IntArray
    #: Cost at which a unit is served where it would go, shape (m,).
    unit: FloatArray
    #: Worth of a unit of each resource on each host, shape (K, n).
    room: FloatArray
    #: What one more move would save, in watts.
    move: float

    def waste(self, placement: Placement) -> FloatArray:
        """Cost of each host above the worth of what it serves, shape (n,)."""
        worth = np.bincount(
            placement.assignment,
            weights=self.unit + self.move,
            minlength=placement.problem.n_hosts,
        )
        return placement.cost - placement.objective.off - worth


def guide(placement: Placement) -> Guide:
    """What to empty, from the present placement within its budget."""
    problem, objective = placement.problem, placement.objective
    aggregate = Aggregate.of(
        problem,
        objective.curves,
        objective.off,
        problem.room,
        objective.row,
    )
    programme = _Programme(placement, aggregate)
    empties, opened, capacity, move = programme.solve()
    to_open = [
        np.flatnonzero((aggregate.kind == t) & (placement.count == 0))[:count]
        for t, count in enumerate(np.ceil(opened - 1e-6).astype(int))
    ]
    to_empty = np.zeros(problem.n_hosts, dtype=bool)
    to_empty[programme.hosts] = empties > 0.5
    return Guide(
        to_empty=to_empty,
        to_open=np.concatenate(to_open),
        unit=aggregate.cheapest(capacity, programme.slope, problem),
        room=capacity[aggregate.kind].T,
        move=move,
    )


class _Programme:
    def __init__(self, placement: Placement, aggregate: Aggregate) -> None:
        problem = placement.problem
        self.placement = placement
        self.aggregate = aggregate
        is_free = placement.count > 0
        is_free[placement.assignment[~problem.movable]] = False
        #: Hosts that can be emptied.
        self.hosts = np.flatnonzero(is_free)
        self.room = np.maximum(0.0, problem.room - placement.load)
        curves = aggregate.curves
        rise = curves[:, -1] - curves[:, FIRST_BUSY]
        busy = 1.0 - FIRST_BUSY / (curves.shape[1] - 1)
        self.slope = rise / (busy * aggregate.cores)

    def solve(self) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Solve it.

        :returns: part emptied of each host that can be; hosts opened, of
            each kind; worth of capacity, shape (T, K), and of one more move.
        """
        aggregate, placement = self.aggregate, self.placement
        n_kinds = len(aggregate.hosts)
        n_hosts, n_pairs = len(self.hosts), len(aggregate.pair_kind)
        empty = placement.count == 0
        open_most = np.bincount(aggregate.kind[empty], minlength=n_kinds)
        most = np.concatenate(
            (np.ones(n_hosts), np.full(n_pairs, np.inf), open_most)
        )
        result = optimize.linprog(
            self._costs(),
            A_ub=self._upper(),
            b_ub=np.append(
                self._room_by_kind(~empty),
                placement.budget - placement.moved,
            ),
            A_eq=self._equal(),
            b_eq=np.zeros(len(aggregate.units)),
            bounds=np.column_stack((np.zeros(len(most)), most)),
            method='highs',
        )
        worth = np.maximum(0.0, -result.ineqlin.marginals)
        return (
            result.x[:n_hosts],
            result.x[n_hosts + n_pairs :],
            worth[:-1].reshape(-1, n_kinds).T,
            float(worth[-1]),
        )

    def _room_by_kind(self, in_use: BoolArray) -> FloatArray:
        kinds = self.aggregate.kind[in_use]
        return np.concatenate(
            [
                np.bincount(
                    kinds,
                    weights=row[in_use],
                    minlength=len(self.aggregate.hosts),
                )
                for row in self.room
            ]
        )

    def _costs(self) -> FloatArray:
        aggregate, placement = self.aggregate, self.placement
        objective = placement.objective
        saved = (placement.cost - objective.off)[self.hosts]
        pairs = aggregate.pair_group
        load = aggregate.demand[aggregate.row, pairs]
        move = np.bincount(aggregate.group, weights=objective.move)
        return np.concatenate(
            (
                -saved,
                self.slope[aggregate.pair_kind] * load
                + (move / aggregate.units)[pairs],
                aggregate.curves[:, 0] - aggregate.off,
            )
        )

    def _upper(self) -> sparse.csr_array:
        """Rows: each resource of each kind; the budget."""
        aggregate, placement = self.aggregate, self.placement
        n_kinds = len(aggregate.hosts)
        n_hosts, n_pairs = len(self.hosts), len(aggregate.pair_kind)
        kinds = aggregate.kind[self.hosts]
        rows = [
            [
                _rows(kinds, self.room[r, self.hosts], n_kinds),
                _rows(
                    aggregate.pair_kind,
                    aggregate.demand[r, aggregate.pair_group],
                    n_kinds,
                ),
                sparse.diags_array(-aggregate.room[r]),
            ]
            for r in range(len(self.room))
        ]
        counts = placement.count[self.hosts].astype(np.float64)
        rows.append(
            [
                _rows(np.zeros(n_hosts, dtype=np.intp), counts, 1),
                sparse.coo_array((1, n_pairs)),
                sparse.coo_array((1, n_kinds)),
            ]
        )
        return sparse.csr_array(sparse.block_array(rows))

    def _equal(self) -> sparse.csr_array:
        """A row for each group: what leaves hosts arrives on others."""
        aggregate, placement = self.aggregate, self.placement
        n_groups, n_kinds = len(aggregate.units), len(aggregate.hosts)
        column = np.full(placement.problem.n_hosts, -1, dtype=np.intp)
        column[self.hosts] = np.arange(len(self.hosts))
        hosts = column[placement.assignment]
        is_free = hosts >= 0
        leaves = sparse.coo_array(
            (
                np.full(is_free.sum(), -1.0),
                (aggregate.group[is_free], hosts[is_free]),
            ),
            shape=(n_groups, len(self.hosts)),
        )
        pairs = aggregate.pair_group
        arrives = _rows(pairs, np.ones(len(pairs)), n_groups)
        opened = sparse.coo_array((n_groups, n_kinds))
        return sparse.csr_array(
            sparse.block_array([[leaves, arrives, opened]])
        )


def _rows(rows: IntArray, values: FloatArray, height: int) -> sparse.coo_array:
    """A matrix with one value in each column."""
    return sparse.coo_array(
        (values, (rows, np.arange(len(rows)))), shape=(height, len(rows))
    )
