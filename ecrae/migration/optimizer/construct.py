# SPDX-License-Identifier: Apache-2.0

"""First plans: empty hosts one after the other, the most wasteful first.

What a host wastes is its cost less what its units are worth at the prices of
the relaxation (:mod:`ecrae.migration.optimizer.bound`): a host of a poor type
wastes its inefficiency, a good one the capacity that it leaves unused. The
relaxation also says how many hosts of each kind are worth keeping in use;
those with most work on them are kept and receive what the others give up.
Two orders are tried, by waste and by waste for each move that it takes to
save it, which is the better one where moves are limited.
"""

import numpy as np

from ecrae.migration.optimizer.bound import Prices
from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.insertion import Insertion
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.placement import Placement
from ecrae.model.power import FloatArray


#: Part by which more hosts are kept than the relaxation uses, which packs
#: them without loss.
SURPLUS = 0.03


def waste(placement: Placement, prices: Prices) -> FloatArray:
    """Cost of each host above the worth of what it serves, shape (n,)."""
    problem = placement.problem
    worth = np.bincount(
        placement.assignment, weights=prices.unit, minlength=problem.n_hosts
    )
    return placement.cost - placement.objective.off - worth


def keepers(placement: Placement, prices: Prices, surplus: float) -> BoolArray:
    """Hosts to keep in use: of each kind as many as the relaxation uses.

    :param surplus: part by which to exceed the relaxation, which packs
        without loss.
    """
    problem = placement.problem
    worth = np.bincount(
        placement.assignment, weights=prices.unit, minlength=problem.n_hosts
    )
    is_kept = np.zeros(problem.n_hosts, dtype=bool)
    is_kept[placement.assignment[~problem.movable]] = True
    for kind, hosts_on in enumerate(prices.hosts_on):
        hosts = np.flatnonzero(prices.kind == kind)
        fullest = hosts[np.argsort(-worth[hosts], kind='stable')]
        is_kept[fullest[: int(np.ceil(hosts_on * (1.0 + surplus)))]] = True
    return is_kept


def constructed(
    objective: Objective, prices: Prices, budget: int, *, by_kind: bool
) -> Placement:
    """A plan made by emptying hosts.

    :param by_kind: empty those of kinds that the relaxation does not use
        first; otherwise go by waste for each move alone.
    """
    placement = Placement(objective, objective.problem.start, budget)
    is_kept = keepers(placement, prices, SURPLUS)
    rate = waste(placement, prices) / np.maximum(placement.count, 1)
    keys = (-rate, is_kept) if by_kind else (-rate,)
    empty_hosts(placement, prices, is_kept, np.lexsort(keys))
    return placement


def empty_hosts(
    placement: Placement, prices: Prices, is_kept: BoolArray, order: IntArray
) -> None:
    """Empty hosts in the given order where that lowers the cost.

    Receivers are all hosts in use and the kept ones, in the reverse order.
    """
    rank = np.empty(placement.problem.n_hosts, dtype=np.intp)
    rank[order] = np.arange(len(order))
    usable = np.flatnonzero(is_kept | (placement.count > 0))
    receivers = usable[np.lexsort((-rank[usable], ~is_kept[usable]))]
    insertion = Insertion(
        placement,
        receivers,
        prices.capacity[prices.kind[receivers]].T,
        np.flatnonzero(is_kept),
    )
    for host in order.tolist():
        units = placement.members[host]
        if not units or not placement.problem.movable[units].all():
            continue
        empty_host(insertion, host, prices)


def empty_host(insertion: Insertion, host: int, prices: Prices) -> bool:
    """Empty one host if its units fit elsewhere and the cost falls."""
    placement = insertion.placement
    position = int(insertion.position[host])
    units = sorted(
        placement.members[host], key=lambda unit: (-prices.unit[unit], unit)
    )
    saved = float(placement.cost[host] - placement.objective.off[host])
    if position >= 0:
        insertion.closed[position] = True
    placed = insertion.place(units)
    if placed is not None and placed[1] < saved:
        return True
    if placed is not None:
        insertion.undo(placed[0])
    if position >= 0:
        insertion.closed[position] = False
    return False
