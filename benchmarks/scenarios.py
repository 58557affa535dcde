# SPDX-License-Identifier: Apache-2.0

"""Clouds to measure on: hosts of one type or of four, flavors of odd shapes.

Sizes of flavors are drawn independently for CPU and memory, so that hosts
fill unevenly. Workloads start on a host drawn at random among those with
room, as a cloud looks that was filled over years.
"""

import numpy as np

from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model.power import PowerCurve


#: Name: threads, memory in GiB, watts at 0, 10 … 100 % load. Watts and
#: threads are published at https://www.spec.org/power_ssj2008/ (© SPEC):
#: Hitachi HA8000/RS210 (E5-2670), Inspur NF5280M5 (Gold 6252), Dell R630
#: (E5-2699 v3), Sugon A620-G30 (EPYC 7601); memory is what such hosts often
#: have.
HOST_TYPES = {
    'rs210': (
        32,
        128,
        (99.3, 113, 123, 136, 154, 178, 209, 237, 257, 294, 337),
    ),
    'nf5280': (
        48,
        192,
        (93.6, 118, 128, 138, 148, 159, 170, 188, 214, 233, 262),
    ),
    'r630': (
        72,
        256,
        (51.2, 93.4, 111, 129, 146, 162, 176, 197, 223, 255, 287),
    ),
    'a620': (
        128,
        512,
        (94.9, 145, 159, 171, 183, 196, 212, 233, 258, 279, 296),
    ),
}

SCENARIOS = {
    'uniform': ('r630',),
    'four-types': tuple(HOST_TYPES),
}

VCPUS = (1, 2, 3, 4, 6, 8)
MEMORY_GIB = (1, 2, 3, 5, 8, 12, 16, 24, 32)
CPU_RATIO = 1.0


def host(name: str, kind: str) -> Host:
    """A host of one of the types."""
    threads, memory_gib, curve = HOST_TYPES[kind]
    return Host(
        name=name,
        vcpus=threads,
        memory_mib=memory_gib * 1024,
        disk_gib=8000,
        curve=PowerCurve(tuple(float(watts) for watts in curve)),
        cpu_allocation_ratio=CPU_RATIO,
    )


def cloud(
    n_hosts: int, n_workloads: int, kinds: tuple[str, ...], seed: int
) -> Snapshot:
    """A cloud of hosts of the given types in turn, filled at random."""
    rng = np.random.default_rng(seed)
    hosts = tuple(
        host(f'host-{index:05d}', kinds[index % len(kinds)])
        for index in range(n_hosts)
    )
    free = np.array(
        [
            [h.vcpus * CPU_RATIO, h.memory_mib, h.disk_gib, h.vcpus]
            for h in hosts
        ]
    ).T
    workloads = []
    for index in range(n_workloads):
        vcpus = float(rng.choice(VCPUS))
        memory_mib = 1024.0 * rng.choice(MEMORY_GIB)
        busy = vcpus * rng.uniform(0.4, 1.0)
        need = np.array([vcpus, memory_mib, 20.0, busy])
        fits = np.flatnonzero((free >= need[:, np.newaxis]).all(axis=0))
        place = int(rng.choice(fits))
        free[:, place] -= need
        workloads.append(
            Workload(
                id=f'vm-{index:06d}',
                host=hosts[place].name,
                vcpus=vcpus,
                memory_mib=memory_mib,
                disk_gib=20.0,
                cpu_cores_used=busy,
                memory_used_mib=memory_mib * rng.uniform(0.3, 0.9),
            )
        )
    return Snapshot(hosts=hosts, workloads=tuple(workloads))
