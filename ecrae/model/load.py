# SPDX-License-Identifier: Apache-2.0

"""Load of a host: measured, or estimated from what is allocated on it."""

import dataclasses
from collections.abc import Iterable

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


def with_readings(
    hosts: Iterable[Host],
    readings: Iterable[Reading],
    now: float,
    max_age_s: float,
) -> list[Host]:
    """Hosts with what is measured in the place of what is estimated.

    :param now: seconds since the epoch.
    :param max_age_s: a reading older than this leaves the estimate alone.
    """
    measured = reading.values(
        reading.fresh(readings, now, max_age_s), Subject.HOST
    )
    return [
        dataclasses.replace(
            host,
            utilization=min(
                1.0,
                measured.get(
                    (host.name, Metric.UTILIZATION), host.utilization
                ),
            ),
            power_w=measured.get((host.name, Metric.POWER_W), host.power_w),
            accelerator_utilization=min(
                1.0,
                measured.get(
                    (host.name, Metric.ACCELERATOR_UTILIZATION),
                    host.accelerator_utilization,
                ),
            ),
        )
        for host in hosts
    ]


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
