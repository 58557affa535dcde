# SPDX-License-Identifier: Apache-2.0

"""Whether a plan made earlier can still be done, and is still worth it.

Between a plan and its approval, or a crash and the restart after it, the
cloud moves on. Pure.
"""

import dataclasses
from collections.abc import Sequence

from ecrae.migration.optimizer import constraints
from ecrae.migration.optimizer.placement import Placement
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.rebalancer.worth import Aim
from ecrae.migration.rebalancer.worth import Baseline
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind


def baseline(snapshot: Snapshot, aim: Aim) -> Baseline:
    """The cloud as it is for a plan that may have been begun.

    A workload that its own plan has moved once is not to be held by that.
    """
    workloads = tuple(
        dataclasses.replace(each, cooldown_s=0.0)
        for each in snapshot.workloads
    )
    return Baseline.of(dataclasses.replace(snapshot, workloads=workloads), aim)


def obstacle(baseline: Baseline, actions: Sequence[Action]) -> str:
    """What forbids to do these actions one after the other; empty: nothing.

    Only migrations can be judged by a snapshot; whoever does the others
    looks for himself.
    """
    moves = [each for each in actions if each.kind is ActionKind.MIGRATE]
    return _gone(baseline.snapshot, moves) or _forbidden(baseline, moves)


def is_worth_it(baseline: Baseline, actions: Sequence[Action]) -> bool:
    """Whether actions with migrations still make the cloud better."""
    if not any(each.kind is ActionKind.MIGRATE for each in actions):
        return True
    value = baseline.worth(actions)
    return value.is_urgent or value.gain_w > 0


def _gone(snapshot: Snapshot, moves: Sequence[Action]) -> str:
    places = {each.id: each.host for each in snapshot.workloads}
    hosts = {host.name for host in snapshot.hosts}
    for move in moves:
        place = places.get(move.workload)
        if place is None:
            return f'{move.workload} is not there any more'
        if place != move.source:
            return f'{move.workload} is on {place}, not on {move.source}'
        if move.destination not in hosts:
            return f'{move.destination} is not there any more'
        places[move.workload] = move.destination
    return ''


def _forbidden(baseline: Baseline, moves: Sequence[Action]) -> str:
    problem = baseline.problem
    placement = Placement(baseline.objective, problem.start, problem.n_units)
    for move in moves:
        unit = baseline.units[move.workload]
        place = baseline.places[move.destination]
        if not problem.movable[unit]:
            return f'{move.workload} must stay: {_rule(problem, unit)}'
        if not placement.fits(unit, place):
            return f'{move.workload} does not fit on {move.destination}'
        placement.move(unit, place)
    return ''


def _rule(problem: Problem, unit: int) -> str:
    snapshot = problem.snapshot
    members = [snapshot.workloads[index] for index in problem.bundles[unit]]
    source = snapshot.hosts[problem.host_index[problem.start[unit]]]
    size = sum(
        each.affinity_group == members[0].affinity_group
        for each in snapshot.workloads
    )
    return str(constraints.holding_rule(members, source, problem.rules, size))
