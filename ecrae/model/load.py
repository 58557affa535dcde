# SPDX-License-Identifier: Apache-2.0

"""Load of a host: measured, or estimated from what is allocated on it."""

import dataclasses
import math
from collections.abc import Iterable
from collections.abc import Mapping

import numpy as np

from ecrae.model import reading
from ecrae.model.cluster import Host
from ecrae.model.power import FloatArray
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


#: Busy part of an allocated vCPU where nothing better is known. Cloud
#: servers idle most of the time: the mean over the PlanetLab traces of
#: 2011-03 is 0.11 to 0.13, and published Azure and Alibaba means lie below
#: 0.4. A value above the means errs towards leaving headroom.
DEFAULT_BUSY_FRACTION = 0.3


def allocated_utilization(
    vcpus_used: FloatArray, cores: FloatArray
) -> FloatArray:
    """Estimated utilization in [0, 1] of hosts, shapes (n,)."""
    return np.clip(vcpus_used * DEFAULT_BUSY_FRACTION / cores, 0.0, 1.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """vCPUs that a host gave out, or got back, at some moment."""

    host: str
    #: Negative where it got them back.
    vcpus: float
    #: Seconds since the epoch.
    at: float
    #: Identifier of the decision behind it; empty where none is known.
    decision: str = ''


def with_added(
    measured: FloatArray, vcpus_added: FloatArray, cores: FloatArray
) -> FloatArray:
    """Measured utilization, brought up to now, in [0, 1]; shapes (n,).

    A measurement is minutes old when the next component is placed. What was
    given out since is added with the estimate that serves where nothing is
    measured; without that, all components of a busy minute would go to the
    one host that was idle at its beginning.

    :param vcpus_added: given out since it was measured, less what came back.
    """
    added = vcpus_added * DEFAULT_BUSY_FRACTION / cores
    return np.clip(measured + added, 0.0, 1.0)


def with_readings(
    hosts: Iterable[Host],
    readings: Iterable[Reading],
    now: float,
    max_age_s: float,
    allocations: Iterable[Allocation] = (),
) -> list[Host]:
    """Hosts with what is measured in the place of what is estimated.

    :param now: seconds since the epoch.
    :param max_age_s: a reading older than this leaves the estimate alone.
    :param allocations: those later than a host's readings are added to them.
    """
    of_host: dict[str, dict[Metric, Reading]] = {}
    for each in reading.fresh(readings, now, max_age_s):
        if each.subject is Subject.HOST:
            of_host.setdefault(each.name, {})[each.metric] = each
    given = list(allocations)
    return [
        _measured(host, of_host[host.name], given)
        if host.name in of_host
        else host
        for host in hosts
    ]


def _measured(
    host: Host,
    readings: Mapping[Metric, Reading],
    allocations: Iterable[Allocation],
) -> Host:
    load = readings.get(Metric.UTILIZATION)
    power = readings.get(Metric.POWER_W)
    boards = readings.get(Metric.ACCELERATOR_UTILIZATION)
    times = [each.measured_at for each in (load, power) if each is not None]
    since = max(times, default=math.inf)
    vcpus = sum(
        each.vcpus
        for each in allocations
        if each.host == host.name and each.at > since
    )
    if load is None:
        after = host.utilization
        before = _added(after, -vcpus, host)
    else:
        before = min(1.0, load.value)
        after = _added(before, vcpus, host)
    return dataclasses.replace(
        host,
        utilization=after,
        utilization_added=after - before,
        power_w=host.power_w if power is None else power.value,
        accelerator_utilization=host.accelerator_utilization
        if boards is None
        else min(1.0, boards.value),
    )


def _added(utilization: float, vcpus: float, host: Host) -> float:
    return float(
        with_added(
            np.array(utilization),
            np.array(vcpus),
            np.array(float(host.node_type.cores)),
        )
    )


def cores_used(
    readings: Iterable[Reading], now: float, max_age_s: float
) -> dict[str, float]:
    """Cores that instances keep busy as measured, by instance.

    :param now: seconds since the epoch.
    :param max_age_s: a reading older than this does not count.
    """
    measured = reading.values(
        reading.fresh(readings, now, max_age_s), Subject.INSTANCE
    )
    return {
        name: value
        for (name, metric), value in measured.items()
        if metric is Metric.CPU_CORES_USED
    }
