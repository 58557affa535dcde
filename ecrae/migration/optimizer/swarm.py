# SPDX-License-Identifier: Apache-2.0

"""Particle swarm over placements, every particle feasible.

A set-based swarm (Chen et al., IEEE Trans. Evol. Comput. 14(2), 2010) whose
elements are hosts' contents. A particle is a placement. Its velocity is the
set of hosts whose contents differ from those of an exemplar: its own best,
the best of a rival of the swarm or of all, or the present placement. In a
step it takes over some of these contents whole, lets go of the units of some
other hosts (what inertia is to a continuous swarm), and repairs: each unit
without a host goes to the one that adds the least cost within every
constraint, larger units first, with noise in both. A particle that cannot be
repaired stays where it was. All particles move at once, as rows of arrays.
"""

import numpy as np

from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.patch import Patch
from ecrae.model import power
from ecrae.model.power import FloatArray


#: Most hosts whose contents a particle takes over in a step, on average.
MOST_TAKEN = 4

#: Most hosts whose units a particle lets go of in a step, on average.
MOST_RELEASED = 3

#: Part of the units that a particle lets go of one by one.
LOOSE_UNITS = 0.05

#: Relative noise in the choice of hosts; each particle draws one.
NOISE = (0.0, 0.1, 0.3)

#: What free capacity left on a host counts against watts.
TIGHTNESS = 0.05


class Swarm:
    """Particles over one patch, shapes (p, u)."""

    def __init__(
        self, patch: Patch, particles: int, rng: np.random.Generator
    ) -> None:
        self.patch = patch
        self.rng = rng
        self.x = np.tile(patch.assignment, (particles, 1))
        self.own = self.x.copy()
        self.own_cost = patch.costs(self.x)
        at_home = np.where(patch.home >= 0, patch.home, patch.assignment)
        self.anchor = at_home if self._is_stay_possible() else patch.assignment
        size = patch.worth @ patch.demand
        self.size = size / max(size.mean(), 1e-9) if size.any() else size + 1.0

    def _is_stay_possible(self) -> bool:
        return bool((self.patch.home >= 0).all())

    def run(self, generations: int, patience: int) -> tuple[IntArray, float]:
        """The best placement found and its cost.

        :param patience: generations without a better one after which to
            stop.
        """
        idle = 0
        best = float(self.own_cost.min())
        for _ in range(generations):
            self.step()
            now = float(self.own_cost.min())
            idle = idle + 1 if now >= best - 1e-9 else 0
            best = now
            if idle >= patience:
                break
        leader = int(self.own_cost.argmin())
        return self.own[leader], float(self.own_cost[leader])

    def step(self) -> None:
        """Move every particle once."""
        x = self.learn()
        alive = self.repair(x)
        self.x[alive] = x[alive]
        cost = self.patch.costs(self.x)
        is_better = cost < self.own_cost - 1e-9
        self.own[is_better] = self.x[is_better]
        self.own_cost[is_better] = cost[is_better]

    def learn(self) -> IntArray:
        """Placements with contents taken from exemplars, and units let go."""
        patch, rng = self.patch, self.rng
        particles, n_hosts = len(self.x), len(patch.hosts)
        exemplar = self._exemplars()
        rows = np.arange(particles)[:, np.newaxis]
        several = rng.integers(1, MOST_TAKEN + 1, (particles, 1))
        taken = rng.random((particles, n_hosts)) < several / n_hosts
        comes = taken[rows, exemplar]
        goes = taken[rows, self.x] & ~comes
        x = np.where(comes, exemplar, self.x)
        several = rng.integers(0, MOST_RELEASED + 1, (particles, 1))
        released = rng.random((particles, n_hosts)) < several / n_hosts
        loose = rng.random(x.shape) < LOOSE_UNITS
        x[(goes | loose | released[rows, x]) & patch.movable] = -1
        return x

    def _exemplars(self) -> IntArray:
        """For each particle, the placement to learn from, shape (p, u)."""
        particles = len(self.x)
        chosen = self.own[self.rng.integers(0, particles, particles)]
        kind = self.rng.random(particles)
        chosen[kind < 0.7] = self.own[kind < 0.7]
        chosen[kind < 0.4] = self.own[int(self.own_cost.argmin())]
        chosen[kind < 0.1] = self.anchor
        return chosen

    def repair(self, x: IntArray) -> BoolArray:
        """Give every unit without a host one, in place.

        :returns: the particles for which that was possible, shape (p,).
        """
        patch = self.patch
        repair = _Repair(patch, x, self.rng)
        pool = x < 0
        noise = self.rng.uniform(0.5, 1.5, x.shape)
        key = np.where(pool, -self.size * noise, np.inf)
        order = np.argsort(key, axis=1, kind='stable')
        left = pool.sum(axis=1)
        for turn in range(int(left.max(initial=0))):
            rows = np.flatnonzero((left > turn) & repair.is_alive)
            repair.place(rows, order[rows, turn])
        return repair.is_alive


class _Repair:
    """Loads and costs of incomplete placements while they are completed."""

    def __init__(
        self, patch: Patch, x: IntArray, rng: np.random.Generator
    ) -> None:
        self.patch = patch
        self.x = x
        self.rng = rng
        particles, n_hosts = len(x), len(patch.hosts)
        self.load = patch.loads(x)
        self.count = patch.counts(x)
        self.cost = patch.host_costs(self.load, self.count)
        self._open_some()
        away = (x >= 0) & (x != patch.home)
        self.moved = away.sum(axis=1)
        self.is_alive = self.moved <= patch.budget
        self.noise = rng.choice(NOISE, (particles, 1))
        self.taken = np.zeros((particles, patch.n_groups, n_hosts), bool)
        for group in range(patch.n_groups):
            for unit in np.flatnonzero(patch.apart == group).tolist():
                placed = np.flatnonzero(x[:, unit] >= 0)
                self.taken[placed, group, x[placed, unit]] = True

    def _open_some(self) -> None:
        """Take one empty host of every other particle as being in use."""
        rows = np.flatnonzero(self.rng.random(len(self.x)) < 0.5)
        hosts = self.rng.integers(0, len(self.patch.hosts), len(rows))
        empty = self.count[rows, hosts] == 0
        rows, hosts = rows[empty], hosts[empty]
        self.cost[rows, hosts] = self.patch.curves[hosts, 0]

    def place(self, rows: IntArray, units: IntArray) -> None:
        """Put one unit of each of the given particles on a host."""
        patch = self.patch
        demand = patch.demand[:, units].T
        load = self.load[rows] + demand[:, :, np.newaxis]
        fits = (load <= patch.limit).all(axis=1) & patch.eligible[units]
        if patch.n_groups:
            group = patch.apart[units]
            fits &= ~(self.taken[rows, group] & (group >= 0)[:, np.newaxis])
        is_home = np.arange(len(patch.hosts)) == patch.home[units, np.newaxis]
        exhausted = (self.moved[rows] >= patch.budget)[:, np.newaxis]
        fits &= is_home | ~exhausted
        after = power.watts(patch.curves, load[:, patch.row] / patch.cores)
        after += patch.stranded * (self.count[rows] + 1)
        added = after - self.cost[rows]
        left = (patch.limit - load) * patch.worth[:, np.newaxis]
        score = added + TIGHTNESS * left.sum(axis=1)
        score = score - np.where(is_home, patch.move[units, np.newaxis], 0.0)
        score = score * self.rng.uniform(
            1.0 - self.noise[rows], 1.0 + self.noise[rows], score.shape
        )
        score[~fits] = np.inf
        choice = score.argmin(axis=1)
        found = fits[np.arange(len(rows)), choice]
        self.is_alive[rows[~found]] = False
        at = np.flatnonzero(found)
        self._put(rows[at], units[at], choice[at], after[at, choice[at]])

    def _put(
        self,
        rows: IntArray,
        units: IntArray,
        hosts: IntArray,
        cost: FloatArray,
    ) -> None:
        patch = self.patch
        self.x[rows, units] = hosts
        self.load[rows, :, hosts] += patch.demand[:, units].T
        self.count[rows, hosts] += 1
        self.cost[rows, hosts] = cost
        self.moved[rows] += hosts != patch.home[units]
        if patch.n_groups:
            group = patch.apart[units]
            bound = group >= 0
            self.taken[rows[bound], group[bound], hosts[bound]] = True
