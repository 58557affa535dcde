# SPDX-License-Identifier: Apache-2.0

"""Which host does a piece of work for the least energy, now.

The one energy function of ECRAE. For node *n* with power curve ``P_n``,
``cores_n`` cores and utilization ``u``, and for a component that asks *v*
vCPUs, keeps a fraction *a* of them busy and runs on *n* at relative speed
*s* (1.0 is the speed of the reference node that *a* was measured on)::

    Δu         = v · a / (cores_n · s)
    ΔP         = P_n(u + r·Δu) − P_n(u)    and, when n must first wake up,
                 + P_n(0) − P_sleep,n
    efficiency = d · v · a / ΔP            busy reference cores per watt

A busy core of the component draws as *r* of those behind the curve do
(``relative_draw``, 1.0 until :mod:`ecrae.model.draw` learns better).

``d`` is the part of the work that the node can still deliver,
``min(1, (1 − u) / Δu)``: it is 1 on any host with CPU to spare, which is
where the formula is the plain marginal efficiency.

A component that keeps *b* accelerators busy, of *m* on the node with busy
part *g* and curves of their own (:mod:`ecrae.model.accelerators`), adds
their watts to ΔP, ``m · (B(g + b/m) − B(g))``, and the node delivers no more
than they do: ``d`` is the least of the two.

Marginal watts are short-sighted: the next component on a host that is on
costs little, however many watts keep that host on. So hosts are ranked by
what a component is *charged* with, which has its part of the idle watts::

    I       = P_n(0) − P_sleep,n
    standing = I · σ · min(1, Δu)       and, when n must first wake up,
               + κ · (I − that)
    charged = P_n(u + r·Δu) − P_n(u) + standing        (from P_n(0) asleep)
    merit   = d · v · a / (w_n · charged)              higher is better

Of the idle watts those of the accelerators that it uses go by ``b/m`` in the
place of ``Δu``.

``σ``, ``κ`` and the weight ``w_n`` of a watt in the node's zone are those of
:mod:`ecrae.model.tariff`. With ``σ = 0`` and ``κ = 1`` all that is charged
is ΔP, and with ``w = 1`` the merit is the efficiency.
"""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ecrae.model import accelerators
from ecrae.model import power
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import NodeType
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import FloatArray


#: A marginal cost below this is taken for this, so that a flat stretch of a
#: curve ranks as very efficient and never divides by nought.
MIN_MARGINAL_W = 1e-3


@dataclasses.dataclass(frozen=True, slots=True)
class Boards:
    """Accelerators of one kind on n hosts, and how far a component loads them.

    ``growth`` is that of their busy part and nought on a host where the
    component uses none. One row may stand for all hosts.
    """

    #: Watts of a host's boards above idle at 0, 10 … 100 %, shape (n, 11).
    busy_w: FloatArray
    #: Watts of them idle, above those asleep, shape (n,).
    idle_w: FloatArray
    growth: FloatArray

    def at(self, rows: npt.NDArray[np.intp]) -> 'Boards':
        """These rows of it, in this order."""
        return Boards(self.busy_w[rows], self.idle_w[rows], self.growth[rows])


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
    #: Part of ``power_w`` that accelerators draw.
    accelerator_w: FloatArray


def marginal(
    hosts: HostArrays,
    vcpus: float,
    busy_fraction: float | FloatArray,
    relative_speed: float | FloatArray,
    boards: Boards | None = None,
    relative_draw: float | FloatArray = 1.0,
) -> Marginal:
    """Cost of placing one component, on every host at once.

    :param vcpus: vCPUs the component asks for.
    :param busy_fraction: expected busy part of a vCPU on the reference node;
        a scalar, or shape (n,).
    :param relative_speed: speed of a core against the reference node's; a
        scalar, or shape (n,).
    :param boards: accelerators that it uses.
    :param relative_draw: what its busy cores draw against the hosts' curves;
        a scalar, or shape (n,).
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
    after_w = power.watts(hosts.curves_w, now + relative_draw * delta)
    added_w = after_w - before_w
    charged_w = _charged_w(hosts, delta, added_w)
    delivered = _delivered(now, delta)
    boards_w = np.zeros(len(delta))
    if boards is not None:
        before = np.where(hosts.is_asleep, 0.0, hosts.accelerator_utilization)
        boards_w = _boards_w(hosts, boards, before)
        added_w = added_w + boards_w
        charged_w = charged_w + boards_w + _boards_idle_w(hosts, boards, delta)
        delivered = np.minimum(delivered, _delivered(before, boards.growth))
    return Marginal(
        utilization=delta,
        power_w=added_w,
        accelerator_w=boards_w,
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


def _delivered(now: FloatArray, growth: FloatArray) -> FloatArray:
    """Part of the work that fits below full load, in [0, 1]."""
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.where(
            growth > 0, np.clip((1.0 - now) / growth, 0.0, 1.0), 1.0
        )


def _boards_w(
    hosts: HostArrays, boards: Boards, before: FloatArray
) -> FloatArray:
    """Watts that a component's accelerators add, shape (n,).

    :param before: busy part of each host's boards.
    """
    curves_w = np.broadcast_to(boards.busy_w, (len(before), power.POINTS))
    after_w = power.watts(curves_w, before + boards.growth)
    return hosts.calibration * (after_w - power.watts(curves_w, before))


def _boards_idle_w(
    hosts: HostArrays, boards: Boards, delta: FloatArray
) -> FloatArray:
    """What the boards' idle watts change in the charge, shape (n,).

    They go by the part of the boards that is used, not by that of the CPU.
    """
    part = np.minimum(boards.growth, 1.0) - np.minimum(delta, 1.0)
    shared_w = boards.idle_w * hosts.tariff.standing_share * part
    is_used = boards.growth > 0
    changed_w = np.where(is_used, hosts.calibration * shared_w, 0.0)
    waking = 1.0 - hosts.tariff.wake_share
    return np.where(hosts.is_asleep, waking * changed_w, changed_w)


def boards_on(
    node_types: Sequence[NodeType], targets: Mapping[str, TagTarget]
) -> Boards | None:
    """What a component loads of the boards of some node types.

    :param targets: of its tag, by node type; one that has none uses none.
    :returns: a row for each node type; None where no boards are used.
    """
    if not any(each.accelerators_busy for each in targets.values()):
        return None
    rows = [_row(each, targets.get(each.name)) for each in node_types]
    growth = np.array([growth for *_, growth in rows])
    if not growth.any():
        return None
    return Boards(
        busy_w=np.array([busy_w for busy_w, *_ in rows]),
        idle_w=np.array([idle_w for _, idle_w, _ in rows]),
        growth=growth,
    )


def _row(
    node_type: NodeType, target: TagTarget | None
) -> tuple[FloatArray, float, float]:
    used: tuple[Accelerator, ...] = ()
    if target is not None and target.accelerators_busy:
        used = accelerators.of_kind(node_type.accelerators, target.accelerator)
    if target is None or not used:
        return np.zeros(power.POINTS), 0.0, 0.0
    return (
        accelerators.busy_curve_w(used),
        accelerators.idle_w(used),
        target.accelerators_busy / accelerators.count(used),
    )


def marginal_of(hosts: HostArrays, target: TagTarget) -> Marginal:
    """Cost of a tag's target on hosts that are all of its node type."""
    node_type = target.node_type
    return marginal(
        hosts,
        target.flavor.vcpus,
        target.expected_utilization,
        target.relative_speed,
        boards_on([node_type], {node_type.name: target}),
        target.relative_draw,
    )
