# SPDX-License-Identifier: Apache-2.0

"""What the busy cores of a tag draw, out of the watts of whole hosts.

A power curve is that of one benchmark. Vector units draw more than it does
with the same cores busy, waiting for memory less. Where the servers of
several tags, or of none, share hosts whose watts are measured, that shows:
with *D* the watts above idle that the curve of host *n* has for its load, and
*q_t* the part of that load that servers of tag *t* make at a moment, ::

    W_n − P_n(u_n) = o_n + e_k · D + Σ_t (r_t − 1) · q_t · D

``o_n`` is a host's own offset (fans, disks) and ``e_k`` what is wrong with the
curve of node type *k*; what is left goes with the load of a tag and is its
``relative_draw`` *r_t*. All are found at once by ridge regression towards the
present *r_t*, where load that never changes its mixture teaches nothing. So
neither a hot host nor a bad curve is laid at the door of those who run there;
:mod:`ecrae.model.fit` and the calibration of hosts see to these.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ecrae.model import learning
from ecrae.model.knowledge import Tag
from ecrae.model.power import FloatArray


#: Bounds of a relative draw.
LEAST = 0.5
MOST = 2.0

#: Watts by which a tag's part must go up and down, over ``MIN_SAMPLES``
#: moments, for it to count as much as what was believed before.
SWING_W = 2.0

#: A curve's error costs so much less to believe in than a tag's.
CURVE_PENALTY = 0.01

#: Moments further from the rest than so many deviations do not count.
OUTLIER = 4.0

#: Median absolute deviations in a standard deviation.
_DEVIATION = 1.4826


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """One host at n moments; arrays of shape (n,)."""

    node_type: str
    #: As measured.
    power_w: FloatArray
    #: What the host's curve has for its load, and of that above idle.
    expected_w: FloatArray
    dynamic_w: FloatArray
    #: Part of the load that servers of each tag make, in [0, 1].
    shares: Mapping[str, FloatArray]
    #: Number of servers of each tag.
    servers: Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DrawLesson:
    """What the watts of hosts teach of one tag."""

    servers: int
    #: Moments at which its servers made a part of a host's load.
    samples: int
    #: Draw of its busy cores relative to the curves'.
    measured: float

    @property
    def is_enough(self) -> bool:
        """Whether there are samples enough to learn from."""
        return self.samples >= learning.MIN_SAMPLES


def present(tag: Tag) -> float:
    """What is believed of a tag: its most preferred target's."""
    return min(tag.targets, key=lambda each: each.order()).relative_draw


def lessons(
    tags: Mapping[str, Tag], hosts: Iterable[Moments]
) -> dict[str, DrawLesson]:
    """What hosts teach of each tag that has servers on them."""
    held = [host for host in hosts if len(host.power_w)]
    names = sorted({name for host in held for name in host.shares})
    if not names:
        return {}
    before = np.array([present(tags[name]) for name in names])
    types = sorted({host.node_type for host in held})
    columns = [_columns(host, names, types) for host in held]
    rests = [
        host.power_w - host.expected_w - parts[:, : len(names)] @ (before - 1)
        for host, parts in zip(held, columns, strict=True)
    ]
    penalty = np.full(len(names) + len(types), CURVE_PENALTY)
    penalty[: len(names)] = 1.0
    penalty *= learning.MIN_SAMPLES * SWING_W**2
    everything = [np.ones(len(rest), dtype=bool) for rest in rests]
    change = _ridge(columns, rests, everything, penalty)
    kept = _near(columns, rests, change)
    change = _ridge(columns, rests, kept, penalty)
    return {
        name: DrawLesson(
            servers=sum(host.servers.get(name, 0) for host in held),
            samples=sum(
                int((parts[keep, i] > 0).sum())
                for parts, keep in zip(columns, kept, strict=True)
            ),
            measured=float(before[i] + change[i]),
        )
        for i, name in enumerate(names)
    }


def learned(tag: Tag, taught: DrawLesson | None) -> Tag:
    """The tag with one step made towards what its hosts teach."""
    if taught is None or not taught.is_enough:
        return tag
    before = present(tag)
    after = learning.near(before, taught.measured)
    # Of what differs less, an unending number of changes would be kept.
    after = round(max(LEAST, min(MOST, after)), 3)
    targets = [
        dataclasses.replace(target, relative_draw=after)
        for target in tag.targets
    ]
    return dataclasses.replace(tag, targets=tuple(targets))


_Kept = npt.NDArray[np.bool_]


def _columns(
    host: Moments, names: Sequence[str], types: Sequence[str]
) -> FloatArray:
    """Watts that a change of each unknown by one adds, (n, unknowns)."""
    nothing = np.zeros(len(host.power_w))
    parts = [host.dynamic_w * host.shares.get(name, nothing) for name in names]
    parts += [
        host.dynamic_w if kind == host.node_type else nothing for kind in types
    ]
    return np.stack(parts, axis=1)


def _ridge(
    columns: Sequence[FloatArray],
    rests: Sequence[FloatArray],
    kept: Sequence[_Kept],
    penalty: FloatArray,
) -> FloatArray:
    """Unknowns that explain the rests best, less each host's mean."""
    square = np.diag(penalty)
    image = np.zeros(len(penalty))
    for parts, rest, keep in zip(columns, rests, kept, strict=True):
        if keep.any():
            centred = parts[keep] - parts[keep].mean(axis=0)
            square += centred.T @ centred
            image += centred.T @ (rest[keep] - rest[keep].mean())
    return np.asarray(np.linalg.solve(square, image), dtype=np.float64)


def _near(
    columns: Sequence[FloatArray],
    rests: Sequence[FloatArray],
    change: FloatArray,
) -> list[_Kept]:
    """Moments of each host that are no outliers."""
    errors = [
        rest - parts @ change
        for parts, rest in zip(columns, rests, strict=True)
    ]
    errors = [np.abs(error - np.median(error)) for error in errors]
    deviation = _DEVIATION * float(np.median(np.concatenate(errors)))
    # Rounding of readings is no deviation.
    return [error <= OUTLIER * max(deviation, 1.0) for error in errors]
