# SPDX-License-Identifier: Apache-2.0

"""A few hosts and what is on them, small enough to search thoroughly.

The swarm and the local search work on one patch after the other, and never
on the whole cloud, so their cost grows with the number of patches.
"""

import dataclasses

import numpy as np

from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.objective import OVERLOAD_W
from ecrae.migration.optimizer.objective import excess
from ecrae.migration.optimizer.placement import Placement
from ecrae.model import power
from ecrae.model.power import FloatArray


@dataclasses.dataclass(frozen=True, slots=True)
class Patch:
    """Columns over h hosts and u units of a placement."""

    #: Indexes in the problem, shapes (h,) and (u,).
    hosts: IntArray
    units: IntArray
    #: Row of the load at which the curves are read.
    row: int
    curves: FloatArray
    off: FloatArray
    stranded: FloatArray
    cores: FloatArray
    #: What is held against overload, and what moves may fill, (K, h).
    capacity: FloatArray
    limit: FloatArray
    is_overloaded: bool
    demand: FloatArray
    #: Host of each unit at present and where it started, which is -1 for
    #: one that came from outside the patch, shapes (u,).
    assignment: IntArray
    home: IntArray
    move: FloatArray
    movable: BoolArray
    #: Hosts that each unit may go to, shape (u, h).
    eligible: BoolArray
    #: Anti-affinity group from 0 on, -1 for none, shape (u,).
    apart: IntArray
    n_groups: int
    #: Units of the patch that may be away from home.
    budget: int
    #: Watts' worth of a unit of each resource, mean of the hosts, shape (K,).
    worth: FloatArray

    @classmethod
    def of(
        cls, placement: Placement, hosts: IntArray, worth: FloatArray
    ) -> 'Patch':
        """The patch of the given hosts.

        :param worth: worth of a unit of each resource, shape (K, n).
        """
        problem, objective = placement.problem, placement.objective
        units = np.sort(
            np.array(
                [
                    u
                    for host in hosts.tolist()
                    for u in placement.members[host]
                ],
                dtype=np.intp,
            )
        )
        local = np.full(problem.n_hosts, -1, dtype=np.intp)
        local[hosts] = np.arange(len(hosts))
        home = local[problem.start[units]]
        away = placement.assignment[units] != problem.start[units]
        groups, apart = np.unique(problem.apart[units], return_inverse=True)
        has_none = bool(len(groups)) and groups[0] < 0
        classes = problem.eligibility_class[units]
        return cls(
            hosts=hosts,
            units=units,
            row=objective.row,
            curves=objective.curves[hosts],
            off=objective.off[hosts],
            stranded=objective.stranded[hosts],
            cores=problem.cores[hosts],
            capacity=problem.capacity[:, hosts],
            limit=placement.limit[:, hosts],
            is_overloaded=bool(objective.is_overloaded[hosts].any()),
            demand=problem.demand[:, units],
            assignment=local[placement.assignment[units]],
            home=home,
            move=objective.move[units],
            movable=problem.movable[units],
            eligible=problem.eligible[:, hosts][classes],
            apart=apart - has_none,
            n_groups=len(groups) - has_none,
            budget=placement.budget - placement.moved + int(away.sum()),
            worth=worth[:, hosts].mean(axis=1),
        )

    def loads(self, x: IntArray) -> FloatArray:
        """Contents of hosts in several placements; -1 is nowhere.

        :param x: host of each unit, shape (p, u).
        :returns: shape (p, K, h).
        """
        n_hosts = len(self.hosts)
        width = n_hosts + 1
        rows = np.arange(len(x))[:, np.newaxis] * width
        index = (rows + np.where(x < 0, n_hosts, x)).ravel()
        sums = [
            np.bincount(
                index,
                weights=np.tile(row, len(x)),
                minlength=len(x) * width,
            ).reshape(len(x), width)[:, :n_hosts]
            for row in self.demand
        ]
        return np.stack(sums, axis=1)

    def counts(self, x: IntArray) -> IntArray:
        """Number of units on each host, shape (p, h)."""
        n_hosts = len(self.hosts)
        width = n_hosts + 1
        rows = np.arange(len(x))[:, np.newaxis] * width
        index = (rows + np.where(x < 0, n_hosts, x)).ravel()
        found = np.bincount(index, minlength=len(x) * width)
        return found.reshape(len(x), width)[:, :n_hosts]

    def host_costs(self, load: FloatArray, count: IntArray) -> FloatArray:
        """Cost of hosts with these contents.

        :param load: shape (p, K, h).
        :param count: shape (p, h).
        :returns: shape (p, h).
        """
        on = power.watts(self.curves, load[:, self.row] / self.cores)
        cost = np.where(count > 0, on, self.off) + self.stranded * count
        if self.is_overloaded:
            over = excess(self.capacity, load)
            cost = cost + OVERLOAD_W * over.sum(axis=1)
        return cost

    def costs(self, x: IntArray) -> FloatArray:
        """Cost of complete placements, shape (p,)."""
        hosts = self.host_costs(self.loads(x), self.counts(x)).sum(axis=1)
        return hosts + np.where(x != self.home, self.move, 0.0).sum(axis=1)
