# SPDX-License-Identifier: Apache-2.0

"""Clouds for property tests: small, uneven, with rules that bind."""

from hypothesis import strategies as st

from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model import power
from ecrae.model.cluster import HostState


TYPES = (
    {'vcpus': 8, 'memory_mib': 16384, 'curve': power.linear(60, 120)},
    {'vcpus': 16, 'memory_mib': 32768, 'curve': power.linear(70, 160, 5)},
    {
        'vcpus': 32,
        'memory_mib': 65536,
        'curve': power.PowerCurve(
            (50, 90, 110, 125, 140, 150, 165, 180, 200, 230, 270), 4
        ),
    },
)


@st.composite
def hosts(draw, index):
    """A host; mostly awake, sometimes in another zone or state."""
    return Host(
        name=f'h{index}',
        disk_gib=1000,
        cpu_allocation_ratio=draw(st.sampled_from((1.0, 1.5))),
        zone=draw(st.sampled_from(('nova', 'nova', 'nova', 'edge'))),
        state=draw(st.sampled_from((*[HostState.AWAKE] * 5, *HostState))),
        **draw(st.sampled_from(TYPES)),
    )


@st.composite
def snapshots(draw, most_hosts=6, most_workloads=16):
    """A cloud whose hosts hold what they can, and sometimes more."""
    n_hosts = draw(st.integers(1, most_hosts))
    n_workloads = draw(st.integers(0, most_workloads))
    all_hosts = tuple(draw(hosts(index)) for index in range(n_hosts))
    names = [host.name for host in all_hosts]
    return Snapshot(
        hosts=all_hosts,
        workloads=tuple(
            draw(workload(index, names)) for index in range(n_workloads)
        ),
    )


@st.composite
def workload(draw, index, names):
    """A workload on any of the hosts, now and then bound by a rule."""
    vcpus = draw(st.sampled_from((1, 2, 3, 4)))
    memory_mib = draw(st.sampled_from((512, 2048, 3072, 8192)))
    return Workload(
        id=f'w{index:02d}',
        host=draw(st.sampled_from(names)),
        vcpus=vcpus,
        memory_mib=memory_mib,
        disk_gib=10,
        cpu_cores_used=vcpus * draw(st.sampled_from((0.0, 0.1, 0.4, 0.9))),
        memory_used_mib=memory_mib / 2,
        relative_draw=draw(st.sampled_from((1.0, 1.0, 1.0, 0.5, 1.7, 2.0))),
        pinned=draw(st.sampled_from((False, False, False, False, True))),
        affinity_group=draw(st.sampled_from(('', '', '', '', 'together'))),
        anti_affinity_group=draw(st.sampled_from(('', '', '', 'a', 'b'))),
    )


@st.composite
def tight(draw):
    """A cloud of small hosts that hold no more than they can, but much."""
    free = {
        f'h{index}': [8, 16384] for index in range(draw(st.integers(2, 5)))
    }
    workloads = []
    for index in range(draw(st.integers(4, 16))):
        vcpus = draw(st.sampled_from((1, 2, 3, 5)))
        memory_mib = draw(st.sampled_from((1024, 3072, 6144, 10240)))
        roomy = [
            name
            for name, (cores_left, memory_left) in free.items()
            if cores_left >= vcpus and memory_left >= memory_mib
        ]
        if not roomy:
            continue
        name = draw(st.sampled_from(roomy))
        free[name][0] -= vcpus
        free[name][1] -= memory_mib
        workloads.append(
            Workload(
                id=f'w{index:02d}',
                host=name,
                vcpus=vcpus,
                memory_mib=memory_mib,
                disk_gib=10,
                cpu_cores_used=vcpus * draw(st.sampled_from((0.1, 0.5, 0.9))),
                memory_used_mib=memory_mib / 2,
            )
        )
    return Snapshot(
        hosts=tuple(
            Host(
                name=name,
                disk_gib=1000,
                vcpus=8,
                memory_mib=16384,
                curve=power.linear(draw(st.sampled_from((60, 90))), 180),
            )
            for name in free
        ),
        workloads=tuple(workloads),
    )
