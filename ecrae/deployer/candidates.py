# SPDX-License-Identifier: Apache-2.0

"""The ways to serve a tag, each scored on the best host of its node type."""

import dataclasses
from collections.abc import Iterator
from collections.abc import Mapping

import numpy as np

from ecrae.deployer import fleet as fleets
from ecrae.deployer.fleet import BoolArray
from ecrae.deployer.fleet import Fleet
from ecrae.deployer.fleet import Group
from ecrae.model import ranking
from ecrae.model.cluster import Flavor
from ecrae.model.decision import CandidateScore
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import FloatArray


#: Merits closer than this many digits are equal.
_DIGITS = 9


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
    #: What speaks against targets, by names of node type and flavor, that is
    #: not about hosts: no image for the architecture.
    unsuited: Mapping[tuple[str, str], str] = dataclasses.field(
        default_factory=dict
    )


def size(flavor: Flavor) -> tuple[int, int, int, str]:
    """Sorts flavors, the smallest first."""
    return flavor.memory_mib, flavor.vcpus, flavor.disk_gib, flavor.name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A target, scored on the best host of its node type."""

    target: TagTarget
    host: str = ''
    power_w: float | None = None
    #: Part of them that accelerators add.
    accelerator_w: float = 0.0
    efficiency: float | None = None
    #: Watts that it is charged with, and work for each of them, weighted.
    charged_w: float | None = None
    merit: float | None = None
    #: Why it cannot be; '' if it can.
    obstacle: str = ''
    #: Whether it meets the minima, and no smaller flavor does.
    is_eligible: bool = True

    @property
    def rank(self) -> tuple[bool, float, int, str, str]:
        """Sorts the best first."""
        merit = -1.0 if self.merit is None else self.merit
        return (
            bool(self.obstacle),
            -round(merit, _DIGITS),
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


def candidates(component: Component, fleet: Fleet) -> Iterator[Candidate]:
    """Every target of a component's tag with its cost, or its obstacle."""
    smallest: dict[str, TagTarget] = {}
    for target in sorted(component.targets, key=lambda t: size(t.flavor)):
        if not _misfit(target, component, fleet):
            smallest.setdefault(target.node_type.name, target)
    for target in component.targets:
        enough = smallest.get(target.node_type.name, target)
        misfit = _misfit(target, component, fleet)
        if not misfit and enough is not target:
            misfit = f'larger than needed: {enough.flavor.name} is enough'
        yield _scored(component, target, fleet, misfit)


def _scored(
    component: Component, target: TagTarget, fleet: Fleet, misfit: str
) -> Candidate:
    """The target on the host that does the work for the least energy."""
    group = fleet.groups.get(target.node_type.name)
    if group is None:
        return Candidate(
            target=target,
            obstacle=misfit or 'no host of this node type is known',
            is_eligible=not misfit,
        )
    cost = ranking.marginal_of(group.arrays, target)
    needs = fleets.needs(target)
    usable = group.is_usable & fleet.allowed(
        group, component.together, component.apart
    )
    possible = usable & (group.free >= needs).all(axis=1)
    obstacle = misfit
    if not misfit and not possible.any():
        obstacle = _lack(group, usable, needs)
    pool = next(
        (pool for pool in (possible, group.is_usable) if pool.any()),
        np.ones_like(usable),
    )
    host = int(np.where(pool, cost.merit, -np.inf).argmax())
    return Candidate(
        target=target,
        host=group.arrays.names[host],
        power_w=float(cost.power_w[host]),
        accelerator_w=float(cost.accelerator_w[host]),
        efficiency=float(cost.efficiency[host]),
        charged_w=float(cost.charged_w[host]),
        merit=float(cost.merit[host]),
        obstacle=obstacle,
        is_eligible=not misfit,
    )


def meets_minima(
    candidate: Candidate, component: Component, fleet: Fleet
) -> bool:
    """Whether a candidate would do, be it larger than needed."""
    return not _misfit(candidate.target, component, fleet)


def _misfit(target: TagTarget, component: Component, fleet: Fleet) -> str:
    """Which minimum a target does not meet, and by how much."""
    flavor, minima = target.flavor, component.minima
    architecture = target.node_type.architecture
    if minima.architecture and minima.architecture != architecture:
        return f'is {architecture}, not {minima.architecture}'
    if fleet.flavors and flavor.name not in fleet.flavors:
        return f'the cloud has no flavor {flavor.name}'
    for asked, has, unit in zip(
        (minima.vcpus, minima.memory_mib, minima.disk_gib),
        fleets.needs(target),
        fleets.UNITS,
        strict=True,
    ):
        if has < asked:
            return (
                f'too small: {flavor.name} has {has:g} {unit}, '
                f'{asked:g} are asked for'
            )
    return component.unsuited.get((target.node_type.name, flavor.name), '')


def _lack(group: Group, usable: BoolArray, needs: FloatArray) -> str:
    """Why no host of a node type can take what is needed now."""
    count = len(usable)
    if not group.is_usable.any():
        return f'none of its {count} hosts is in service'
    if not usable.any():
        return 'the placement policy leaves none of its hosts'
    most = group.free[usable].max(axis=0)
    for need, free, unit in zip(needs, most, fleets.UNITS, strict=True):
        if free < need:
            return (
                f'no room on its {count} hosts now: needs {need:g} {unit}, '
                f'the most that is free is {max(free, 0.0):g}'
            )
    return f'no room on its {count} hosts now: each lacks something'
