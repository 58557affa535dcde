# SPDX-License-Identifier: Apache-2.0

"""Which hosts that sleep are woken: those that do it for least watts. Pure.

A set of hosts that together offer what is wanting is built as the greedy
algorithm for covering problems does (Wolsey 1982), always taking the host
that gives most of what is still wanting for a watt, and dropping what later
ones made needless. The cheapest single host that is enough is taken if it
draws less than that set.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ecrae.model.power import FloatArray
from ecrae.model.power import PowerCurve


#: Rounding that a sum of rooms may suffer.
_TOLERANCE = 1e-9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What is wanting; shape (r,)."""

    room: FloatArray
    #: Cores that will be busy once the room is taken.
    load: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sleeper:
    """A host that can be woken; it offers room of shape (r,)."""

    name: str
    offer: FloatArray
    cores: float
    curve: PowerCurve

    def watts(self, need: Need) -> float:
        """What it draws more, awake with its part of the load, than asleep.

        Its part is that of the room that is most wanting from it.
        """
        wanted = need.room > _TOLERANCE
        part = np.minimum(self.offer[wanted] / need.room[wanted], 1.0)
        load = need.load * float(part.max(initial=0.0))
        utilization = min(load / self.cores, 1.0) if self.cores else 1.0
        return self.curve.at(utilization) - self.curve.sleep_w


def choose(sleepers: Sequence[Sleeper], need: Need) -> frozenset[str]:
    """Names of the hosts to wake; all that help where none are enough."""
    left = sorted(sleepers, key=lambda each: each.name)
    chosen: list[Sleeper] = []
    wanting = need.room
    while left and (wanting > _TOLERANCE).any():
        best = min(left, key=lambda each: _price(each, wanting, need))
        if not np.isfinite(_price(best, wanting, need)):
            break
        chosen.append(best)
        left.remove(best)
        wanting = np.maximum(wanting - best.offer, 0.0)
    if (wanting > _TOLERANCE).any():
        return frozenset(each.name for each in chosen)
    sets = [_without_needless(chosen, need)]
    sets += [[each] for each in sleepers if is_enough([each], need)]
    best_set = min(
        sets,
        key=lambda each: (
            sum(sleeper.watts(need) for sleeper in each),
            sorted(sleeper.name for sleeper in each),
        ),
    )
    return frozenset(each.name for each in best_set)


def _price(sleeper: Sleeper, wanting: FloatArray, need: Need) -> float:
    """Watts for the part of what is wanting that a host gives."""
    wanted = need.room > _TOLERANCE
    given = np.minimum(sleeper.offer, wanting)[wanted] / need.room[wanted]
    covered = float(given.sum())
    if covered <= _TOLERANCE:
        return float('inf')
    return sleeper.watts(need) / covered


def _without_needless(chosen: Sequence[Sleeper], need: Need) -> list[Sleeper]:
    """Without those that the others make needless, the dearest first."""
    needed = list(chosen)
    for each in sorted(
        chosen, key=lambda each: (-each.watts(need), each.name)
    ):
        rest = [other for other in needed if other is not each]
        if is_enough(rest, need):
            needed = rest
    return needed


def is_enough(sleepers: Sequence[Sleeper], need: Need) -> bool:
    """Whether hosts together offer all that is wanting."""
    offered = np.sum(
        [np.zeros_like(need.room), *(each.offer for each in sleepers)], axis=0
    )
    return bool((offered + _TOLERANCE >= need.room).all())
