# SPDX-License-Identifier: Apache-2.0

"""Enacts a plan on a snapshot and watches the rules, in plain Python."""

import collections
import dataclasses

from ecrae.model.cluster import HostState


SLACK = 1e-6


class Replay:
    """Where everything is; ``enact`` refuses what must not happen."""

    def __init__(self, snapshot):
        self.snapshot = snapshot
        self.hosts = {host.name: host for host in snapshot.hosts}
        self.workloads = {w.id: w for w in snapshot.workloads}
        self.place = {w.id: w.host for w in snapshot.workloads}

    def used(self, name):
        """What is promised on a host, and how many cores are busy."""
        inside = [
            self.workloads[i] for i, h in self.place.items() if h == name
        ]
        return (
            sum(w.vcpus for w in inside),
            sum(w.memory_mib for w in inside),
            sum(w.disk_gib for w in inside),
            sum(w.cpu_cores_used for w in inside),
        )

    def capacity(self, name):
        host = self.hosts[name]
        return (
            host.vcpus * host.cpu_allocation_ratio,
            host.memory_mib * host.ram_allocation_ratio,
            host.disk_gib * host.disk_allocation_ratio,
            host.vcpus,
        )

    def enact(self, moves):
        for move in moves:
            workload = self.workloads[move.workload]
            source = self.hosts[move.source]
            host = self.hosts[move.destination]
            assert self.place[workload.id] == source.name
            assert not workload.pinned
            assert source.state is not HostState.DOWN
            assert host.state in (HostState.AWAKE, HostState.ASLEEP)
            assert host.zone == source.zone
            self.place[workload.id] = host.name
            for used, limit in zip(
                self.used(host.name), self.capacity(host.name), strict=True
            ):
                assert used <= limit + SLACK
            self.check_groups(workload, host.name)

    def check_groups(self, moved, name):
        """No two members of an anti-affinity group where one arrived."""
        mates = [
            self.workloads[i]
            for i, host in self.place.items()
            if host == name and i != moved.id
        ]
        assert not moved.anti_affinity_group or all(
            w.anti_affinity_group != moved.anti_affinity_group for w in mates
        )

    def affinity(self):
        """Number of hosts that each affinity group is on."""
        found = collections.defaultdict(set)
        for workload in self.workloads.values():
            if workload.affinity_group:
                found[workload.affinity_group].add(self.place[workload.id])
        return {group: len(hosts) for group, hosts in found.items()}

    def watts(self):
        """Draw of all hosts that are not down, empty ones asleep."""
        total = 0.0
        for name, host in self.hosts.items():
            if host.state is HostState.DOWN:
                continue
            if name in self.place.values():
                total += host.curve.at(self._drawing(name) / host.vcpus)
            else:
                total += host.curve.sleep_w
        return total

    def _drawing(self, name):
        """Cores that draw what the curve says of busy ones."""
        return sum(
            w.cpu_cores_used * w.relative_draw
            for w in self.snapshot.workloads
            if self.place[w.id] == name
        )

    def result(self):
        """The snapshot as it is now."""
        return dataclasses.replace(
            self.snapshot,
            workloads=tuple(
                dataclasses.replace(w, host=self.place[w.id])
                for w in self.snapshot.workloads
            ),
        )
