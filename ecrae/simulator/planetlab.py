# SPDX-License-Identifier: Apache-2.0

"""The data centre of CloudSim's PlanetLab examples.

800 hosts of two types in turn, and four types of machines in four blocks of
equal length, as ``Constants.java`` of CloudSim 3.0.3 defines them; the power
curves are SPECpower_ssj2008 results.
"""

import dataclasses

import numpy as np

from ecrae.simulator.comparison import Scenario
from ecrae.simulator.csv_trace import Samples
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.policy import Rules
from ecrae.simulator.trace import Trace


#: HP ProLiant ML110 G4 (Xeon 3040) and G5 (Xeon 3075).
_CURVES_W = (
    (86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117),
    (93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135),
)
_HOST_TYPES = ('ml110-g4', 'ml110-g5')
_CORE_MIPS = (1860.0, 2660.0)
_CORES = 2
_HOST_MEMORY_MB = 4096.0
#: Half of 1 Gbit/s, in CloudSim's units: 1,000,000 / 2 / 8000 MB/s.
_MIGRATION_MB_S = 62.5

_MACHINE_MIPS = (2500.0, 2000.0, 1000.0, 500.0)
_MACHINE_MEMORY_MB = (870.0, 1740.0, 1740.0, 613.0)

HOSTS = 800

#: CloudSim's running machines ask for no memory (``UtilizationModelNull``),
#: and promise no CPU.
CPU_ONLY = Rules(
    is_memory_enforced=False, is_request_enforced=False, promises_speed=True
)
MEMORY_ENFORCED = dataclasses.replace(CPU_ONLY, is_memory_enforced=True)


def fleet(hosts: int = HOSTS) -> Fleet:
    """The hosts of the examples."""
    kind = np.arange(hosts) % len(_HOST_TYPES)
    core = np.array(_CORE_MIPS)[kind]
    return Fleet(
        names=tuple(f'{_HOST_TYPES[k]}-{i:03}' for i, k in enumerate(kind)),
        capacity_cpu=core * _CORES,
        core_cpu=core,
        memory_mib=np.full(hosts, _HOST_MEMORY_MB),
        curves_w=np.array(_CURVES_W, dtype=float)[kind],
        sleep_w=np.zeros(hosts),
        bandwidth_mib_s=np.full(hosts, _MIGRATION_MB_S),
    )


def trace(samples: Samples, interval_s: float = 300.0) -> Trace:
    """The machines of the examples, in the order of the file."""
    m = len(samples.names)
    kind = np.arange(m) // max(-(-m // len(_MACHINE_MIPS)), 1)
    mips = np.array(_MACHINE_MIPS)[kind]
    return Trace(
        names=samples.names,
        vcpus=np.ones(m),
        request_cpu=mips,
        memory_mib=np.array(_MACHINE_MEMORY_MB)[kind],
        arrival=samples.arrival,
        departure=samples.departure,
        demand_cpu=samples.busy * mips[:, np.newaxis],
        interval_s=interval_s,
    )


def scenario(
    samples: Samples,
    interval_s: float = 300.0,
    *,
    is_memory_enforced: bool = False,
    ends_idle: bool = False,
) -> Scenario:
    """The examples' data centre on a trace.

    :param ends_idle: play the trace as CloudSim does, see
        :func:`without_idle`.
    """
    full = trace(samples, interval_s)
    return Scenario(
        trace=without_idle(full) if ends_idle else full,
        fleet=fleet(),
        rules=MEMORY_ENFORCED if is_memory_enforced else CPU_ONLY,
        # CloudSim's first interval costs nothing: no host has been metered.
        metered_from=1,
    )


def without_idle(source: Trace) -> Trace:
    """The trace as CloudSim 3.0.3 plays it.

    Its ``HostDynamicWorkload.getCompletedVms`` takes a machine that asks for
    no CPU at an update for completed and removes it for good. Updates fall
    just after a sample from the second sample on, so that two zeros in a row
    end a machine.
    """
    idle = source.demand_cpu == 0
    ends = idle[:, 1:-1] & idle[:, 2:]
    first = np.where(
        ends.any(axis=1), ends.argmax(axis=1) + 1, source.departure
    )
    return dataclasses.replace(
        source, departure=np.minimum(source.departure, first)
    )
