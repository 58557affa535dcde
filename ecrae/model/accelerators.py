# SPDX-License-Identifier: Apache-2.0

"""Watts of accelerators: GPUs, FPGAs and the like, by curves of their own.

A board's curve says what it draws at 0, 10 … 100 % of its own load, whatever
the processors do. Boards of a node add up::

    P(u, g) = P(u) + Σ count · (B(g) − B(0))

where ``P(u)`` is the node with its boards idle, ``u`` the busy part of its
CPU, ``g`` that of its boards and ``B`` a board's curve. An accelerator
without a curve of its own counts nothing here: its watts are in the curve of
the node that has it.
"""

from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from ecrae.model import power
from ecrae.model.cluster import Accelerator
from ecrae.model.power import FloatArray
from ecrae.model.power import PowerCurve


def of_kind(
    accelerators: Iterable[Accelerator], kind: str
) -> tuple[Accelerator, ...]:
    """Those of one kind."""
    return tuple(each for each in accelerators if each.kind == kind)


def count(accelerators: Iterable[Accelerator]) -> int:
    """Number of boards."""
    return sum(each.count for each in accelerators)


def idle_w(accelerators: Iterable[Accelerator]) -> float:
    """Watts of all boards with nothing to do, above those asleep."""
    return sum(
        each.count * (each.curve.power_w[0] - each.curve.sleep_w)
        for each in accelerators
        if each.curve is not None
    )


def busy_curve_w(accelerators: Iterable[Accelerator]) -> FloatArray:
    """Watts of all boards above idle at 0, 10 … 100 % load, shape (11,)."""
    total = np.zeros(power.POINTS)
    for each in accelerators:
        if each.curve is not None:
            watts = np.asarray(each.curve.power_w)
            total += each.count * (watts - watts[0])
    return total


def busy_w(accelerators: Iterable[Accelerator], utilization: float) -> float:
    """Watts of all boards above idle.

    :param utilization: busy part of the boards, in [0, 1].
    """
    curve = busy_curve_w(accelerators)[np.newaxis]
    return float(power.watts(curve, np.asarray([utilization]))[0])


def draw_w(boards: Sequence[Accelerator], utilization: float) -> float:
    """Watts of all boards, idle ones included."""
    idle = sum(
        each.count * each.curve.power_w[0]
        for each in boards
        if each.curve is not None
    )
    return idle + busy_w(boards, utilization)


def whole(
    curve: PowerCurve, accelerators: Sequence[Accelerator]
) -> PowerCurve:
    """A node's curve with its boards in it, idle.

    :param curve: of the node without those boards that have their own.
    """
    idle = draw_w(accelerators, 0.0)
    asleep = sum(
        each.count * each.curve.sleep_w
        for each in accelerators
        if each.curve is not None
    )
    return raised(curve, idle, asleep) if idle else curve


def raised(
    curve: PowerCurve, power_w: float, sleep_w: float = 0.0
) -> PowerCurve:
    """A curve with watts added that its load does not change."""
    return PowerCurve(
        tuple(watts + power_w for watts in curve.power_w),
        curve.sleep_w + sleep_w,
    )
