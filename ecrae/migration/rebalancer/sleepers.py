# SPDX-License-Identifier: Apache-2.0

"""Which empty hosts sleep now, and which must be woken. Pure.

Hosts that can stand in for each other form a pool: the same architecture
and zone. In each pool, for every resource (vCPUs, memory, busy cores)::

    need(T) = max(headroom · used, growth(T))

with ``growth`` of :mod:`.growth`. Without a history it is nought and the
headroom decides alone.

Hosts are woken when less than ``need(lead)`` is free on the hosts that are
awake, where *lead* is what waking takes: before the room is needed. They are
those that give back what is wanting for the least watts ::

    P(u) − P_sleep,     u = load of their part of need(lead) / cores

so that one small component does not wake the largest host. An empty
host sleeps when ``need(lead + minimum off time)`` stays free without it. The
second is never less than the first, and of the hosts to be woken none is
taken that the others make needless, so under steady demand a host that was
woken is not put to sleep, nor one that sleeps woken.
"""

import collections
import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.migration.rebalancer import waking
from ecrae.migration.rebalancer.growth import History
from ecrae.migration.rebalancer.growth import growth
from ecrae.model.cluster import HostState
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.power import FloatArray
from ecrae.model.power import PowerCurve


#: The resources of a machine, in the order of its arrays.
RESOURCES = ('vCPUs', 'MiB of memory', 'cores for load')

#: Rounding that a sum of rooms may suffer.
_TOLERANCE = 1e-9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One host; rooms and uses have shape (r,), a resource each.

    The last one is busy cores.
    """

    name: str
    #: Hosts of one pool can take each other's work.
    pool: str
    state: HostState
    #: What it would still take, if it were awake.
    free: FloatArray
    used: FloatArray
    curve: PowerCurve
    #: Whether nothing at all is on it, nor on its way.
    is_empty: bool
    #: Whether it may be switched off, and on again.
    may_sleep: bool = True
    #: Seconds since it was put to sleep or woken; infinite if never.
    switched_s: float = float('inf')

    @property
    def idle_w(self) -> float:
        """What it draws more awake than asleep, without work."""
        return self.curve.power_w[0] - self.curve.sleep_w


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When hosts may be switched; times in seconds."""

    #: Part of what is used that is kept free.
    headroom: float = 0.1
    #: Empty hosts that stay awake in each pool.
    spare_hosts: int = 1
    min_off_s: float = 1800.0
    min_on_s: float = 1800.0
    #: From the decision to wake a host until it takes work.
    lead_s: float = 600.0
    #: Deviations by which growth is expected to exceed its mean.
    safety: float = 2.0


def decide(
    machines: Sequence[Machine],
    histories: Mapping[str, History],
    rules: Rules,
) -> list[Action]:
    """Hosts to wake, then hosts to put to sleep, in the order to do it.

    :param histories: by pool; a pool without one has its headroom alone.
    """
    pools = collections.defaultdict(list)
    for machine in machines:
        pools[machine.pool].append(machine)
    wakes: list[Action] = []
    sleeps: list[Action] = []
    for name in sorted(pools):
        pool = _Pool(pools[name], histories.get(name), rules)
        woken = pool.to_wake()
        wakes += woken
        if not woken:
            sleeps += pool.to_sleep()
    return wakes + sleeps


class _Pool:
    """Hosts that can stand in for each other."""

    def __init__(
        self,
        machines: Sequence[Machine],
        history: History | None,
        rules: Rules,
    ) -> None:
        self._rules = rules
        self._awake = [m for m in machines if m.state is HostState.AWAKE]
        self._asleep = [m for m in machines if m.state is HostState.ASLEEP]
        self._used = np.sum([m.used for m in machines], axis=0)
        capacity = np.sum([m.free + m.used for m in machines], axis=0)
        least = rules.headroom * self._used
        self._need_to_wake, self._need_to_sleep = (
            np.maximum(least, growth(history, lead_s, capacity, rules.safety))
            if history is not None
            else least
            for lead_s in (rules.lead_s, rules.lead_s + rules.min_off_s)
        )
        # A longer look ahead has fewer samples and may expect less.
        self._need_to_sleep = np.maximum(
            self._need_to_wake, self._need_to_sleep
        )

    def to_wake(self) -> list[Action]:
        """The cheapest hosts that give back the room that is wanting."""
        free = _free(self._awake, like=self._used)
        spare = sum(machine.is_empty for machine in self._awake)
        if not self._is_short(free, spare):
            return []
        is_urgent = bool((free < 0.5 * self._need_to_wake).any())
        ready = [
            machine
            for machine in self._asleep
            if machine.switched_s >= self._rules.min_off_s or is_urgent
        ]
        need = waking.Need(
            room=np.append(
                np.maximum(self._need_to_wake - free, 0.0),
                max(self._rules.spare_hosts - spare, 0),
            ),
            load=float(self._need_to_wake[-1]),
        )
        sleepers = _sleepers(ready)
        if not waking.is_enough(sleepers, need):
            # Others may be woken later: none now whom they make needless.
            sleepers = _sleepers(self._asleep)
        woken = waking.choose(sleepers, need)
        lack = self._lack(free)
        return [
            self._wake(machine, lack)
            for machine in sorted(ready, key=_dearness)
            if machine.name in woken
        ]

    def to_sleep(self) -> list[Action]:
        """Empty hosts that can be spared, the most wasteful first."""
        left = list(self._awake)
        spare = sum(machine.is_empty for machine in left)
        chosen = []
        for machine in sorted(self._awake, key=_dearness, reverse=True):
            if not self._may_sleep(machine) or (
                spare <= self._rules.spare_hosts
            ):
                continue
            rest = [other for other in left if other is not machine]
            free = _free(rest, like=self._used)
            if (free + _TOLERANCE >= self._need_to_sleep).all():
                chosen.append(machine)
                left = rest
                spare -= 1
        return [_sleep(machine) for machine in chosen]

    def _may_sleep(self, machine: Machine) -> bool:
        return (
            machine.is_empty
            and machine.may_sleep
            and machine.switched_s >= self._rules.min_on_s
            and machine.idle_w > 0.0
        )

    def _is_short(self, free: FloatArray, spare: int) -> bool:
        return spare < self._rules.spare_hosts or bool(
            (free + _TOLERANCE < self._need_to_wake).any()
        )

    def _lack(self, free: FloatArray) -> str:
        below = free + _TOLERANCE < self._need_to_wake
        if not below.any():
            return f'fewer than {self._rules.spare_hosts} empty hosts'
        part = free / np.maximum(self._need_to_wake, _TOLERANCE)
        worst = int(np.argmin(np.where(below, part, np.inf)))
        return (
            f'{round(free[worst], 1):.10g} {RESOURCES[worst]} free, '
            f'{round(self._need_to_wake[worst], 1):.10g} should be'
        )

    def _wake(self, machine: Machine, lack: str) -> Action:
        gain_w = machine.idle_w
        return _action(
            ActionKind.WAKE,
            machine,
            f'pool {machine.pool} has {lack}',
            saving_w=-gain_w,
            # It draws that much without working until it is up.
            cost_j=gain_w * self._rules.lead_s,
        )


def _sleepers(machines: Sequence[Machine]) -> list[waking.Sleeper]:
    """Hosts as what they offer; a whole host is a resource of its own."""
    return [
        waking.Sleeper(
            name=machine.name,
            offer=np.append(machine.free, 1.0),
            cores=float(machine.free[-1] + machine.used[-1]),
            curve=machine.curve,
        )
        for machine in machines
    ]


def _dearness(machine: Machine) -> tuple[float, str]:
    """Watts for being on, for each unit of the first resource it offers."""
    size = float(machine.free[0] + machine.used[0])
    return machine.idle_w / max(size, _TOLERANCE), machine.name


def _free(machines: Sequence[Machine], *, like: FloatArray) -> FloatArray:
    return np.sum(
        [np.zeros_like(like), *(machine.free for machine in machines)], axis=0
    )


def _sleep(machine: Machine) -> Action:
    return _action(
        ActionKind.SLEEP,
        machine,
        f'empty, and pool {machine.pool} has room enough without it',
        saving_w=machine.idle_w,
        cost_j=0.0,
    )


def _action(
    kind: ActionKind,
    machine: Machine,
    reason: str,
    *,
    saving_w: float,
    cost_j: float,
) -> Action:
    return Action(
        kind=kind,
        workload='',
        source=machine.name,
        destination=machine.name,
        reason=reason,
        saving_w=saving_w,
        cost_j=cost_j,
    )
