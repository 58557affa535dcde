# SPDX-License-Identifier: Apache-2.0

"""What a plan has beside the optimizer's migrations.

Hosts to wake come first, then what relieves strained components (which
leaves the optimizer's migrations for another time, when load has settled),
then the migrations, then hosts to put to sleep, those that the migrations
empty among them.
"""

import collections
import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer.placement import Placement
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.rebalancer import growth
from ecrae.migration.rebalancer import overload
from ecrae.migration.rebalancer import sleepers
from ecrae.migration.rebalancer.component import Component
from ecrae.migration.rebalancer.observer import View
from ecrae.migration.rebalancer.proposal import Proposal
from ecrae.migration.rebalancer.worth import Baseline
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
        self, switching: Switching | None, relief: overload.Rules | None
    ) -> None:
        self._switching = switching
        self._relief = relief
        self._strained: dict[str, float] = {}
        self._used: dict[str, collections.deque[FloatArray]] = {}

    def __call__(
        self, view: View, baseline: Baseline, found: Proposal
    ) -> Proposal:
        """The proposal with all that belongs to it."""
        moves = self._relieve(view, baseline)
        if moves:
            found = dataclasses.replace(
                found,
                actions=tuple(moves),
                strategy=RELIEF,
                power_after_w=found.power_before_w
                - sum(move.saving_w for move in moves),
            )
        if self._switching is not None:
            found = self._switched(baseline, found, self._switching)
        worth = baseline.worth(found.actions)
        if found.strategy == RELIEF:
            # It is not for watts.
            worth = dataclasses.replace(worth, is_urgent=True)
        return dataclasses.replace(found, worth=worth)

    def _switched(
        self, baseline: Baseline, found: Proposal, switching: Switching
    ) -> Proposal:
        """The proposal with hosts that wake and sleep, and their watts."""
        moves = list(found.actions)
        wakes, sleeps = self._switch(
            baseline.snapshot, moves, found, switching
        )
        if found.strategy != RELIEF:
            moves = baseline.claimed(moves)
        actions = (*wakes, *moves, *sleeps)
        before_w = baseline.draw_w()
        return dataclasses.replace(
            found,
            actions=actions,
            power_before_w=before_w,
            power_after_w=before_w - sum(each.saving_w for each in actions),
        )

    def _relieve(self, view: View, baseline: Baseline) -> list[Action]:
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
            _Fits(baseline),
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
            pool: growth.History(
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

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline

    @functools.cached_property
    def _placement(self) -> Placement:
        # Made when the first component needs it: rarely.
        problem = self._baseline.problem
        return Placement(
            self._baseline.objective, problem.start, problem.n_units
        )

    def __call__(self, component: Component, host: cluster.Host) -> bool:
        unit = self._baseline.units.get(component.id)
        place = self._baseline.places.get(host.name)
        if unit is None or place is None:
            return False
        return bool(
            self._baseline.problem.movable[unit]
            and self._placement.fits(unit, place)
        )


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
