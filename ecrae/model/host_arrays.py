# SPDX-License-Identifier: Apache-2.0

"""Hosts as columns, with their curves in proportion to what they draw."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ecrae.model import accelerators
from ecrae.model import power
from ecrae.model import tariff as tariffs
from ecrae.model.cluster import Host
from ecrae.model.power import FloatArray
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff


#: A node that draws more, or less, than this multiple of what its curve says
#: is one of another type, or its meter is of another node.
MAX_CALIBRATION = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class HostArrays:
    """Columns over n hosts, in the order of ``names``.

    ``curves_w`` has shape (n, 11), all others (n,).
    """

    names: tuple[str, ...]
    curves_w: FloatArray
    sleep_w: FloatArray
    cores: FloatArray
    utilization: FloatArray
    is_asleep: npt.NDArray[np.bool_]
    #: What a watt counts on each host against the average.
    watt_weight: float | FloatArray = 1.0
    #: Which idle watts a component is charged with.
    tariff: Tariff = PLAIN
    #: Busy part of the accelerators, and what they draw above idle.
    accelerator_utilization: float | FloatArray = 0.0
    accelerator_w: float | FloatArray = 0.0
    #: What the host was found to draw against its curves; these and
    #: ``accelerator_w`` have it in them.
    calibration: float | FloatArray = 1.0

    @classmethod
    def of(cls, hosts: Sequence[Host], tariff: Tariff = PLAIN) -> 'HostArrays':
        """Columns of the given hosts, calibrated where watts are measured."""
        curves = [host.node_type.curve for host in hosts]
        arrays = cls(
            names=tuple(host.name for host in hosts),
            curves_w=np.array(
                [curve.power_w for curve in curves], dtype=np.float64
            ).reshape(-1, power.POINTS),
            sleep_w=np.array([curve.sleep_w for curve in curves], dtype=float),
            cores=np.array(
                [host.node_type.cores for host in hosts], dtype=float
            ),
            utilization=np.array(
                [host.utilization for host in hosts], dtype=float
            ),
            is_asleep=np.array([host.is_asleep for host in hosts], dtype=bool),
            watt_weight=tariffs.factors(tariff, [host.zone for host in hosts]),
            tariff=tariff,
            accelerator_utilization=np.array(
                [host.accelerator_utilization for host in hosts], dtype=float
            ),
            accelerator_w=np.array(
                [accelerator_w(host) for host in hosts], dtype=float
            ),
        )
        measured_w = [host.power_w for host in hosts]
        added = np.array([host.utilization_added for host in hosts], float)
        return calibrate(arrays, np.array(measured_w, dtype=float), added)


def calibrate(
    hosts: HostArrays, measured_w: FloatArray, added: FloatArray
) -> HostArrays:
    """Scale each host's curve to what the host really draws now.

    :param measured_w: watts, NaN where nothing is measured, shape (n,).
    :param added: growth of the load since then, shape (n,).
    """
    factor = calibration(
        hosts.curves_w,
        hosts.utilization - added,
        measured_w,
        hosts.accelerator_w,
    )
    factor[hosts.is_asleep] = 1.0
    return scaled(hosts, factor)


def scaled(hosts: HostArrays, factor: FloatArray) -> HostArrays:
    """Hosts that draw this multiple of what their curves say, shape (n,)."""
    return dataclasses.replace(
        hosts,
        curves_w=hosts.curves_w * factor[:, np.newaxis],
        accelerator_w=hosts.accelerator_w * factor,
        calibration=factor,
    )


def accelerator_w(host: Host) -> float:
    """Watts of a host's accelerators above idle; none asleep."""
    boards = host.node_type.accelerators
    if not boards or host.is_asleep:
        return 0.0
    return accelerators.busy_w(boards, host.accelerator_utilization)


def draw_w(hosts: HostArrays) -> FloatArray:
    """Watts that each host draws now, shape (n,)."""
    return np.where(
        hosts.is_asleep,
        hosts.sleep_w,
        power.watts(hosts.curves_w, hosts.utilization) + hosts.accelerator_w,
    )


def calibration(
    curves_w: FloatArray,
    utilization: FloatArray,
    measured_w: FloatArray,
    accelerator_w: float | FloatArray = 0.0,
) -> FloatArray:
    """What a host draws against what its curve says, shape (n,).

    A host that draws twice what its curve says at its present load is taken
    to draw twice as much for the next component too: ageing fans, a failed
    power supply, a neighbour that the CPU does not show.

    :param curves_w: shape (n, 11).
    :param utilization: when the watts were measured, shape (n,).
    :param measured_w: watts, NaN where nothing is measured, shape (n,).
    :param accelerator_w: of these, what accelerators draw above idle.
    """
    expected_w = power.watts(curves_w, utilization) + accelerator_w
    factor = measured_w / np.maximum(expected_w, 1.0)
    return np.where(
        np.isnan(factor),
        1.0,
        np.clip(factor, 1.0 / MAX_CALIBRATION, MAX_CALIBRATION),
    )
