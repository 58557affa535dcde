# SPDX-License-Identifier: Apache-2.0

"""One measured fact in ECRAE's own units, whoever measured it."""

import dataclasses
import enum
from collections.abc import Iterable


class Subject(enum.StrEnum):
    """What a reading is of."""

    HOST = 'host'
    INSTANCE = 'instance'


class Metric(enum.StrEnum):
    """What is read; the name carries the unit."""

    #: Busy part of all of a host's CPU, in [0, 1].
    UTILIZATION = 'utilization'
    #: Busy part of all of a host's accelerators, in [0, 1].
    ACCELERATOR_UTILIZATION = 'accelerator_utilization'
    #: Cores an instance keeps busy.
    CPU_CORES_USED = 'cpu_cores_used'
    MEMORY_USED_MIB = 'memory_used_mib'
    POWER_W = 'power_w'
    #: Requests an instance serves in a second, whatever a request is there.
    REQUESTS_PER_S = 'requests_per_s'


#: What is read of each subject.
METRICS: dict[Subject, tuple[Metric, ...]] = {
    Subject.HOST: (
        Metric.UTILIZATION,
        Metric.MEMORY_USED_MIB,
        Metric.POWER_W,
        Metric.ACCELERATOR_UTILIZATION,
    ),
    Subject.INSTANCE: (
        Metric.CPU_CORES_USED,
        Metric.MEMORY_USED_MIB,
        Metric.POWER_W,
        Metric.REQUESTS_PER_S,
    ),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value of one metric of one host or instance."""

    subject: Subject
    #: Hostname as Nova knows it, or the instance's UUID.
    name: str
    metric: Metric
    value: float
    #: When it was measured, seconds since the epoch.
    measured_at: float
    #: Telemetry source that delivered it.
    source: str
    #: The source's own identifier of what it measured. Two origins under
    #: one name are two hosts that share it, as cells allow.
    origin: str = ''


def fresh(
    readings: Iterable[Reading], now: float, max_age_s: float
) -> list[Reading]:
    """Those that are young enough to count.

    :param now: seconds since the epoch.
    """
    oldest = now - max_age_s
    return [each for each in readings if each.measured_at >= oldest]


def values(
    readings: Iterable[Reading], subject: Subject
) -> dict[tuple[str, Metric], float]:
    """What is read of one kind of subject, by its name and the metric."""
    return {
        (each.name, each.metric): each.value
        for each in readings
        if each.subject is subject
    }
