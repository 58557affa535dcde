# SPDX-License-Identifier: Apache-2.0

"""What a plan has beside the optimizer's migrations.

Hosts to wake come first, then what relieves strained components (which
leaves the optimizer's migrations for another time, when load has settled),
then the migrations, then hosts to put to sleep, those that the migrations
empty among them.
"""

import collections
import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer.objective import Objective
from ecrae.migration.optimizer.placement import Placement
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.rebalancer import overload
from ecrae.migration.rebalancer import proposal as proposals
from ecrae.migration.rebalancer import sleepers
from ecrae.migration.rebalancer import watts
from ecrae.migration.rebalancer.observer import View
from ecrae.migration.rebalancer.proposal import Aim
from ecrae.migration.rebalancer.proposal import Proposal
from ecrae.model import cluster
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.power import FloatArray


#: Samples of use that are remembered for each pool.
_KEPT = 2016

#: Name that a plan bears which relieves components.
RELIEF = 'relief'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Switching:
    """How hosts are switched."""

    rules: sleepers.Rules
    #: Seconds between two looks, as a rule.
    interval_s: float
    never_sleep: frozenset[str]
    #: Seconds since each host was put to sleep or woken.
    switched_s: Callable[[], Mapping[str, float]]


class Supplement:
    """Adds to proposals; remembers what it must between them.

    :param switching: None: hosts are not switched.
    :param relief: None: strained components are left alone.
    """

    def __init__(
        self,
        aim: Aim,
        switching: Switching | None,
        relief: overload.Rules | None,
    ) -> None:
        self._aim = aim
        self._switching = switching
        self._relief = relief
        self._strained: dict[str, float] = {}
        self._used: dict[str, collections.deque[FloatArray]] = {}

    def __call__(self, view: View, found: Proposal) -> Proposal:
        """The proposal with all that belongs to it."""
        moves = self._relieve(view)
        if moves:
            found = dataclasses.replace(
                found,
                strategy=RELIEF,
                power_after_w=found.power_before_w
                - sum(move.saving_w for move in moves),
            )
        else:
            moves = list(found.actions)
        if self._switching is None:
            return self._priced(view.snapshot, moves, found)
        return self._switched(view.snapshot, moves, found, self._switching)

    def _switched(
        self,
        snapshot: Snapshot,
        moves: list[Action],
        found: Proposal,
        switching: Switching,
    ) -> Proposal:
        """The proposal with hosts that wake and sleep."""
        wakes, sleeps = self._switch(snapshot, moves, found, switching)
        if found.strategy != RELIEF:
            moves = watts.claimed(snapshot, moves, self._aim.rules)
        idle_w = watts.idle_change_w(snapshot, [*moves, *sleeps])
        found = self._priced(snapshot, [*wakes, *moves, *sleeps], found)
        before_w = watts.draw_w(snapshot, self._aim.rules)
        return dataclasses.replace(
            found,
            power_before_w=before_w,
            power_after_w=before_w
            - sum(action.saving_w for action in found.actions),
            worth=dataclasses.replace(
                found.worth, gain_w=found.worth.gain_w + idle_w
            ),
        )

    def _priced(
        self, snapshot: Snapshot, actions: list[Action], found: Proposal
    ) -> Proposal:
        if tuple(actions) == found.actions:
            return found
        worth = proposals.worth(snapshot, actions, self._aim)
        if found.strategy == RELIEF:
            # It is not for watts.
            worth = dataclasses.replace(worth, is_urgent=True)
        return dataclasses.replace(found, actions=tuple(actions), worth=worth)

    def _relieve(self, view: View) -> list[Action]:
        if self._relief is None:
            return []
        now = view.now.timestamp()
        self._strained = overload.watch(self._strained, view.components, now)
        cooling = {
            each.id for each in view.snapshot.workloads if each.cooldown_s > 0
        }
        return overload.decide(
            view.components,
            view.hosts,
            self._strained,
            now,
            self._relief,
            _Fits(view.snapshot, self._aim),
            cooling,
        )

    def _switch(
        self,
        snapshot: Snapshot,
        moves: list[Action],
        found: Proposal,
        switching: Switching,
    ) -> tuple[list[Action], list[Action]]:
        machines = _machines(
            snapshot,
            moves,
            switching.never_sleep | set(found.spare_hosts),
            switching.switched_s(),
        )
        histories = {
            pool: sleepers.History(
                used=np.array(used), interval_s=switching.interval_s
            )
            for pool, used in self._remember(machines).items()
        }
        actions = sleepers.decide(machines, histories, switching.rules)
        wakes = [each for each in actions if each.kind is ActionKind.WAKE]
        return wakes, [each for each in actions if each not in wakes]

    def _remember(
        self, machines: list[sleepers.Machine]
    ) -> Mapping[str, Sequence[FloatArray]]:
        """What each pool was used for at every look so far."""
        used: dict[str, FloatArray] = {}
        for machine in machines:
            before = used.get(machine.pool, np.zeros_like(machine.used))
            used[machine.pool] = before + machine.used
        for pool, now in used.items():
            kept = self._used.setdefault(pool, collections.deque(maxlen=_KEPT))
            kept.append(now)
        return self._used


class _Fits:
    """Whether the optimizer's rules let a component go to a host."""

    def __init__(self, snapshot: Snapshot, aim: Aim) -> None:
        self._snapshot = snapshot
        self._aim = aim
        self._placement: Placement | None = None

    def __call__(
        self, component: overload.Component, host: cluster.Host
    ) -> bool:
        if self._placement is None:
            # Made when the first component needs it: rarely.
            self._problem = Problem.of(self._snapshot, self._aim.rules)
            objective = Objective.of(
                self._problem, self._aim.strategy, self._aim.migration
            )
            self._placement = Placement(
                objective, self._problem.start, self._problem.n_units
            )
            self._units = proposals.units(self._problem)
            self._places = proposals.places(self._problem)
        unit = self._units.get(component.id)
        place = self._places.get(host.name)
        if unit is None or place is None or not self._problem.movable[unit]:
            return False
        return bool(self._placement.fits(unit, place))


def pool_of(host: Host) -> str:
    """Hosts that can take each other's work, by a name for people."""
    return f'{host.architecture} {host.hypervisor_type} {host.zone}'


def _machines(
    snapshot: Snapshot,
    moves: list[Action],
    never_sleep: frozenset[str],
    switched_s: Mapping[str, float],
) -> list[sleepers.Machine]:
    """Hosts as they will be once the moves are done."""
    leaves = {
        move.workload: move.destination
        for move in moves
        if move.kind is ActionKind.MIGRATE
    }
    used: dict[str, FloatArray] = {}
    held = set()
    for workload in snapshot.workloads:
        host = leaves.get(workload.id, workload.host)
        needs = np.array(
            [workload.vcpus, workload.memory_mib, workload.cpu_cores_used]
        )
        used[host] = used.get(host, np.zeros(3)) + needs
        held.add(host)
    # Somebody is about to come to these by a way that is no migration.
    held |= {move.destination for move in moves}
    return [
        _machine(
            host,
            used.get(host.name, np.zeros(3)),
            is_empty=host.name not in held,
            may_sleep=host.name not in never_sleep,
            switched_s=switched_s.get(host.name, float('inf')),
        )
        for host in snapshot.hosts
    ]


def _machine(
    host: Host,
    used: FloatArray,
    *,
    is_empty: bool,
    may_sleep: bool,
    switched_s: float,
) -> sleepers.Machine:
    capacity = np.array(
        [
            host.vcpus * host.cpu_allocation_ratio,
            host.memory_mib * host.ram_allocation_ratio,
            host.vcpus,
        ]
    )
    return sleepers.Machine(
        name=host.name,
        pool=pool_of(host),
        state=host.state,
        free=np.maximum(capacity - used, 0.0),
        used=used,
        curve=host.curve,
        is_empty=is_empty,
        may_sleep=may_sleep,
        switched_s=switched_s,
    )
