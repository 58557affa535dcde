# SPDX-License-Identifier: Apache-2.0

"""Where a workload may go: every placement rule by its name.

Two kinds of rules look at one workload and one host only. *Staying* rules
say that a workload must not move at all; *destination* rules say that a host
is not for it. Both are tables of plain functions, so that a plan can name
the rule that kept a workload where it is. What depends on where others are
(capacity, anti-affinity, the rack's limit, the migration budget) is kept by
:class:`ecrae.migration.optimizer.placement.Placement`, move by move.

======================  =================================================
rule                    a move must leave true
======================  =================================================
``capacity``            vCPUs, memory and disk promised on the destination
                        stay within its size × allocation ratio, less the
                        headroom
``cpu-load``            measured load stays below the ceiling of its CPU
``anti-affinity``       no two members of a group on one host
``rack-limit``          watts of the destination's rack stay below a cap
``migration-budget``    no more moves than allowed
``spare-hosts``         so many empty hosts stay awake
======================  =================================================

and the rules in :data:`STAYING` and :data:`DESTINATION`.
"""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model.cluster import HostState


BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]


StayingRule = Callable[[Workload, Host, Rules], bool]
DestinationRule = Callable[[Workload, Host, Host, Rules], bool]


def is_pinned(workload: Workload, source: Host, rules: Rules) -> bool:
    """The owner or an operator said that it stays."""
    return workload.pinned


def is_cooling(workload: Workload, source: Host, rules: Rules) -> bool:
    """It was moved a short while ago."""
    return workload.cooldown_s > 0


def is_on_dead_host(workload: Workload, source: Host, rules: Rules) -> bool:
    """Its host is down: it needs an evacuation, not a migration."""
    return source.state is HostState.DOWN


def has_fixed_device(workload: Workload, source: Host, rules: Rules) -> bool:
    """A device of the host is passed through to it."""
    return bool(workload.accelerators) and not workload.devices_movable


def is_held_by_group(workload: Workload, source: Host, rules: Rules) -> bool:
    """Nova moves no member of an affinity group away from the others."""
    return bool(workload.affinity_group) and not rules.affinity_groups_move


#: Rules that hold a workload where it is; the first that applies is named.
STAYING: Mapping[str, StayingRule] = {
    'pinned': is_pinned,
    'cooldown': is_cooling,
    'host-down': is_on_dead_host,
    'accelerators': has_fixed_device,
    'affinity': is_held_by_group,
}


def takes_work(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> bool:
    """The host is awake, or asleep where waking is allowed."""
    if host.state is HostState.ASLEEP:
        return rules.may_wake
    return host.state is HostState.AWAKE


def has_architecture(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> bool:
    """Another instruction set would need another image: no migration."""
    return (workload.architecture or source.architecture) == (
        host.architecture
    )


def has_hypervisor(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> bool:
    """A guest moves between hypervisors of one type only."""
    return source.hypervisor_type == host.hypervisor_type


def has_cpu_features(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> bool:
    """What runs may use any CPU feature of the host it runs on."""
    return not rules.same_cpu_features or all(
        trait in host.traits
        for trait in source.traits
        if trait.startswith('HW_CPU_')
    )


def has_traits(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> bool:
    """Traits that it requires are there, those it forbids are not."""
    required = workload.required_traits
    if required is None:
        required = source.traits
    return required <= host.traits and not (
        workload.forbidden_traits & host.traits
    )


def in_zone(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> bool:
    """The availability zone is the one it must be in."""
    zone = source.zone if workload.zone is None else workload.zone
    return not zone or zone == host.zone


def in_aggregate(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> bool:
    """The host is in an aggregate that it may use."""
    if workload.aggregates is None:
        return source.aggregates <= host.aggregates
    return not workload.aggregates or bool(
        workload.aggregates & host.aggregates
    )


def serves_tag(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> bool:
    """The node type is one that the knowledge base lists for its tag."""
    return not workload.node_types or host.node_type in workload.node_types


#: Rules that a destination must meet.
DESTINATION: Mapping[str, DestinationRule] = {
    'host-state': takes_work,
    'architecture': has_architecture,
    'hypervisor-type': has_hypervisor,
    'cpu-features': has_cpu_features,
    'traits': has_traits,
    'availability-zone': in_zone,
    'aggregate': in_aggregate,
    'node-type': serves_tag,
}


def holding_rule(
    members: Sequence[Workload], source: Host, rules: Rules, group_size: int
) -> str | None:
    """Name of the rule that holds a unit where it is, if any does.

    :param members: the workloads that would move together.
    :param group_size: members of their affinity group, wherever they are.
    """
    for name, rule in STAYING.items():
        if name == 'affinity' and group_size == 1:
            continue
        if any(rule(workload, source, rules) for workload in members):
            return name
    is_split = bool(members[0].affinity_group) and len(members) < group_size
    is_apart = len(members) > 1 and any(
        workload.anti_affinity_group for workload in members
    )
    return 'affinity' if is_split or is_apart else None


def broken_rules(
    workload: Workload, source: Host, host: Host, rules: Rules
) -> list[str]:
    """Names of the destination rules that a move would break."""
    return [
        name
        for name, rule in DESTINATION.items()
        if not rule(workload, source, host, rules)
    ]


def _needs(workload: Workload, source: Host) -> tuple[Hashable, ...]:
    """What the destination rules read of a workload and its host."""
    return (
        workload.node_types,
        workload.architecture,
        workload.zone,
        workload.aggregates,
        workload.required_traits,
        workload.forbidden_traits,
        source.architecture,
        source.hypervisor_type,
        source.traits,
        source.zone,
        source.aggregates,
    )


def _offers(host: Host) -> tuple[Hashable, ...]:
    """What the destination rules read of a host."""
    return (
        host.state,
        host.architecture,
        host.hypervisor_type,
        host.traits,
        host.zone,
        host.aggregates,
        host.node_type,
    )


def eligibility(
    hosts: Sequence[Host],
    units: Sequence[Sequence[Workload]],
    sources: Sequence[Host],
    rules: Rules,
) -> tuple[IntArray, BoolArray]:
    """Classes of units that may go to the same hosts, and which those are.

    Rules are applied once for each pair of distinct needs and offers, so the
    cost does not grow with the number of workloads times hosts.

    :param units: workloads that move together.
    :param sources: present host of each unit.
    :returns: class of each unit, shape (m,), and for each class the hosts
        that it may move to, shape (classes, n).
    """
    offers: dict[tuple[Hashable, ...], list[int]] = {}
    for index, host in enumerate(hosts):
        offers.setdefault(_offers(host), []).append(index)
    rows: dict[tuple[Hashable, ...], int] = {}
    masks: list[BoolArray] = []
    classes = np.empty(len(units), dtype=np.intp)
    for index, (members, source) in enumerate(
        zip(units, sources, strict=True)
    ):
        needs = tuple(_needs(workload, source) for workload in members)
        if needs not in rows:
            rows[needs] = len(masks)
            masks.append(
                _mask(members, source, hosts, list(offers.values()), rules)
            )
        classes[index] = rows[needs]
    return classes, np.array(masks, dtype=bool).reshape(len(masks), len(hosts))


def _mask(
    members: Sequence[Workload],
    source: Host,
    hosts: Sequence[Host],
    alike: Sequence[Sequence[int]],
    rules: Rules,
) -> BoolArray:
    mask = np.zeros(len(hosts), dtype=bool)
    for indexes in alike:
        host = hosts[indexes[0]]
        mask[list(indexes)] = not any(
            broken_rules(workload, source, host, rules) for workload in members
        )
    return mask
