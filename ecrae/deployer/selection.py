# SPDX-License-Identifier: Apache-2.0

"""Chooses hardware for each tagged component: who wins, and why others lose.

Components are placed one after another, exact tags first because they have
no alternative, then the largest first because small ones fit into what is
left; what one takes, the next one finds gone. For each component every host
of every candidate node type is scored at once by
:mod:`ecrae.model.ranking`; the most efficient host that has room wins, and
with it its node type. Equal efficiencies fall to the tag's preference, then
to the name.
"""

import dataclasses
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecrae import exception
from ecrae.model import ranking
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Host
from ecrae.model.cluster import HostState
from ecrae.model.decision import CandidateScore
from ecrae.model.decision import ComponentDecision
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import FloatArray


#: Efficiencies closer than this many digits are equal.
_DIGITS = 9

_USABLE = {HostState.AWAKE, HostState.ASLEEP}
_UNITS = ('vCPUs', 'MiB of memory', 'GiB of disk')
_STAYS = 'stays where it is since the last deployment'
_NOT_MOVED = 'not considered: the component stays where it is'

BoolArray = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Minima:
    """What the author asked of the hardware; nought and '' ask nothing."""

    vcpus: float = 0
    memory_mib: float = 0
    disk_gib: float = 0
    architecture: str = ''


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A tagged node, with the targets of its tag."""

    node: str
    tag: str
    kind: TagKind
    targets: tuple[TagTarget, ...]
    minima: Minima = Minima()
    #: Nodes whose server must be on the same host, and on another one.
    together: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()


class Previous(NamedTuple):
    """Where a component is since the last deployment."""

    node_type: str
    flavor: str
    #: Name of its image; '' if that may change.
    image: str = ''


def select(
    components: Sequence[Component],
    cluster: Cluster,
    previous: Mapping[str, Previous],
) -> tuple[ComponentDecision, ...]:
    """A decision for each component, in their order.

    A component in ``previous`` stays where it is as long as its tag and
    minima allow it: a better place alone is the rebalancer's business.

    :raises PlacementError: no candidate is big enough, no host of their node
        types is known, or none has room now; says which and by how much.
    """
    fleet = _Fleet(cluster)
    decisions = {}
    for component in sorted(components, key=_order):
        kept = previous.get(component.node)
        decisions[component.node] = _decide(component, fleet, kept)
    return tuple(decisions[component.node] for component in components)


def _order(component: Component) -> tuple[bool, float, float]:
    smallest = min(
        (target.flavor for target in component.targets),
        key=_size,
        default=Flavor(name='', vcpus=0, memory_mib=0, disk_gib=0),
    )
    return (
        component.kind is not TagKind.EXACT,
        -max(smallest.memory_mib, component.minima.memory_mib),
        -max(smallest.vcpus, component.minima.vcpus),
    )


def _size(flavor: Flavor) -> tuple[int, int, int, str]:
    return flavor.memory_mib, flavor.vcpus, flavor.disk_gib, flavor.name


class _Group:
    """The hosts of one node type as columns, in the order of their names."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.arrays = ranking.HostArrays.of(hosts)
        self.is_usable = np.array(
            [host.state in _USABLE for host in hosts], dtype=bool
        )
        #: vCPUs, MiB of memory and GiB of disk, shape (n, 3).
        self.free = np.array(
            [
                (host.vcpus_free, host.memory_free_mib, host.disk_free_gib)
                for host in hosts
            ],
            dtype=np.float64,
        )

    def take(self, host: int, target: TagTarget) -> None:
        """Count a component as running on a host."""
        flavor = target.flavor
        self.free[host] -= (flavor.vcpus, flavor.memory_mib, flavor.disk_gib)
        loads = self.arrays.utilization.copy()
        asleep = self.arrays.is_asleep.copy()
        work = flavor.vcpus * target.expected_utilization
        cores = self.arrays.cores[host] * target.relative_speed
        loads[host] = work / cores + (0.0 if asleep[host] else loads[host])
        asleep[host] = False
        self.arrays = dataclasses.replace(
            self.arrays, utilization=loads, is_asleep=asleep
        )


class _Fleet:
    """All hosts by node type, and where this plan has put what."""

    def __init__(self, cluster: Cluster) -> None:
        hosts: dict[str, list[Host]] = {}
        for host in sorted(cluster.hosts, key=lambda host: host.name):
            hosts.setdefault(host.node_type.name, []).append(host)
        self.groups = {name: _Group(group) for name, group in hosts.items()}
        self.host_of: dict[str, str] = {}
        self.flavors = {flavor.name: flavor for flavor in cluster.flavors}

    def allowed(self, group: _Group, component: Component) -> BoolArray:
        """Hosts that companions leave to a component, shape (n,)."""
        names = group.arrays.names
        allowed = np.ones(len(names), dtype=bool)
        for node in component.apart & self.host_of.keys():
            allowed &= np.array([n != self.host_of[node] for n in names])
        for node in component.together & self.host_of.keys():
            allowed &= np.array([n == self.host_of[node] for n in names])
        return allowed

    def take(self, component: Component, candidate: '_Candidate') -> None:
        """Count a component as running where a candidate would put it."""
        group = self.groups[candidate.target.node_type.name]
        group.take(group.arrays.names.index(candidate.host), candidate.target)
        self.host_of[component.node] = candidate.host


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A target, scored on the best host of its node type."""

    target: TagTarget
    host: str = ''
    power_w: float | None = None
    efficiency: float | None = None
    #: Why it cannot be; '' if it can.
    obstacle: str = ''

    @property
    def rank(self) -> tuple[bool, float, int, str, str]:
        """Sorts the best first."""
        efficiency = -1.0 if self.efficiency is None else self.efficiency
        return (
            bool(self.obstacle),
            -round(efficiency, _DIGITS),
            self.target.preference,
            self.target.node_type.name,
            self.target.flavor.name,
        )

    def score(self, reason: str) -> CandidateScore:
        """Entry of the decision record."""
        return CandidateScore(
            node_type=self.target.node_type.name,
            flavor=self.target.flavor.name,
            host='' if self.obstacle else self.host,
            marginal_power_w=self.power_w,
            efficiency=self.efficiency,
            is_feasible=not self.obstacle,
            reason=reason,
        )


def _decide(
    component: Component, fleet: _Fleet, kept: Previous | None
) -> ComponentDecision:
    candidates = sorted(_candidates(component, fleet), key=lambda c: c.rank)
    stays = kept and next(
        (
            candidate
            for candidate in candidates
            if _is_at(candidate, kept)
            and not _misfit(candidate.target, component.minima, fleet)
        ),
        None,
    )
    if stays:
        scores = [
            dataclasses.replace(stays, host='', obstacle='').score(_STAYS),
            *(
                candidate.score(candidate.obstacle or _NOT_MOVED)
                for candidate in candidates
                if candidate is not stays
            ),
        ]
    else:
        best = candidates[0] if candidates else None
        if best is None or best.obstacle:
            raise _failure(component, candidates, fleet)
        fleet.take(component, best)
        scores = [
            candidate.score(_reason(candidate, candidates))
            for candidate in candidates
        ]
    return ComponentDecision(
        node=component.node,
        tag=component.tag,
        kind=component.kind,
        chosen=scores[0],
        candidates=tuple(scores),
    )


def _is_at(candidate: _Candidate, place: Previous) -> bool:
    target = candidate.target
    return (target.node_type.name, target.flavor.name) == tuple(place[:2])


def _candidates(component: Component, fleet: _Fleet) -> Iterator[_Candidate]:
    smallest: dict[str, TagTarget] = {}
    for target in sorted(component.targets, key=lambda t: _size(t.flavor)):
        if not _misfit(target, component.minima, fleet):
            smallest.setdefault(target.node_type.name, target)
    for target in component.targets:
        enough = smallest.get(target.node_type.name, target)
        obstacle = _misfit(target, component.minima, fleet)
        if not obstacle and enough is not target:
            obstacle = f'larger than needed: {enough.flavor.name} is enough'
        yield _scored(component, target, fleet, obstacle)


def _scored(
    component: Component, target: TagTarget, fleet: _Fleet, obstacle: str
) -> _Candidate:
    """The target on the host that does the work for the least energy."""
    group = fleet.groups.get(target.node_type.name)
    if group is None:
        obstacle = obstacle or 'no host of this node type is known'
        return _Candidate(target=target, obstacle=obstacle)
    flavor = target.flavor
    cost = ranking.marginal(
        group.arrays,
        flavor.vcpus,
        target.expected_utilization,
        target.relative_speed,
    )
    needs = np.array([flavor.vcpus, flavor.memory_mib, flavor.disk_gib])
    usable = group.is_usable & fleet.allowed(group, component)
    possible = usable & (group.free >= needs).all(axis=1)
    if not possible.any():
        obstacle = obstacle or _lack(group, usable, needs)
    pool = next(
        (pool for pool in (possible, group.is_usable) if pool.any()),
        np.ones_like(usable),
    )
    host = int(np.where(pool, cost.efficiency, -np.inf).argmax())
    return _Candidate(
        target=target,
        host=group.arrays.names[host],
        power_w=float(cost.power_w[host]),
        efficiency=float(cost.efficiency[host]),
        obstacle=obstacle,
    )


def _misfit(target: TagTarget, minima: Minima, fleet: _Fleet) -> str:
    """Which minimum a target does not meet, and by how much."""
    flavor = fleet.flavors.get(target.flavor.name, target.flavor)
    architecture = target.node_type.architecture
    if minima.architecture and minima.architecture != architecture:
        return f'is {architecture}, not {minima.architecture}'
    if fleet.flavors and target.flavor.name not in fleet.flavors:
        return f'the cloud has no flavor {target.flavor.name}'
    for asked, has, unit in (
        (minima.vcpus, flavor.vcpus, 'vCPUs'),
        (minima.memory_mib, flavor.memory_mib, 'MiB of memory'),
        (minima.disk_gib, flavor.disk_gib, 'GiB of disk'),
    ):
        if has < asked:
            return (
                f'too small: {flavor.name} has {has:g} {unit}, '
                f'{asked:g} are asked for'
            )
    return ''


def _lack(group: _Group, usable: BoolArray, needs: FloatArray) -> str:
    """Why no host of a node type can take what is needed now."""
    count = len(usable)
    if not group.is_usable.any():
        return f'none of its {count} hosts is in service'
    if not usable.any():
        return 'the placement policy leaves none of its hosts'
    most = group.free[usable].max(axis=0)
    for need, free, unit in zip(needs, most, _UNITS, strict=True):
        if free < need:
            return (
                f'no room on its {count} hosts now: needs {need:g} {unit}, '
                f'the most that is free is {max(free, 0.0):g}'
            )
    return f'no room on its {count} hosts now: each lacks something'


def _reason(candidate: _Candidate, ranked: Sequence[_Candidate]) -> str:
    best = ranked[0]
    if candidate.obstacle:
        return candidate.obstacle
    watts = f'{candidate.power_w:.2f} W on {candidate.host}'
    if candidate is best:
        return f'most work per watt: {candidate.efficiency:.4g} cores/W; ' + (
            f'adds {watts}'
        )
    if candidate.rank[:2] == best.rank[:2]:
        return f'as efficient, less preferred: would add {watts}'
    return (
        f'less work per watt: {candidate.efficiency:.4g} cores/W against '
        f'{best.efficiency:.4g}; would add {watts}'
    )


def _failure(
    component: Component, candidates: Sequence[_Candidate], fleet: _Fleet
) -> exception.PlacementError:
    """What stands in the way of all candidates, the nearest miss first."""
    fitting = [
        candidate
        for candidate in candidates
        if not _misfit(candidate.target, component.minima, fleet)
        and not candidate.obstacle.startswith('larger')
    ]
    known = [
        candidate
        for candidate in fitting
        if candidate.target.node_type.name in fleet.groups
    ]
    if not fitting:
        problem = 'no candidate is big enough'
    elif not known:
        problem = 'no host of a candidate node type is known'
    else:
        problem = 'no candidate has room now'
    shown = '; '.join(
        f'{candidate.target.node_type.name} with '
        f'{candidate.target.flavor.name}: {candidate.obstacle}'
        for candidate in known or fitting or candidates
    )
    return exception.PlacementError(
        f'Node {component.node}, tag {component.tag}: {problem}. '
        f'{shown or "The tag has no targets"}.'
    )
