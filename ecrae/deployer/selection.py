# SPDX-License-Identifier: Apache-2.0

"""Chooses hardware for each tagged component: who wins, and why others lose.

Components are placed one after another, exact tags first because they have
no alternative, then the largest first because small ones fit into what is
left; what one takes, the next one finds gone. For each component every host
of every candidate node type is scored at once by
:mod:`ecrae.model.ranking`; the host of the highest merit that has room wins,
and with it its node type. Equal merits fall to the tag's preference, then
to the name.
"""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

from ecrae import exception
from ecrae.deployer import candidates as ways
from ecrae.deployer.candidates import Candidate
from ecrae.deployer.candidates import Component
from ecrae.deployer.fleet import Fleet
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Flavor
from ecrae.model.decision import ComponentDecision
from ecrae.model.knowledge import TagKind


_STAYS = 'stays where it is since the last deployment'
_NOT_MOVED = 'not considered: the component stays where it is'


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
    fleet = Fleet(cluster)
    decisions = {}
    for component in sorted(components, key=_order):
        kept = previous.get(component.node)
        decisions[component.node] = _decide(component, fleet, kept)
    return tuple(decisions[component.node] for component in components)


def _order(component: Component) -> tuple[bool, float, float]:
    smallest = min(
        (target.flavor for target in component.targets),
        key=ways.size,
        default=Flavor(name='', vcpus=0, memory_mib=0, disk_gib=0),
    )
    return (
        component.kind is not TagKind.EXACT,
        -max(smallest.memory_mib, component.minima.memory_mib),
        -max(smallest.vcpus, component.minima.vcpus),
    )


def _decide(
    component: Component, fleet: Fleet, kept: Previous | None
) -> ComponentDecision:
    candidates = sorted(
        ways.candidates(component, fleet), key=lambda c: c.rank
    )
    stays = kept and next(
        (
            candidate
            for candidate in candidates
            if _key(candidate) == kept[:2]
            and ways.meets_minima(candidate, component, fleet)
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
        fleet.take(component.node, best.host, best.target)
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


def _key(candidate: Candidate) -> tuple[str, str]:
    target = candidate.target
    return target.node_type.name, target.flavor.name


def _reason(candidate: Candidate, ranked: Sequence[Candidate]) -> str:
    best = ranked[0]
    if candidate.obstacle:
        return candidate.obstacle
    boards_w = candidate.accelerator_w
    boards = f'{boards_w:.2f} W of it for accelerators, ' if boards_w else ''
    watts = (
        f'{candidate.power_w:.2f} W on {candidate.host}, {boards}'
        f'charged with {candidate.charged_w:.2f} W'
    )
    if candidate is best:
        return (
            f'most work per watt charged: {candidate.merit:.4g} cores/W; '
            f'adds {watts}'
        )
    if candidate.rank[:2] == best.rank[:2]:
        return f'as good, less preferred: would add {watts}'
    return (
        f'less work per watt charged: {candidate.merit:.4g} cores/W against '
        f'{best.merit:.4g}; would add {watts}'
    )


def _failure(
    component: Component, candidates: Sequence[Candidate], fleet: Fleet
) -> exception.PlacementError:
    """What stands in the way of all candidates, the nearest miss first."""
    fitting = [candidate for candidate in candidates if candidate.is_eligible]
    known = [
        candidate
        for candidate in fitting
        if candidate.target.node_type.name in fleet.groups
    ]
    if not fitting and all(
        _key(candidate) in component.unsuited for candidate in candidates
    ):
        problem = 'the cloud has no image for any candidate'
    elif not fitting:
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
