# SPDX-License-Identifier: Apache-2.0

"""Who gets how much of a host's CPU, as CloudSim 3.0 shares it out.

A machine gets what it asks, at most its vCPUs' worth of the host's cores.
A host that is asked for more than it has scales everybody down alike. While
a machine migrates it runs at its source with 90 % of its share, and its
destination already spends 10 % of its demand on it. (Beloglazov and Buyya,
*Optimal online deterministic algorithms and adaptive heuristics for energy
and performance efficient dynamic consolidation of virtual machines in Cloud
data centers*, Concurrency and Computation 24(13), 2012.)
"""

import dataclasses

import numpy as np

from ecrae.model.power import FloatArray
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.trace import BoolArray
from ecrae.simulator.trace import IntArray


#: Part of the CPU that a migrating machine loses.
MIGRATION_LOSS = 0.1

#: Shortages below this part of a host's demand are rounding.
_ROUNDING = 1e-9

_TINY = 1e-300


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """What n hosts and m machines ask and get at one moment."""

    #: CPU in use on each host, shape (n,).
    used_cpu: FloatArray
    #: Hosts with a machine on them or on its way to them, shape (n,).
    is_on: BoolArray
    #: Hosts that serve less than they are asked for, shape (n,).
    is_short: BoolArray
    #: CPU that each machine gets, shape (m,).
    served_cpu: FloatArray


def serve(
    fleet: Fleet,
    vcpus: FloatArray,
    demand_cpu: FloatArray,
    host_of: IntArray,
    movers: IntArray,
    destinations: IntArray,
) -> Service:
    """Share the CPU of every host among the machines on it.

    :param host_of: index of each machine's host, −1 if absent, shape (m,).
    :param movers: machines that migrate, shape (f,).
    :param destinations: the hosts that they migrate to, shape (f,).
    """
    n = len(fleet)
    runs = np.flatnonzero(host_of >= 0)
    at = host_of[runs]

    def total(weights: FloatArray, arriving: FloatArray) -> FloatArray:
        placed = np.bincount(at, weights[runs], minlength=n)
        coming = np.bincount(destinations, arriving, minlength=n)
        return (placed + coming).astype(np.float64, copy=False)

    most = np.minimum(demand_cpu, vcpus * fleet.core_cpu[host_of])
    arriving = np.minimum(
        demand_cpu[movers], vcpus[movers] * fleet.core_cpu[destinations]
    )
    wanted = total(most, MIGRATION_LOSS * arriving)
    asked = total(demand_cpu, demand_cpu[movers])
    scale = np.minimum(1.0, fleet.capacity_cpu / np.maximum(wanted, _TINY))
    used = wanted * scale
    served = np.zeros_like(demand_cpu)
    served[runs] = most[runs] * scale[at]
    served[np.unique(movers)] *= 1.0 - MIGRATION_LOSS
    return Service(
        used_cpu=used,
        is_on=total(np.ones_like(demand_cpu), np.ones(len(movers))) > 0,
        is_short=used < asked * (1.0 - _ROUNDING),
        served_cpu=served,
    )
