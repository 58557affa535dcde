# SPDX-License-Identifier: Apache-2.0

"""Tags and their targets in the database."""

import collections
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae.kb import models
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget


#: What a target expects of memory and of watts before anything is learned.
UNLEARNED = 1.0


def list_all(
    session: orm.Session,
    node_types: Mapping[str, NodeType],
    flavors: Mapping[str, Flavor],
) -> dict[str, Tag]:
    """All tags by name, their targets in order of preference."""
    targets = collections.defaultdict(list)
    for row in session.execute(sa.select(models.TagTarget.__table__)):
        targets[row.tag].append(
            TagTarget(
                node_type=node_types[row.node_type],
                flavor=flavors[row.flavor],
                preference=row.preference,
                relative_speed=row.relative_speed,
                expected_utilization=row.expected_utilization,
                expected_memory=row.expected_memory or UNLEARNED,
                relative_draw=row.relative_draw or UNLEARNED,
                accelerator=row.accelerator or '',
                accelerators_busy=row.accelerators_busy or 0.0,
            )
        )
    return {
        row.name: Tag(
            name=row.name,
            kind=TagKind(row.kind),
            description=row.description,
            targets=tuple(sorted(targets[row.name], key=TagTarget.order)),
            source=row.source,
        )
        for row in session.execute(sa.select(models.Tag.__table__))
    }


def rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows that hold the tags without their targets."""
    return [
        {
            'name': tag.name,
            'kind': str(tag.kind),
            'description': tag.description,
            'source': tag.source,
        }
        for tag in knowledge.tags.values()
    ]


def target_rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows that hold the targets of all tags."""
    return [
        {
            'tag': tag.name,
            'node_type': target.node_type.name,
            'flavor': target.flavor.name,
            'preference': target.preference,
            'relative_speed': target.relative_speed,
            'expected_utilization': target.expected_utilization,
            'expected_memory': _learned(target.expected_memory),
            'relative_draw': _learned(target.relative_draw),
            'accelerator': target.accelerator or None,
            'accelerators_busy': target.accelerators_busy or None,
        }
        for tag in knowledge.tags.values()
        for target in tag.targets
    ]


def _learned(value: float) -> float | None:
    return None if value == UNLEARNED else value
