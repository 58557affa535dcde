# SPDX-License-Identifier: Apache-2.0

"""Energy that no policy can undercut on a trace, not even a clairvoyant.

At every instant the CPU that is asked for, and the memory and the promised
CPU if they are enforced, are taken as divisible and migrations as free:
``z_tj`` hosts of type *t* at ``j · 10 %`` load serve them at least power::

    min   Σ_t N_t S_t + Σ_tj (P_tj − S_t) z_tj
    s.t.  Σ_tj u_j C_t z_tj ≥ demand
          Σ_tj M_tr z_tj    ≥ booked_r       memory, promises
          Σ_j z_tj          ≤ N_t

Real placements are combinations of such hosts up to straight lines between
the points of a curve, so the optimum is below them all. It bounds policies
that serve the whole demand: one that leaves a part unserved can be below by
that part.
"""

import numpy as np
from scipy import optimize

from ecrae import exception
from ecrae.model import power
from ecrae.model.power import FloatArray
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.policy import Rules
from ecrae.simulator.trace import Trace


_STEPS = np.linspace(0.0, 1.0, power.POINTS)


def energy_kwh(
    trace: Trace, fleet: Fleet, rules: Rules, *, metered_from: int = 0
) -> float:
    """Lower bound for the metered intervals of a trace."""
    floor_w = np.array(
        [
            _watts(trace, fleet, rules, instant)
            for instant in range(metered_from, trace.intervals + 1)
        ]
    )
    joules = (floor_w[1:] + floor_w[:-1]).sum() / 2 * trace.interval_s
    return float(joules) / 3.6e6


def _watts(trace: Trace, fleet: Fleet, rules: Rules, instant: int) -> float:
    present = trace.is_present(instant)
    demand = float(trace.demand_cpu[present, instant].sum())
    booked, room = [], []
    if rules.is_memory_enforced:
        booked.append(float(trace.memory_mib[present].sum()))
        room.append(fleet.memory_mib)
    if rules.is_request_enforced and not rules.promises_speed:
        booked.append(float(trace.vcpus[present].sum()))
        cores = fleet.capacity_cpu / fleet.core_cpu
        room.append(cores * rules.cpu_allocation_ratio)
    columns = np.column_stack(
        [fleet.curves_w, fleet.sleep_w, fleet.capacity_cpu, *room]
    )
    types, counts = np.unique(columns, axis=0, return_counts=True)
    return _least_watts(types, counts.astype(float), demand, booked)


def _least_watts(
    types: FloatArray,
    counts: FloatArray,
    demand: float,
    booked: list[float],
) -> float:
    """Least draw of hosts that serve a demand and hold what is booked.

    :param types: rows of a curve, sleep watts, CPU, and then room for each
        booked resource.
    """
    sleep_w, *sizes = types[:, power.POINTS :].T
    extra_w = (types[:, : power.POINTS] - sleep_w[:, np.newaxis]).ravel()
    serves = [(sizes[0][:, np.newaxis] * _STEPS).ravel()]
    holds = [np.repeat(size, power.POINTS) for size in sizes[1:]]
    is_of_type = np.repeat(np.eye(len(types)), power.POINTS, axis=1)
    needs = [
        min(need, float(size @ counts))
        for need, size in zip([demand, *booked], sizes, strict=True)
    ]
    found = optimize.linprog(
        extra_w,
        A_ub=np.vstack([-np.array(serves + holds), is_of_type]),
        b_ub=np.concatenate([-np.array(needs), counts]),
        method='highs',
    )
    if not found.success:
        raise exception.EcraeError(
            f'The lower bound could not be computed: {found.message}'
        )
    return float(found.fun + sleep_w @ counts)
