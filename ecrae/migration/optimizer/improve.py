# SPDX-License-Identifier: Apache-2.0

"""Makes a placement better patch by patch.

A patch is a host that wastes much, the hosts that it exchanged units with,
other wasteful ones and an empty one. What the swarm finds there is kept if
the whole is cheaper for it.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.emptying import Guide
from ecrae.migration.optimizer.patch import Patch
from ecrae.migration.optimizer.placement import Placement
from ecrae.migration.optimizer.swarm import Swarm


@dataclasses.dataclass(frozen=True, slots=True)
class Flight:
    """How long a swarm searches one patch."""

    particles: int
    generations: int
    #: Generations without a better placement after which to stop.
    patience: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is searched; with a seed, all that a result depends on."""

    #: A cloud of no more hosts than a patch is searched whole.
    whole: Flight = Flight(32, 100, 25)
    patch: Flight = Flight(16, 25, 8)
    #: Size of a patch: so many hosts, or units, whichever is reached first.
    patch_hosts: int = 12
    patch_units: int = 120
    #: Patches for each host of the cloud, and the most of them.
    patches_per_host: float = 0.1
    most_patches: int = 30
    #: Patches without a gain worth mentioning after which to stop.
    idle_patches: int = 6


#: Part of the cost that a patch must save to be worth mentioning.
LEAST_GAIN = 1e-4


def improve(
    placement: Placement,
    guide: Guide,
    rng: np.random.Generator,
    effort: Effort,
    expired: Callable[[], bool],
) -> None:
    """Improve a placement in place, one patch after the other."""
    n_hosts = placement.problem.n_hosts
    is_whole = n_hosts <= effort.patch_hosts
    n_patches = min(
        effort.most_patches, int(np.ceil(n_hosts * effort.patches_per_host))
    )
    idle = 0
    for _ in range(1 if is_whole else n_patches):
        if expired() or idle >= effort.idle_patches:
            return
        hosts = (
            np.arange(n_hosts)
            if is_whole
            else neighbourhood(placement, guide, rng, effort)
        )
        gain = improve_patch(
            placement,
            Patch.of(placement, hosts, guide.room),
            effort.whole if is_whole else effort.patch,
            rng,
        )
        worthwhile = gain > LEAST_GAIN * placement.cost.sum()
        idle = 0 if worthwhile else idle + 1


def improve_patch(
    placement: Placement,
    patch: Patch,
    flight: Flight,
    rng: np.random.Generator,
) -> float:
    """Let the swarm improve one patch; what that saves."""
    movable = int(patch.movable.sum())
    if not movable:
        return 0.0
    before = float(patch.costs(patch.assignment[np.newaxis])[0])
    swarm = Swarm(patch, flight.particles, rng)
    generations = min(flight.generations, 10 + 4 * movable)
    found, cost = swarm.run(generations, flight.patience)
    if cost < before - 1e-9:
        apply(placement, patch, found)
    return before - cost


def apply(placement: Placement, patch: Patch, found: IntArray) -> None:
    """Move the units of a patch to where a search put them."""
    changed = np.flatnonzero(found != patch.assignment)
    for index in changed.tolist():
        placement.move(int(patch.units[index]), int(patch.hosts[found[index]]))
    placement.refresh(patch.hosts)


def neighbourhood(
    placement: Placement,
    guide: Guide,
    rng: np.random.Generator,
    effort: Effort,
) -> IntArray:
    """Hosts worth searching together, in ascending order."""
    problem = placement.problem
    in_use = placement.count > 0
    waste = np.maximum(guide.waste(placement), 0.0) + 1e-6
    waste = np.where(in_use, waste, 0.0)
    focus = int(rng.choice(problem.n_hosts, p=waste / waste.sum()))
    # Weighted sampling without replacement: Efraimidis and Spirakis, 2006.
    score = rng.random(problem.n_hosts) ** (1.0 / np.maximum(waste, 1e-9))
    moved = placement.assignment != problem.start
    related = np.concatenate(
        (
            placement.assignment[moved & (problem.start == focus)],
            problem.start[moved & (placement.assignment == focus)],
        )
    )
    score[related] += rng.random(len(related))
    score[~in_use] = -1.0
    empty = np.flatnonzero(~in_use)
    if len(empty):
        score[rng.choice(empty)] = 3.0
    score[focus] = 4.0
    order = np.argsort(-score, kind='stable')[: effort.patch_hosts]
    units = np.cumsum(placement.count[order])
    return np.sort(order[(units <= effort.patch_units) | (units == units[1])])
