# SPDX-License-Identifier: Apache-2.0

"""A snapshot as arrays, in an order that depends on no one's naming habits.

The optimizer moves *units*: single workloads, or whole affinity groups where
the rules let them move. Hosts and units are sorted by what they are (size,
watts, contents), and by name only where nothing else tells them apart, so
that neither the order of the input nor a renaming changes the plan.
"""

import collections
import dataclasses
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from ecrae.migration.optimizer import canonical
from ecrae.migration.optimizer import constraints
from ecrae.migration.optimizer.constraints import BoolArray
from ecrae.migration.optimizer.constraints import IntArray
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model import power
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import HostState
from ecrae.model.power import FloatArray


#: Rows of capacity and demand. Rows past these count accelerators.
VCPUS, MEMORY, DISK, LOAD = range(4)

#: Room for draw, in cores, for each core that there is: never exhausted, as
#: nothing is known to draw more than twice what the curves say.
DRAW_ROOM = 2.0

#: Relative slack in comparisons of sums of floats.
TOLERANCE = 1e-9


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """Columns over n hosts and m units; K resources, Q eligibility classes."""

    snapshot: Snapshot
    rules: Rules
    #: Position in the snapshot of each host, shape (n,).
    host_index: IntArray
    #: Positions in the snapshot of each unit's workloads.
    bundles: tuple[tuple[int, ...], ...]

    #: Watts at 0, 10 … 100 % load, shape (n, 11), and asleep, shape (n,).
    curves_w: FloatArray
    sleep_w: FloatArray
    #: CPU in reference cores, shape (n,).
    cores: FloatArray
    #: What may be promised, and the CPU that there is, shape (K, n).
    capacity: FloatArray
    #: What a move may leave used on its destination, shape (K, n).
    room: FloatArray
    #: Rack of each host, -1 where unknown, shape (n,).
    rack: IntArray
    #: What a watt counts on each host, shape (n,).
    watt_weight: FloatArray

    #: What each unit takes; row LOAD in reference cores, shape (K, m).
    demand: FloatArray
    #: Row of the load that the curves make watts of: LOAD, unless busy cores
    #: of some workloads are known to draw more or less than those of others.
    draw: int
    #: Host of each unit, shape (m,).
    start: IntArray
    movable: BoolArray
    #: Class of each unit, shape (m,); hosts of each class, shape (Q, n).
    eligibility_class: IntArray
    eligible: BoolArray
    #: Anti-affinity group of each unit, -1 for none, shape (m,).
    apart: IntArray
    #: Memory to be copied when it moves, MiB, shape (m,).
    memory_used_mib: FloatArray

    @property
    def n_hosts(self) -> int:
        """Number of hosts, n."""
        return len(self.cores)

    @property
    def n_units(self) -> int:
        """Number of units, m."""
        return len(self.start)

    @classmethod
    def of(cls, snapshot: Snapshot, rules: Rules | None = None) -> 'Problem':
        """Arrays of a snapshot.

        :raises KeyError: a workload names a host that is not there.
        """
        return _Builder(snapshot, rules or Rules()).problem()

    def moved(self, assignment: IntArray) -> 'Problem':
        """The problem that is left when units are where this says."""
        hosts = self.snapshot.hosts
        workloads = list(self.snapshot.workloads)
        for unit in np.flatnonzero(assignment != self.start).tolist():
            host = hosts[self.host_index[assignment[unit]]]
            speed = hosts[self.host_index[self.start[unit]]].core_speed
            for index in self.bundles[unit]:
                workloads[index] = dataclasses.replace(
                    workloads[index],
                    host=host.name,
                    cpu_cores_used=workloads[index].cpu_cores_used
                    * speed
                    / host.core_speed,
                )
        return Problem.of(
            Snapshot(hosts=hosts, workloads=tuple(workloads)), self.rules
        )


class _Builder:
    """Names first, to forget the order of the input; then by attributes."""

    def __init__(self, snapshot: Snapshot, rules: Rules) -> None:
        self.snapshot = snapshot
        self.rules = rules
        self.host_order = sorted(
            range(len(snapshot.hosts)),
            key=lambda index: snapshot.hosts[index].name,
        )
        self.hosts = [snapshot.hosts[index] for index in self.host_order]
        position = {host.name: index for index, host in enumerate(self.hosts)}
        self.bundles = _bundles(snapshot.workloads, rules)
        self.members = [
            [snapshot.workloads[index] for index in bundle]
            for bundle in self.bundles
        ]
        self.start = np.array(
            [position[group[0].host] for group in self.members], dtype=np.intp
        )
        self.sources = [self.hosts[index] for index in self.start]
        self.devices = sorted(
            {
                (device.kind, device.model)
                for group in self.members
                for workload in group
                for device in workload.accelerators
            }
        )

    def problem(self) -> Problem:
        """The arrays, in canonical order."""
        hosts, rules = self.hosts, self.rules
        classes, eligible = constraints.eligibility(
            hosts, self.members, self.sources, rules
        )
        cores = _column(host.vcpus * host.core_speed for host in hosts)
        capacity = self._capacity(cores)
        curves, sleep = _watts(hosts)
        demand = self._demand()
        draws = self._draws()
        draw = LOAD
        if draws is not None:
            draw = len(demand)
            demand = np.vstack((demand, draws))
            capacity = np.vstack((capacity, DRAW_ROOM * cores))
        memory = _column(
            sum(w.memory_used_mib for w in group) for group in self.members
        )
        ceilings = _column(host.cpu_ceiling for host in hosts)
        weights = _column(host.watt_weight for host in hosts)
        order, units = canonical.orders(
            np.vstack((curves.T, sleep, cores, weights, capacity, ceilings)),
            np.vstack((demand, memory)),
            self.start,
        )
        place = np.empty(len(hosts), dtype=np.intp)
        place[order] = np.arange(len(hosts))
        room = capacity * (1.0 - rules.headroom)
        room[LOAD] = cores * np.minimum(ceilings, rules.cpu_ceiling)
        if draw != LOAD:
            room[draw] = capacity[draw]
        return Problem(
            snapshot=self.snapshot,
            rules=rules,
            host_index=np.array(self.host_order, dtype=np.intp)[order],
            bundles=tuple(self.bundles[index] for index in units),
            curves_w=curves[order],
            sleep_w=sleep[order],
            cores=cores[order],
            capacity=np.ascontiguousarray(capacity[:, order]),
            room=np.ascontiguousarray(room[:, order]),
            rack=_numbers([host.rack for host in hosts])[order],
            watt_weight=weights[order],
            demand=np.ascontiguousarray(demand[:, units]),
            draw=draw,
            start=place[self.start][units],
            movable=self._movable()[units],
            eligibility_class=classes[units],
            eligible=np.ascontiguousarray(eligible[:, order]),
            apart=self._apart()[units],
            memory_used_mib=memory[units],
        )

    def _capacity(self, cores: FloatArray) -> FloatArray:
        hosts = self.hosts
        rows = [
            _column(h.vcpus * h.cpu_allocation_ratio for h in hosts),
            _column(h.memory_mib * h.ram_allocation_ratio for h in hosts),
            _column(h.disk_gib * h.disk_allocation_ratio for h in hosts),
            cores,
        ]
        rows += [
            _column(_count(h.accelerators, device) for h in hosts)
            for device in self.devices
        ]
        return np.array(rows)

    def _demand(self) -> FloatArray:
        members = self.members
        speeds = _column(host.core_speed for host in self.sources)
        rows = [
            _column(sum(w.vcpus for w in group) for group in members),
            _column(sum(w.memory_mib for w in group) for group in members),
            _column(sum(w.disk_gib for w in group) for group in members),
            _column(sum(w.cpu_cores_used for w in group) for group in members)
            * speeds,
        ]
        rows += [
            _column(
                sum(_count(w.accelerators, device) for w in group)
                for group in members
            )
            for device in self.devices
        ]
        return np.array(rows)

    def _draws(self) -> FloatArray | None:
        """Load in cores that draw what the curves say, shape (m,).

        None where that is the load as it is.
        """
        if all(w.relative_draw == 1.0 for w in self.snapshot.workloads):
            return None
        drawing = _column(
            sum(w.cpu_cores_used * w.relative_draw for w in group)
            for group in self.members
        )
        return drawing * _column(host.core_speed for host in self.sources)

    def _movable(self) -> BoolArray:
        sizes = collections.Counter(
            w.affinity_group for w in self.snapshot.workloads
        )
        return np.array(
            [
                constraints.holding_rule(
                    group, source, self.rules, sizes[group[0].affinity_group]
                )
                is None
                for group, source in zip(
                    self.members, self.sources, strict=True
                )
            ],
            dtype=bool,
        )

    def _apart(self) -> IntArray:
        return _numbers(
            [group[0].anti_affinity_group for group in self.members]
        )


def _bundles(
    workloads: Sequence[Workload], rules: Rules
) -> list[tuple[int, ...]]:
    """Indexes of the workloads of each unit, by the id of the first."""
    order = sorted(
        range(len(workloads)), key=lambda index: workloads[index].id
    )
    groups: dict[Hashable, list[int]] = collections.defaultdict(list)
    for index in order:
        workload = workloads[index]
        key: Hashable = index
        if workload.affinity_group and rules.affinity_groups_move:
            key = (workload.affinity_group, workload.host)
        groups[key].append(index)
    return [tuple(group) for group in groups.values()]


def _column(values: Iterable[float]) -> FloatArray:
    return np.fromiter(values, dtype=np.float64)


def _count(
    accelerators: Sequence[Accelerator], device: tuple[str, str]
) -> float:
    return float(
        sum(a.count for a in accelerators if (a.kind, a.model) == device)
    )


def _watts(hosts: Sequence[Host]) -> tuple[FloatArray, FloatArray]:
    """Curves and sleep watts; a dead host draws nothing that we decide."""
    curves = np.array([host.curve.power_w for host in hosts], dtype=float)
    sleep = _column(host.curve.sleep_w for host in hosts)
    dead = np.array([h.state is HostState.DOWN for h in hosts], dtype=bool)
    curves = curves.reshape(-1, power.POINTS)
    curves[dead] = 0.0
    sleep[dead] = 0.0
    return curves, sleep


def _numbers(names: Sequence[str]) -> IntArray:
    """A number for each distinct name in the names' order, -1 for none."""
    known = {name: n for n, name in enumerate(sorted(set(names) - {''}))}
    return np.array([known.get(name, -1) for name in names], dtype=np.intp)
