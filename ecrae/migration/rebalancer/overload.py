# SPDX-License-Identifier: Apache-2.0

"""Components that pass their threshold, and where they belong now. Pure.

One whose :mod:`strain <.component>` is above 1 for the whole hold time is
moved. A host is better when ``strain' ≤ 1 − margin`` there. Better hosts of
the same architecture come first, by live migration (or the agents); failing
these, a component that is marked relocatable is redeployed on another
architecture that its tag has a large enough flavor for. Among better hosts the
energy function of :mod:`ecrae.model.ranking` chooses.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer.objective import Migration
from ecrae.migration.rebalancer.component import Component
from ecrae.migration.rebalancer.component import draw
from ecrae.migration.rebalancer.component import speed
from ecrae.migration.rebalancer.component import strain_at
from ecrae.model import ranking
from ecrae.model.cluster import Host
from ecrae.model.cluster import HostState
from ecrae.model.host_arrays import HostArrays
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.ranking import Boards
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a component is moved."""

    hold_s: float = 300.0
    #: How far below its threshold a component must come by moving.
    margin: float = 0.1
    max_moves: int = 5
    #: What a watt counts where, as in all other rankings.
    tariff: Tariff = PLAIN


CanTake = Callable[[Component, Host], bool]


def watch(
    since: Mapping[str, float], components: Sequence[Component], now: float
) -> dict[str, float]:
    """Since when each component is above its threshold.

    :param since: what was said last time.
    """
    return {
        component.id: since.get(component.id, now)
        for component in components
        if component.strain > 1.0
    }


def decide(
    components: Sequence[Component],
    hosts: Sequence[Host],
    since: Mapping[str, float],
    now: float,
    rules: Rules,
    can_take: CanTake,
    moved: Collection[str] = (),
) -> list[Action]:
    """What to move where, the most strained first.

    :param since: of :func:`watch`.
    :param can_take: whether a host may have the component at all: whatever
        the cloud's own rules are, of a migration within one architecture.
    :param moved: components that must not be moved again yet.
    """
    ripe = [
        component
        for component in components
        if component.strain > 1.0
        and component.id not in moved
        and now - since.get(component.id, now) >= rules.hold_s
    ]
    ripe.sort(key=lambda component: (-component.strain, component.id))
    room = {host.name: host for host in hosts}
    actions: list[Action] = []
    for component in ripe:
        if len(actions) == rules.max_moves or component.host not in room:
            continue
        action = _relief(component, room, rules, can_take)
        if action is not None:
            actions.append(action)
            _book(component, room, action.destination)
    return actions


def _relief(
    component: Component,
    room: Mapping[str, Host],
    rules: Rules,
    can_take: CanTake,
) -> Action | None:
    here = room[component.host]
    others = [
        host
        for host in room.values()
        if host is not here
        and host.state is HostState.AWAKE
        and strain_at(component, here, host) <= 1.0 - rules.margin
    ]
    within = [
        host
        for host in others
        if _is_alike(here, host)
        and _has_room(host, component.vcpus, component.memory_mib)
        and can_take(component, host)
    ]
    if within:
        return _action(
            component, here, within, ActionKind.MIGRATE, rules.tariff
        )
    if not component.is_relocatable:
        return None
    beyond = [
        host
        for host in others
        if host.node_type.architecture != here.node_type.architecture
        and _serves(component, host)
    ]
    if beyond:
        return _action(
            component, here, beyond, ActionKind.REDEPLOY, rules.tariff
        )
    return None


def _is_alike(here: Host, there: Host) -> bool:
    a, b = here.node_type, there.node_type
    return (
        a.architecture == b.architecture
        and a.hypervisor_type == b.hypervisor_type
        and here.zone == there.zone
    )


def _has_room(host: Host, vcpus: float, memory_mib: float) -> bool:
    return host.vcpus_free >= vcpus and host.memory_free_mib >= memory_mib


def _serves(component: Component, host: Host) -> bool:
    """Whether the tag has a flavor there, as large, that there is room for.

    A component without a tag keeps its flavor, but nobody knows how fast it
    is on another architecture: it stays.
    """
    if component.tag is None:
        return False
    return any(
        target.node_type.name == host.node_type.name
        and target.flavor.vcpus >= component.vcpus
        and target.flavor.memory_mib >= component.memory_mib
        and _has_room(host, target.flavor.vcpus, target.flavor.memory_mib)
        for target in component.tag.targets
    )


def _action(
    component: Component,
    here: Host,
    hosts: Sequence[Host],
    kind: ActionKind,
    tariff: Tariff,
) -> Action:
    """The move to the host that every other ranking would prefer too."""
    busy = component.busy_cores / component.vcpus
    # What is measured was measured here; speeds count against this host.
    speeds = [
        speed(component, host) / speed(component, here) for host in hosts
    ]
    added = ranking.marginal(
        HostArrays.of(hosts, tariff),
        component.vcpus,
        busy,
        np.array(speeds),
        _boards(component, hosts),
        np.array([draw(component, host) for host in hosts]),
    )
    best = min(
        range(len(hosts)),
        key=lambda i: (-float(added.merit[i]), hosts[i].name),
    )
    there = hosts[best]
    verb = 'moves' if kind is ActionKind.MIGRATE else 'is redeployed'
    return Action(
        kind=kind,
        workload=component.id,
        source=here.name,
        destination=there.name,
        reason=(
            f'at {100 * component.strain:.0f} % of its threshold on '
            f'{here.node_type.name}; {verb} to {there.node_type.name}, '
            f'expected at {100 * strain_at(component, here, there):.0f} %'
        ),
        saving_w=_freed_w(component, here) - float(added.power_w[best]),
        cost_j=_cost_j(component) if kind is ActionKind.MIGRATE else 0.0,
    )


def _freed_w(component: Component, host: Host) -> float:
    """Watts that its host draws less without it."""
    part = min(component.busy_cores / host.node_type.cores, host.utilization)
    boards = _boards(component, [host])
    freed = float(boards.growth[0]) if boards else 0.0
    without = dataclasses.replace(
        host,
        utilization=host.utilization - part,
        accelerator_utilization=max(0.0, host.accelerator_utilization - freed),
        power_w=None,
    )
    busy = part * host.node_type.cores / component.vcpus
    added = ranking.marginal(
        HostArrays.of([without]),
        component.vcpus,
        busy,
        1.0,
        boards,
        draw(component, host),
    )
    return float(added.power_w[0])


def _boards(component: Component, hosts: Sequence[Host]) -> Boards | None:
    """Accelerators that it uses on each host, as its tag expects."""
    if component.tag is None:
        return None
    targets = {each.node_type.name: each for each in component.tag.targets}
    return ranking.boards_on([host.node_type for host in hosts], targets)


def _cost_j(component: Component) -> float:
    copied_mib = component.memory_used_mib
    if copied_mib is None:
        copied_mib = component.memory_mib
    joules = Migration().joules(
        np.array([copied_mib]), np.array([component.busy_cores])
    )
    return float(joules[0])


def _book(component: Component, room: dict[str, Host], name: str) -> None:
    """Take the room that the component will need there."""
    host = room[name]
    added = component.busy_cores / host.node_type.cores
    room[name] = dataclasses.replace(
        host,
        vcpus_free=host.vcpus_free - component.vcpus,
        memory_free_mib=host.memory_free_mib - component.memory_mib,
        utilization=min(1.0, host.utilization + added),
    )
