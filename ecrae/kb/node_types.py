# SPDX-License-Identifier: Apache-2.0

"""Node types and their accelerators in the database."""

import collections
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae.kb import models
from ecrae.model import accelerators
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.power import PowerProfile


def list_all(
    session: orm.Session, profiles: Mapping[str, PowerProfile]
) -> dict[str, NodeType]:
    """All node types by name, with their curves of ``profiles``."""
    boards = _accelerators(session, profiles)
    table = models.NodeType.__table__
    return {
        row.name: NodeType(
            name=row.name,
            architecture=row.architecture,
            cpu=row.cpu,
            cores=row.cores,
            threads=row.threads,
            memory_mib=row.memory_mib,
            disk_gib=row.disk_gib,
            hypervisor_type=row.hypervisor_type,
            curve=accelerators.whole(
                profiles[row.power_profile].curve, boards[row.name]
            ),
            power_profile=row.power_profile,
            accelerators=tuple(
                sorted(
                    boards[row.name], key=lambda item: (item.kind, item.model)
                )
            ),
        )
        for row in session.execute(sa.select(table))
    }


def _accelerators(
    session: orm.Session, profiles: Mapping[str, PowerProfile]
) -> collections.defaultdict[str, list[Accelerator]]:
    found: collections.defaultdict[str, list[Accelerator]]
    found = collections.defaultdict(list)
    for row in session.execute(sa.select(models.Accelerator.__table__)):
        profile = profiles.get(row.power_profile)
        found[row.node_type].append(
            Accelerator(
                row.kind,
                row.model,
                row._mapping['count'],
                profile.curve if profile else None,
                row.power_profile or '',
            )
        )
    return found


def rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows that hold the node types without their accelerators."""
    return [
        {
            'name': node_type.name,
            'architecture': node_type.architecture,
            'cpu': node_type.cpu,
            'cores': node_type.cores,
            'threads': node_type.threads,
            'memory_mib': node_type.memory_mib,
            'disk_gib': node_type.disk_gib,
            'hypervisor_type': node_type.hypervisor_type,
            'power_profile': node_type.power_profile,
        }
        for node_type in knowledge.node_types.values()
    ]


def accelerator_rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Rows that hold the accelerators of all node types."""
    return [
        {
            'node_type': node_type.name,
            'kind': accelerator.kind,
            'model': accelerator.model,
            'count': accelerator.count,
            'power_profile': accelerator.power_profile or None,
        }
        for node_type in knowledge.node_types.values()
        for accelerator in node_type.accelerators
    ]
