# SPDX-License-Identifier: Apache-2.0

"""How fast node types are at a tag's work, out of the requests served.

A server that serves *q* requests a second with *b* busy cores does ``q / b``
of work with a core. Over that of servers of the same tag on the tag's
reference node type, whose speed is 1, it is the node type's relative speed::

    s(n) = (Σ q_i / Σ b_i on n) / (Σ q_i / Σ b_i on the reference)

What a request costs is taken to be alike on both: that is true of servers
behind one balancer, and on average of many servers of one kind.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping

from ecrae.model import learning
from ecrae.model.knowledge import Tag
from ecrae.model.learning import Usage


#: A server that keeps less than this busy says nothing of speed: what it
#: does is housekeeping.
MIN_CORES = 0.02


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpeedLesson:
    """What servers on one node type teach of its speed."""

    node_type: str
    servers: int
    samples: int
    #: Relative to the tag's reference node type.
    measured: float

    @property
    def is_enough(self) -> bool:
        """Whether there are samples enough to learn from."""
        return self.samples >= learning.MIN_SAMPLES


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    servers: int
    samples: int
    requests: float
    cores: float


def lessons(tag: Tag, usages: Iterable[Usage]) -> list[SpeedLesson]:
    """What servers with a tag teach, by node type, the reference left out.

    Nothing, where none on a reference node type counted requests enough.
    """
    work = _work(tag, usages)
    references = [
        target.node_type.name
        for target in sorted(tag.targets, key=lambda t: t.order())
        if target.relative_speed == 1.0
    ]
    reference = next(
        (
            work[name]
            for name in references
            if name in work and work[name].samples >= learning.MIN_SAMPLES
        ),
        None,
    )
    if reference is None:
        return []
    rate = reference.requests / reference.cores
    return [
        SpeedLesson(
            node_type=name,
            servers=done.servers,
            samples=done.samples,
            measured=done.requests / done.cores / rate,
        )
        for name, done in sorted(work.items())
        if name not in references
    ]


def learned(tag: Tag, taught: Iterable[SpeedLesson]) -> Tag:
    """The tag with one step made towards each lesson that has samples."""
    measured = {
        lesson.node_type: lesson.measured
        for lesson in taught
        if lesson.is_enough
    }
    targets = [
        dataclasses.replace(
            target,
            relative_speed=learning.near(
                target.relative_speed, measured[target.node_type.name]
            ),
        )
        if target.node_type.name in measured
        else target
        for target in tag.targets
    ]
    return dataclasses.replace(tag, targets=tuple(targets))


def _work(tag: Tag, usages: Iterable[Usage]) -> Mapping[str, _Work]:
    """Requests and busy cores by node type, each weighted by its samples."""
    named = {target.node_type.name for target in tag.targets}
    found: dict[str, _Work] = {}
    for usage in usages:
        served = usage.requests_per_s
        if (
            usage.node_type not in named
            or not served
            or usage.cores_used < MIN_CORES
        ):
            continue
        before = found.get(usage.node_type, _Work(0, 0, 0.0, 0.0))
        found[usage.node_type] = _Work(
            before.servers + 1,
            before.samples + usage.samples,
            before.requests + served * usage.samples,
            before.cores + usage.cores_used * usage.samples,
        )
    return found
