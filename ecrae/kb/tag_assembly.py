# SPDX-License-Identifier: Apache-2.0

"""From a tag's entry in a document to the tag."""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ecrae.kb import faults
from ecrae.kb.faults import BROKEN
from ecrae.kb.faults import Fault
from ecrae.kb.faults import Faults
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget


def tag(
    name: str,
    entry: dict[str, Any],
    node_types: Mapping[str, NodeType],
    flavors: Mapping[str, Flavor],
) -> Tag:
    """Tag of an entry.

    :raises Faults: the entry is at odds with the others.
    """
    found = list(_target_faults(entry, node_types, flavors))
    if found:
        raise Faults(*found)
    targets = [
        _target(target, node_types, flavors) for target in entry['targets']
    ]
    if any(
        target.node_type is BROKEN or target.flavor is BROKEN
        for target in targets
    ):
        raise Faults()
    return Tag(
        name=name,
        kind=TagKind(entry['kind']),
        description=entry.get('description', ''),
        targets=tuple(sorted(targets, key=TagTarget.order)),
        source=entry.get('source', ''),
    )


def _target(
    entry: dict[str, Any],
    node_types: Mapping[str, NodeType],
    flavors: Mapping[str, Flavor],
) -> TagTarget:
    return TagTarget(
        node_type=node_types[entry['node_type']],
        flavor=flavors[entry['flavor']],
        preference=entry['preference'],
        relative_speed=float(entry.get('relative_speed', 1.0)),
        expected_utilization=float(entry.get('expected_utilization', 0.5)),
        expected_memory=float(entry.get('expected_memory', 1.0)),
        relative_draw=float(entry.get('relative_draw', 1.0)),
        accelerator=entry.get('accelerator', ''),
        accelerators_busy=float(entry.get('accelerators_busy', 0.0)),
    )


def _target_faults(
    entry: dict[str, Any],
    node_types: Mapping[str, NodeType],
    flavors: Mapping[str, Flavor],
) -> Iterator[Fault]:
    seen: set[tuple[str, str]] = set()
    for index, target in enumerate(entry['targets']):
        pair = target['node_type'], target['flavor']
        if pair[0] not in node_types:
            what = faults.missing('node type', pair[0])
            yield ('targets', index, 'node_type'), what
        if pair[1] not in flavors:
            yield (
                ('targets', index, 'flavor'),
                faults.missing('flavor', pair[1]),
            )
        if pair in seen:
            what = f'node type {pair[0]!r} with {pair[1]!r} stands twice'
            yield ('targets', index), what
        seen.add(pair)
        yield from _accelerator_faults(index, target, node_types)
    named = sorted({node_type for node_type, _ in seen})
    if entry['kind'] == TagKind.EXACT and len(named) > 1:
        what = f'an exact tag names one node type, not {", ".join(named)}'
        yield ('targets',), what


def _accelerator_faults(
    index: int, target: dict[str, Any], node_types: Mapping[str, NodeType]
) -> Iterator[Fault]:
    kind = target.get('accelerator')
    node_type = node_types.get(target['node_type'], BROKEN)
    if kind is None or node_type is BROKEN:
        return
    kinds = sorted({board.kind for board in node_type.accelerators})
    if kind not in kinds:
        has = ', '.join(kinds) or 'none'
        what = f'{node_type.name} has no {kind} accelerator; it has: {has}'
        yield ('targets', index, 'accelerator'), what
