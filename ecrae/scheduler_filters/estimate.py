# SPDX-License-Identifier: Apache-2.0

"""What one more server would do to each of Nova's hosts."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ecrae.model import load
from ecrae.model import ranking
from ecrae.model.host_arrays import HostArrays
from ecrae.model.power import FloatArray
from ecrae.model.ranking import Marginal
from ecrae.scheduler_filters import scores
from ecrae.scheduler_filters.arrays import IntArray
from ecrae.scheduler_filters.host_table import UNKNOWN
from ecrae.scheduler_filters.host_table import HostTable
from ecrae.scheduler_filters.requirement import Requirement


#: Busy part of a vCPU, relative speed and draw, and preference where no tag
#: tells.
UNPROFILED = (load.DEFAULT_BUSY_FRACTION, 1.0, 1.0, scores.PREFERENCES)


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """Hosts as they are, and what the server adds; of shape (n,).

    What it says of an unknown host means nothing.
    """

    hosts: HostArrays
    marginal: Marginal
    #: Of the tag's target for the host's node type; 1 is most preferred.
    preference: FloatArray


def estimate(
    table: HostTable,
    rows: IntArray,
    states: Sequence[Any],
    vcpus: int,
    asked: Requirement | None,
) -> Estimate:
    """The effect of a server of so many vCPUs on each host state.

    :param rows: of the states in the table.
    :param asked: the server's tag; None if it has none.
    """
    # One line for each node type, the last for hosts of unknown type.
    profiles = [*(_profile(asked, name) for name in table.node_types)]
    busy, speed, draw, preference = np.array([*profiles, UNPROFILED])[
        table.node_type[rows]
    ].T
    hosts = table.arrays(rows, states)
    boards = ranking.boards_on(table.types, asked.targets if asked else {})
    if boards is not None:
        # Unknown hosts take the last row's; it means nothing.
        boards = boards.at(table.node_type[rows])
    added = ranking.marginal(hosts, vcpus, busy, speed, boards, draw)
    return Estimate(hosts, added, preference)


def weights(
    table: HostTable, states: Sequence[Any], vcpus: int, asked: Requirement
) -> tuple[FloatArray, FloatArray]:
    """Weight of each host for a tagged server, and its load, shapes (n,)."""
    rows = table.locate(states)
    allowed = np.array(
        [*(name in asked.node_types for name in table.node_types), False]
    )
    found = estimate(table, rows, states, vcpus, asked)
    weight = scores.weights(
        found.marginal.merit,
        found.preference,
        rows != UNKNOWN,
        allowed[table.node_type[rows]],
    )
    return weight, found.hosts.utilization


def _profile(
    asked: Requirement | None, node_type: str
) -> tuple[float, float, float, int]:
    target = asked.targets.get(node_type) if asked else None
    if target is None:
        return UNPROFILED
    return (
        target.expected_utilization,
        target.relative_speed,
        target.relative_draw,
        target.preference,
    )
