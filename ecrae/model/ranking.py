# SPDX-License-Identifier: Apache-2.0

"""Which host does a piece of work for the least energy, now.

The one energy function of ECRAE. For node *n* with power curve ``P_n``,
``cores_n`` cores and utilization ``u``, and for a component that asks *v*
vCPUs, keeps a fraction *a* of them busy and runs on *n* at relative speed
*s* (1.0 is the speed of the reference node that *a* was measured on)::

    Δu         = v · a / (cores_n · s)
    ΔP         = P_n(u + Δu) − P_n(u)      and, when n must first wake up,
                 + P_n(0) − P_sleep,n
    efficiency = d · v · a / ΔP            busy reference cores per watt

``d`` is the part of the work that the node can still deliver,
``min(1, (1 − u) / Δu)``: it is 1 on any host with CPU to spare, which is
where the formula is the plain marginal efficiency.

Marginal watts are short-sighted: the next component on a host that is on
costs little, however many watts keep that host on. So hosts are ranked by
what a component is *charged* with, which has its part of the idle watts::

    I       = P_n(0) − P_sleep,n
    standing = I · σ · min(1, Δu)       and, when n must first wake up,
               + κ · (I − that)
    charged = P_n(u + Δu) − P_n(u) + standing          (from P_n(0) asleep)
    merit   = d · v · a / (w_n · charged)              higher is better

``σ``, ``κ`` and the weight ``w_n`` of a watt in the node's zone are those of
:mod:`ecrae.model.tariff`. With ``σ = 0`` and ``κ = 1`` all that is charged
is ΔP, and with ``w = 1`` the merit is the efficiency.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ecrae.model import power
from ecrae.model import tariff as tariffs
from ecrae.model.cluster import Host
from ecrae.model.power import FloatArray
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff


#: A marginal cost below this is taken for this, so that a flat stretch of a
#: curve ranks as very efficient and never divides by nought.
MIN_MARGINAL_W = 1e-3

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
        )
        measured_w = [host.power_w for host in hosts]
        return calibrate(arrays, np.array(measured_w, dtype=float))


def calibrate(hosts: HostArrays, measured_w: FloatArray) -> HostArrays:
    """Scale each host's curve to what the host really draws now.

    :param measured_w: watts, NaN where nothing is measured, shape (n,).
    """
    factor = calibration(hosts.curves_w, hosts.utilization, measured_w)
    factor[hosts.is_asleep] = 1.0
    return dataclasses.replace(
        hosts, curves_w=hosts.curves_w * factor[:, np.newaxis]
    )


def calibration(
    curves_w: FloatArray, utilization: FloatArray, measured_w: FloatArray
) -> FloatArray:
    """What a host draws against what its curve says, shape (n,).

    A host that draws twice what its curve says at its present load is taken
    to draw twice as much for the next component too: ageing fans, a failed
    power supply, a neighbour that the CPU does not show.

    :param curves_w: shape (n, 11).
    :param utilization: when the watts were measured, shape (n,).
    :param measured_w: watts, NaN where nothing is measured, shape (n,).
    """
    factor = measured_w / np.maximum(power.watts(curves_w, utilization), 1.0)
    return np.where(
        np.isnan(factor),
        1.0,
        np.clip(factor, 1.0 / MAX_CALIBRATION, MAX_CALIBRATION),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Marginal:
    """What placing one component on each host would add, shapes (n,)."""

    #: Growth of the host's utilization.
    utilization: FloatArray
    #: Growth of the host's draw in watts, wake-up included.
    power_w: FloatArray
    #: Busy reference cores delivered for each added watt; higher is better.
    efficiency: FloatArray
    #: Watts that count against the host, its part of the idle ones included.
    charged_w: FloatArray
    #: What ranks hosts: work for each weighted watt charged.
    merit: FloatArray


def marginal(
    hosts: HostArrays,
    vcpus: float,
    busy_fraction: float | FloatArray,
    relative_speed: float | FloatArray,
) -> Marginal:
    """Cost of placing one component, on every host at once.

    :param vcpus: vCPUs the component asks for.
    :param busy_fraction: expected busy part of a vCPU on the reference node;
        a scalar, or shape (n,).
    :param relative_speed: speed of a core against the reference node's; a
        scalar, or shape (n,).
    """
    work = np.broadcast_to(
        np.asarray(vcpus * busy_fraction, dtype=np.float64),
        hosts.utilization.shape,
    )
    delta = work / (hosts.cores * relative_speed)
    now = np.where(hosts.is_asleep, 0.0, hosts.utilization)
    before_w = np.where(
        hosts.is_asleep, hosts.sleep_w, power.watts(hosts.curves_w, now)
    )
    added_w = power.watts(hosts.curves_w, now + delta) - before_w
    charged_w = _charged_w(hosts, delta, added_w)
    with np.errstate(divide='ignore', invalid='ignore'):
        delivered = np.where(
            delta > 0, np.clip((1.0 - now) / delta, 0.0, 1.0), 1.0
        )
    return Marginal(
        utilization=delta,
        power_w=added_w,
        efficiency=delivered * work / np.maximum(added_w, MIN_MARGINAL_W),
        charged_w=charged_w,
        merit=delivered
        * work
        / (hosts.watt_weight * np.maximum(charged_w, MIN_MARGINAL_W)),
    )


def _charged_w(
    hosts: HostArrays, delta: FloatArray, added_w: FloatArray
) -> FloatArray:
    """Watts that a component answers for, shape (n,).

    :param delta: growth of each host's utilization.
    :param added_w: growth of its draw, all of the wake-up included.
    """
    idle_w = hosts.curves_w[:, 0] - hosts.sleep_w
    shared_w = idle_w * hosts.tariff.standing_share * np.minimum(delta, 1.0)
    waking_w = shared_w + hosts.tariff.wake_share * (idle_w - shared_w)
    return added_w + np.where(hosts.is_asleep, waking_w - idle_w, shared_w)
