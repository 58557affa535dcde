# SPDX-License-Identifier: Apache-2.0

"""Moves single units to cheaper hosts.

What emptying hosts leaves over: units on overloaded hosts, hosts to be
evacuated that hold a pinned unit, strategies that spread rather than pack,
and moves left in the budget.
"""

from collections.abc import Callable

import numpy as np

from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.emptying import Guide
from ecrae.migration.optimizer.insertion import Insertion
from ecrae.migration.optimizer.placement import Placement
from ecrae.model.power import FloatArray


#: A move must lower the cost by this much, in watts.
LEAST_GAIN = 1e-6


def removal_gains(placement: Placement, units: IntArray) -> FloatArray:
    """What taking each of some units away saves on its host, shape (c,)."""
    problem, objective = placement.problem, placement.objective
    hosts = placement.assignment[units]
    without = objective.host_costs(
        hosts,
        placement.load[:, hosts] - problem.demand[:, units],
        placement.count[hosts] - 1,
    )
    return placement.cost[hosts] - without


def relocate(
    placement: Placement, guide: Guide, expired: Callable[[], bool]
) -> int:
    """Move units in place where that lowers the cost; how many were moved.

    One pass, the units with most to gain first.
    """
    problem, objective = placement.problem, placement.objective
    gains = removal_gains(placement, np.arange(problem.n_units))
    away = placement.assignment != problem.start
    refund = np.where(away, objective.move, -objective.move)
    promising = problem.movable & (gains + refund > LEAST_GAIN)
    units = np.flatnonzero(promising)
    units = units[np.argsort(-(gains + refund)[units], kind='stable')]
    slope = np.diff(objective.curves, axis=1).mean(axis=1) / problem.cores
    receivers = np.lexsort((slope, placement.count == 0))
    insertion = Insertion(placement, receivers, guide.room)
    moved = 0
    for unit in units.tolist():
        if expired():
            break
        moved += relocate_unit(insertion, unit)
    return moved


def relocate_unit(insertion: Insertion, unit: int) -> bool:
    """Move one unit to its best host if that lowers the cost."""
    placement = insertion.placement
    source = int(placement.assignment[unit])
    position = int(insertion.position[source])
    insertion.closed[position] = True
    found = insertion.best(unit)
    insertion.closed[position] = False
    if found is None:
        return False
    saved = float(removal_gains(placement, np.array([unit]))[0])
    host = int(insertion.hosts[found[0]])
    added = found[1] + placement.move_change(unit, host)
    if added >= saved - LEAST_GAIN:
        return False
    if placement.moved_after(unit, host) > placement.budget:
        return False
    insertion.put(unit, found[0])
    return True
