# SPDX-License-Identifier: Apache-2.0

"""Kinds of hosts and groups of units, few enough for a linear programme."""

import dataclasses

import numpy as np

from ecrae.migration.optimizer.canonical import ranks
from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.problem import LOAD
from ecrae.migration.optimizer.problem import MEMORY
from ecrae.migration.optimizer.problem import VCPUS
from ecrae.migration.optimizer.problem import Problem
from ecrae.model.power import FloatArray


#: Kinds of hosts and groups of units that a linear programme tells apart.
MAX_KINDS = 24
MAX_GROUPS = 240

#: Keeps quotients finite.
LEAST = 1e-9


@dataclasses.dataclass(frozen=True, slots=True)
class Aggregate:
    """Means over T kinds of hosts and G groups of units; K resources."""

    #: Kind of each host, shape (n,), and group of each unit, shape (m,).
    kind: IntArray
    group: IntArray
    #: Members, shapes (T,) and (G,).
    hosts: IntArray
    units: IntArray
    #: Whether the kind's hosts hold what cannot move, shape (T,).
    must_be_on: BoolArray
    #: Cost in use at 0, 10 … 100 % load, shape (T, 11), and without work.
    curves: FloatArray
    off: FloatArray
    cores: FloatArray
    room: FloatArray
    demand: FloatArray
    #: Whether a unit may be on some host of a kind, shape (T, m).
    may: BoolArray
    #: Kinds and groups of which some unit may be on some host, in pairs.
    pair_kind: IntArray
    pair_group: IntArray
    #: Row of the load at which the curves are read.
    row: int

    @classmethod
    def of(
        cls,
        problem: Problem,
        curves: FloatArray,
        off: FloatArray,
        room: FloatArray,
        row: int,
    ) -> 'Aggregate':
        """Aggregates of a problem.

        :param curves: cost of each host in use, shape (n, 11).
        :param off: cost of each host without units, shape (n,).
        :param room: what each host can hold, shape (K, n).
        :param row: of the load at which the curves are read.
        """
        fixed = np.zeros(problem.n_hosts, dtype=bool)
        fixed[problem.start[~problem.movable]] = True
        kind = _kinds(problem, curves, off, fixed)
        group = _groups(problem, kind)
        hosts = np.bincount(kind)
        units = np.bincount(group)
        may = _allowed(problem, kind, len(hosts))
        pairs = np.zeros((len(hosts), len(units)), dtype=bool)
        for t in range(len(hosts)):
            pairs[t, group[may[t]]] = True
        pair_kind, pair_group = np.nonzero(pairs)
        return cls(
            kind=kind,
            group=group,
            hosts=hosts,
            units=units,
            must_be_on=np.bincount(kind, weights=~fixed) == 0,
            curves=means(curves.T, kind).T,
            off=means(off[np.newaxis], kind)[0],
            cores=means(problem.cores[np.newaxis], kind)[0],
            room=means(room, kind),
            demand=means(problem.demand, group),
            may=may,
            pair_kind=pair_kind,
            pair_group=pair_group,
            row=row,
        )

    def cheapest(
        self, capacity: FloatArray, load: FloatArray, problem: Problem
    ) -> FloatArray:
        """Least price at which any kind serves each unit, shape (m,).

        :param capacity: worth of a unit of each resource, shape (T, K).
        :param load: worth of a core of load served, shape (T,).
        """
        unit = np.full(problem.n_units, np.inf)
        for t in range(len(self.hosts)):
            price = (
                capacity[t] @ problem.demand
                + load[t] * problem.demand[self.row]
            )
            unit = np.where(self.may[t], np.minimum(unit, price), unit)
        return unit


def means(columns: FloatArray, group: IntArray) -> FloatArray:
    """Mean of each column over the members of each group.

    :param columns: shape (columns, items).
    :returns: shape (columns, groups).
    """
    sizes = np.bincount(group)
    return np.array(
        [np.bincount(group, weights=column) / sizes for column in columns]
    )


def _allowed(problem: Problem, kind: IntArray, n_kinds: int) -> BoolArray:
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


def _kinds(
    problem: Problem, curves: FloatArray, off: FloatArray, fixed: BoolArray
) -> IntArray:
    per_core = curves[:, -1] / np.maximum(problem.cores, LEAST)
    patterns = ranks(problem.eligible.astype(float))
    return _chunks(
        np.vstack((patterns, fixed, per_core, problem.room, curves.T, off)),
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
