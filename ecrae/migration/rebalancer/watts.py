# SPDX-License-Identifier: Apache-2.0

"""What a cloud draws with hosts that are on though empty. Pure.

The optimizer takes an empty host for one that sleeps: moves that empty it
claim its idle draw, and moves that fill it are charged with it. Where hosts
are really switched, it is saved by the action that switches the host off, in
this plan or in a later one, and must be claimed by that one alone.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer import plan as plans
from ecrae.migration.optimizer.objective import host_watts
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.rebalancer import proposal as proposals
from ecrae.model.cluster import HostState
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.power import FloatArray


def draw_w(snapshot: Snapshot, rules: Rules) -> float:
    """What the cloud draws now, in watts."""
    return float(_draws_w(snapshot, Problem.of(snapshot, rules), []).sum())


def claimed(
    snapshot: Snapshot, moves: Sequence[Action], rules: Rules
) -> list[Action]:
    """Migrations with what they save while no host is switched."""
    if not moves:
        return []
    problem = Problem.of(snapshot, rules)
    place = {host.name: i for i, host in enumerate(snapshot.hosts)}
    cores = {each.id: each.cpu_cores_used for each in snapshot.workloads}
    shares_w = plans.shares(
        np.array([place[move.source] for move in moves], dtype=np.intp),
        np.array([place[move.destination] for move in moves], dtype=np.intp),
        np.array([cores[move.workload] for move in moves]),
        _draws_w(snapshot, problem, moves) - _draws_w(snapshot, problem, []),
    )
    return [
        dataclasses.replace(move, saving_w=saving_w)
        for move, saving_w in zip(moves, shares_w.tolist(), strict=True)
    ]


def idle_change_w(snapshot: Snapshot, actions: Iterable[Action]) -> float:
    """Idle draw of hosts that are filled, less that of hosts left idle.

    The optimizer charges the first with it, and counts the second as off.
    """
    actions = list(actions)
    held, held_then = _held(snapshot, []), _held(snapshot, actions)
    asleep = {each.source for each in actions if each.kind is ActionKind.SLEEP}
    filled = held_then - held
    emptied = held - held_then - asleep
    return sum(
        _idle_w(host) * ((host.name in filled) - (host.name in emptied))
        for host in snapshot.hosts
    )


def _draws_w(
    snapshot: Snapshot, problem: Problem, moves: Iterable[Action]
) -> FloatArray:
    """What each host draws after some moves, shape (n,)."""
    moves = list(moves)
    held = _held(snapshot, moves)
    drawn_w = np.array(
        [
            0.0 if host.name in held else _idle_w(host)
            for host in snapshot.hosts
        ]
    )
    assignment = proposals.assignment(problem, moves)
    drawn_w[problem.host_index] += host_watts(problem, assignment)
    return drawn_w


def _held(snapshot: Snapshot, actions: Iterable[Action]) -> set[str]:
    """Hosts with anything on them, after some actions."""
    leaves = {
        each.workload: each.destination
        for each in actions
        if each.kind is ActionKind.MIGRATE
    }
    return {leaves.get(each.id, each.host) for each in snapshot.workloads}


def _idle_w(host: Host) -> float:
    """What it draws more than asleep while nothing is on it."""
    if host.state in (HostState.AWAKE, HostState.DRAINING):
        return host.curve.power_w[0] - host.curve.sleep_w
    return 0.0
