# SPDX-License-Identifier: Apache-2.0

"""What actions are worth in a cloud: the one place that decides it. Pure.

The optimizer takes an empty host for one that sleeps. Where ECRAE switches
hosts, an empty host draws its idle watts until an action puts it to sleep, so
moves that empty a host which stays awake save less than the optimizer says,
and moves that fill an idle one cost less.
"""

import dataclasses
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer import plan as plans
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.objective import Migration
from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.objective import Strategy
from ecrae.migration.optimizer.objective import host_watts
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.model.cluster import HostState
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.power import FloatArray


#: What is not done to save watts.
_MUST = (ActionKind.WAKE, ActionKind.REDEPLOY)

_AWAKE = (HostState.AWAKE, HostState.DRAINING)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What plans are made for."""

    strategy: Strategy
    rules: Rules = dataclasses.field(default_factory=Rules)
    migration: Migration = dataclasses.field(default_factory=Migration)
    max_migrations: int | None = None
    time_limit_s: float | None = None
    seed: int = 0
    #: Empty hosts sleep when an action puts them to sleep, and not before.
    switches_hosts: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What actions bring, in watts or what the strategy takes for them."""

    #: What the placement costs now, and less after the actions.
    present_w: float
    gain_w: float
    #: Energy that the actions take.
    cost_j: float
    #: A host holds more than its capacity, or is to be emptied.
    is_urgent: bool

    @property
    def part(self) -> float:
        """The gain as a part of what is."""
        return self.gain_w / self.present_w if self.present_w > 0 else 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The cloud as it is, for actions to be held against."""

    aim: Aim
    problem: Problem
    objective: Objective
    #: Unit of each workload by its id; number of each host by its name.
    units: Mapping[str, int]
    places: Mapping[str, int]

    @classmethod
    def of(cls, snapshot: Snapshot, aim: Aim) -> 'Baseline':
        """Built once for all that is asked of a snapshot."""
        problem = Problem.of(snapshot, aim.rules)
        return cls(
            aim=aim,
            problem=problem,
            objective=Objective.of(problem, aim.strategy, aim.migration),
            units={
                snapshot.workloads[index].id: unit
                for unit, bundle in enumerate(problem.bundles)
                for index in bundle
            },
            places={
                snapshot.hosts[index].name: place
                for place, index in enumerate(problem.host_index.tolist())
            },
        )

    @property
    def snapshot(self) -> Snapshot:
        """What was looked at."""
        return self.problem.snapshot

    def worth(self, actions: Collection[Action]) -> Worth:
        """What actions would bring in this cloud.

        Hosts are woken and components redeployed because they must.

        :raises KeyError: a workload or a host of theirs is not there.
        """
        running = self.objective.running
        before_w = running(self.problem.start) + self._idle_w([])
        after_w = running(self._assignment(actions)) + self._idle_w(actions)
        return Worth(
            present_w=before_w,
            gain_w=before_w - after_w,
            cost_j=sum(each.cost_j for each in actions),
            is_urgent=any(self._is_urgent(each) for each in actions),
        )

    def draw_w(self) -> float:
        """What the cloud draws now, in watts."""
        return float(self._draws_w([]).sum())

    def claimed(self, moves: Sequence[Action]) -> list[Action]:
        """Migrations with what they save while no host is switched.

        The idle draw of hosts that they empty is claimed by the action that
        switches the host off, in this plan or in a later one.
        """
        if not moves:
            return []
        snapshot = self.snapshot
        place = {host.name: i for i, host in enumerate(snapshot.hosts)}
        cores = {each.id: each.cpu_cores_used for each in snapshot.workloads}
        shares_w = plans.shares(
            np.array([place[move.source] for move in moves], dtype=np.intp),
            np.array(
                [place[move.destination] for move in moves], dtype=np.intp
            ),
            np.array([cores[move.workload] for move in moves]),
            self._draws_w(moves) - self._draws_w([]),
        )
        return [
            dataclasses.replace(move, saving_w=saving_w)
            for move, saving_w in zip(moves, shares_w.tolist(), strict=True)
        ]

    def _assignment(self, actions: Iterable[Action]) -> IntArray:
        """Where each unit is after some actions, shape (units,)."""
        found = self.problem.start.copy()
        for move in _moves(actions):
            found[self.units[move.workload]] = self.places[move.destination]
        return found

    def _draws_w(self, moves: Sequence[Action]) -> FloatArray:
        """What each host draws after some moves, shape (n,)."""
        held = _held(self.snapshot, moves)
        drawn_w = np.array(
            [
                0.0 if host.name in held else _idle_w(host)
                for host in self.snapshot.hosts
            ],
            dtype=float,
        )
        drawn_w[self.problem.host_index] += host_watts(
            self.problem, self._assignment(moves)
        )
        return drawn_w

    def _idle_w(self, actions: Collection[Action]) -> float:
        """Draw of hosts that are on though empty, after some actions."""
        if not self.aim.switches_hosts:
            return 0.0
        woken = {a.destination for a in actions if a.kind is ActionKind.WAKE}
        asleep = {a.source for a in actions if a.kind is ActionKind.SLEEP}
        dark = _held(self.snapshot, actions) | asleep
        return sum(
            _idle_w(host, is_woken=host.name in woken)
            for host in self.snapshot.hosts
            if host.name not in dark
        )

    def _is_urgent(self, action: Action) -> bool:
        if action.kind in _MUST:
            return True
        if action.kind is not ActionKind.MIGRATE:
            return False
        place = self.places[action.source]
        return bool(
            self.objective.is_overloaded[place]
            or np.greater(self.objective.stranded[place], 0.0)
        )


def _moves(actions: Iterable[Action]) -> list[Action]:
    return [each for each in actions if each.kind is ActionKind.MIGRATE]


def _held(snapshot: Snapshot, actions: Iterable[Action]) -> set[str]:
    """Hosts with anything on them, after some actions."""
    leaves = {each.workload: each.destination for each in _moves(actions)}
    return {leaves.get(each.id, each.host) for each in snapshot.workloads}


def _idle_w(host: Host, *, is_woken: bool = False) -> float:
    """What it draws more than asleep while nothing is on it."""
    if is_woken or host.state in _AWAKE:
        return host.curve.power_w[0] - host.curve.sleep_w
    return 0.0
