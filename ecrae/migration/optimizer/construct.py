# SPDX-License-Identifier: Apache-2.0

"""A first plan: empty hosts one after the other, the most wasteful first.

Which hosts, and what their room and their units are worth, is what
:mod:`ecrae.migration.optimizer.emptying` says. A host is emptied whole or
not at all, and only where that lowers the cost.
"""

import numpy as np

from ecrae.migration.optimizer.emptying import Guide
from ecrae.migration.optimizer.insertion import Insertion
from ecrae.migration.optimizer.placement import Placement


def empty_hosts(placement: Placement, guide: Guide) -> None:
    """Empty hosts in place: those of the guide, then any others.

    Receivers are the other hosts in use, the least wasteful first, and
    those that the guide opens.
    """
    problem = placement.problem
    rate = guide.waste(placement) / np.maximum(placement.count, 1)
    order = np.lexsort((-rate, ~guide.to_empty))
    in_use = placement.count > 0
    receivers = np.concatenate((order[in_use[order]][::-1], guide.to_open))
    insertion = Insertion(
        placement, receivers, guide.room, open_anyway=guide.to_open
    )
    for host in order[in_use[order]].tolist():
        if problem.movable[placement.members[host]].all():
            empty_host(insertion, host, guide)


def empty_host(insertion: Insertion, host: int, guide: Guide) -> bool:
    """Empty one host if its units fit elsewhere and the cost falls."""
    placement = insertion.placement
    position = int(insertion.position[host])
    units = sorted(
        placement.members[host], key=lambda unit: (-guide.unit[unit], unit)
    )
    saved = float(placement.cost[host] - placement.objective.off[host])
    insertion.closed[position] = True
    placed = insertion.place(units)
    if placed is not None and placed[1] < saved:
        return True
    if placed is not None:
        insertion.undo(placed[0])
    insertion.closed[position] = False
    return False
