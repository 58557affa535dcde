# SPDX-License-Identifier: Apache-2.0

"""Hardware of Nova's hosts as columns, to decide over all of them at once.

Nova hands its plugins thousands of host states; what the knowledge base
knows of each is looked up once and then only handled as arrays. The last row
of every column stands for a host that the knowledge base does not know, so
that row ``-1`` needs no special case.
"""

import itertools
import operator
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import numpy as np
from oslo_log import log as logging

from ecrae.model import accelerators
from ecrae.model import host_arrays
from ecrae.model import power
from ecrae.model import tariff as tariffs
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import Knowledge
from ecrae.model.power import FloatArray
from ecrae.model.reading import Reading
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff
from ecrae.scheduler_filters.arrays import BoolArray
from ecrae.scheduler_filters.arrays import IntArray
from ecrae.scheduler_filters.measured import Measured


LOG = logging.getLogger(__name__)

#: Row, and node type, of a host that is not known.
UNKNOWN = -1

_nodename = operator.attrgetter('nodename')
_vcpus_used = operator.attrgetter('vcpus_used')


class HostTable:
    """What is known of k hosts of t node types.

    :param knowledge: hosts, with their node types.
    :param ambiguous: names that several hosts in different cells share.
        They count as unknown; more are added as they are seen.
    :param readings: what is measured of the hosts.
    :param now: seconds since the epoch.
    :param max_age_s: of a reading that counts.
    :param tariff: what a watt counts.
    :param default_zone: of hosts to which no aggregate gives one.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        ambiguous: set[str],
        readings: Iterable[Reading] = (),
        now: float = 0.0,
        max_age_s: float = 0.0,
        *,
        tariff: Tariff = PLAIN,
        default_zone: str = 'nova',
    ) -> None:
        self._tariff = tariff
        self._default_zone = default_zone
        self._ambiguous = ambiguous
        hosts = [
            host
            for host in knowledge.hosts.values()
            if host.node_type in knowledge.node_types
            and host.name not in ambiguous
        ]
        self._names = tuple(host.name for host in hosts)
        self._row = {name: row for row, name in enumerate(self._names)}
        #: The host states that were asked for last, with their rows.
        self._last: tuple[list[Any], IntArray] = ([], np.empty(0, np.intp))
        self.measured = Measured(self._row, readings, now, max_age_s)
        self.node_types = tuple(knowledge.node_types)
        place = {name: i for i, name in enumerate(self.node_types)}
        #: Index into ``node_types``, shape (k + 1,).
        self.node_type: IntArray = np.array(
            [*(place[host.node_type] for host in hosts), UNKNOWN], np.intp
        )
        #: Whether the host takes new servers, shape (k + 1,).
        self.is_open: BoolArray = np.array(
            [*(host.state is HostState.AWAKE for host in hosts), True], bool
        )
        self.is_asleep: BoolArray = np.array(
            [*(host.state is HostState.ASLEEP for host in hosts), False], bool
        )
        #: In the order of ``node_types``.
        self.types = types = tuple(knowledge.node_types.values())
        own = [knowledge.node_type_of(host).curve for host in hosts]
        #: Watts of each host at 0, 10 … 100 %, shape (k + 1, 11).
        self.curves_w: FloatArray = np.array(
            [*(curve.power_w for curve in own), (0.0,) * power.POINTS], float
        )
        self.sleep_w: FloatArray = np.array(
            [*(curve.sleep_w for curve in own), 0.0], float
        )
        #: Of each node type, shape (t + 1,).
        self.cores: FloatArray = np.array(
            [*(each.cores for each in types), 1], float
        )
        #: Watts of accelerators above idle at 0, 10 … 100 %, of each node
        #: type, shape (t + 1, 11); None where no node type has such.
        self._boards_w = _boards_w(types)

    def locate(self, states: Sequence[Any]) -> IntArray:
        """Row of each of Nova's host states, or ``UNKNOWN``, shape (n,).

        A host is known by the name of its hypervisor or of its compute
        service, in this order: the first tells hosts of different cells, and
        the nodes of one bare metal service, apart.

        The plugins of one request ask for the same states one after the
        other; names of a state never change, so the last answer is kept.
        """
        last, rows = self._last
        # Compares identities, which is much faster than looking names up.
        if len(last) == len(states) and last == list(states):
            return rows
        rows = self._rows(states)
        seen = np.bincount(rows[rows != UNKNOWN], minlength=1)
        if seen.max() > 1 and self._set_aside(states, rows, seen > 1):
            rows = self._rows(states)
        rows.flags.writeable = False
        self._last = (list(states), rows)
        return rows

    def _rows(self, states: Sequence[Any]) -> IntArray:
        row = self._row.get
        unknown = itertools.repeat(UNKNOWN)
        found = list(map(row, map(_nodename, states), unknown))
        if UNKNOWN in found:
            found = [
                row(state.host, UNKNOWN) if known == UNKNOWN else known
                for known, state in zip(found, states, strict=True)
            ]
        return np.array(found, np.intp)

    def _set_aside(
        self, states: Sequence[Any], rows: IntArray, is_shared: BoolArray
    ) -> bool:
        """Forget names that hosts of different cells share."""
        cells: dict[int, set[str]] = {}
        for state, row in zip(states, rows, strict=True):
            if row != UNKNOWN and is_shared[row]:
                cells.setdefault(int(row), set()).add(state.cell_uuid)
        shared = {
            self._names[row] for row, uuids in cells.items() if len(uuids) > 1
        }
        if not shared:
            return False
        LOG.warning(
            'Hosts in different cells share the names %s: which of them the '
            'knowledge base means cannot be told, so they count as unknown. '
            'Enter them by the names of their hypervisors.',
            sorted(shared),
        )
        self._ambiguous |= shared
        self._row = {
            name: row
            for name, row in self._row.items()
            if name not in self._ambiguous
        }
        return True

    def arrays(self, rows: IntArray, states: Sequence[Any]) -> HostArrays:
        """The hosts as the ranking wants them, with their present load.

        They have no names, which nobody needs and a list of ten thousand
        costs. Rows that are ``UNKNOWN`` hold numbers that mean nothing.
        """
        node_type = self.node_type[rows]
        cores = self.cores[node_type]
        # Of a node that has not reported yet it is None, and NaN here.
        vcpus_used = np.nan_to_num(
            np.array([*map(_vcpus_used, states)], dtype=float)
        )
        curves_w = self.curves_w[rows]
        boards_busy = self.measured.accelerator_utilization[rows]
        boards_w: float | FloatArray = 0.0
        if self._boards_w is not None:
            boards_w = power.watts(self._boards_w[node_type], boards_busy)
        utilization, factor = self.measured.now(
            rows, vcpus_used, cores, curves_w, boards_w
        )
        hosts = HostArrays(
            names=(),
            curves_w=curves_w,
            sleep_w=self.sleep_w[rows],
            cores=cores,
            utilization=utilization,
            is_asleep=self.is_asleep[rows],
            watt_weight=self._watt_weight(states),
            tariff=self._tariff,
            accelerator_utilization=boards_busy,
            accelerator_w=boards_w,
        )
        return hosts if factor is None else host_arrays.scaled(hosts, factor)

    def _watt_weight(self, states: Sequence[Any]) -> float | FloatArray:
        """What a watt counts on each host; zones are looked up at need."""
        if self._tariff.is_flat:
            return 1.0
        zones = [_zone(state) or self._default_zone for state in states]
        return tariffs.factors(self._tariff, zones)

    def draw_of_w(self, name: str, last_seen_w: float) -> float:
        """Watts of a host that is out of sight; 0 for one that is not known.

        :param last_seen_w: what it drew when it was last in sight; 0 if it
            never was, and then it is taken for idle.
        """
        row = self._row.get(name, UNKNOWN)
        if self.is_asleep[row]:
            return float(self.sleep_w[row])
        if not np.isnan(self.measured.power_w[row]):
            return float(self.measured.power_w[row])
        return max(float(self.curves_w[row, 0]), last_seen_w)


def _zone(state: Any) -> str | None:
    """Availability zone that an aggregate gives a host, as Nova reads it."""
    for aggregate in state.aggregates:
        zone: str | None = aggregate.metadata.get('availability_zone')
        if zone:
            return zone
    return None


def _boards_w(types: Sequence[NodeType]) -> FloatArray | None:
    rows = [accelerators.busy_curve_w(each.accelerators) for each in types]
    table = np.array([*rows, np.zeros(power.POINTS)])
    return table if table.any() else None
