# SPDX-License-Identifier: Apache-2.0

"""What components really used, as the next expectation of their tag.

A server that keeps *b* cores busy out of *v* vCPUs, on a node type whose
cores do *s* times the work of the tag's reference node type, would keep
``a = s · b / v`` of a vCPU busy there: the inverse of how
:mod:`ecrae.model.ranking` expects load. *s* itself cannot be told from busy
cores, as the work that was asked for is not known: it is taken as given here,
and :mod:`ecrae.model.speed` learns it where requests are counted.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagTarget


#: Fewer samples than this teach nothing: eight hours of five minutes each.
MIN_SAMPLES = 96

#: A step changes an expectation by no more than this factor.
MAX_FACTOR = 2.0

#: An expectation of nearly nothing would make any host look free.
LOWEST = 0.01
HIGHEST = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one server used."""

    #: Node type that it ran on.
    node_type: str
    flavor: str
    #: Mean of its samples.
    cores_used: float
    samples: int
    #: Mean of the requests that it served; None where none are counted.
    requests_per_s: float | None = None
    #: Mean part of the flavor's memory in use, and its samples.
    memory: float = 0.0
    memory_samples: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What the servers of one flavor teach of a tag."""

    flavor: str
    servers: int
    samples: int
    #: Mean busy part of a vCPU, on the reference node type; or mean part of
    #: the memory in use (:mod:`ecrae.model.footprint`).
    measured: float

    @property
    def is_enough(self) -> bool:
        """Whether there are samples enough to learn from."""
        return self.samples >= MIN_SAMPLES


def step(expected: float, measured: float) -> float:
    """The next expectation: measured, but not far from the present one.

    Between ``LOWEST`` and ``HIGHEST``, and within that at most a factor
    ``MAX_FACTOR`` away from ``expected``.
    """
    return max(LOWEST, min(HIGHEST, near(expected, measured)))


def near(present: float, measured: float) -> float:
    """Measured, but at most a factor ``MAX_FACTOR`` away from the present."""
    return max(present / MAX_FACTOR, min(present * MAX_FACTOR, measured))


def lessons(tag: Tag, usages: Iterable[Usage]) -> list[Lesson]:
    """What servers with a tag teach, by flavor.

    Servers on a node type that the tag does not name, or of another flavor,
    teach nothing: their speed is not known.
    """
    targets = {
        (target.node_type.name, target.flavor.name): target
        for target in tag.targets
    }
    found: dict[str, list[tuple[float, int]]] = {}
    for usage in usages:
        target = targets.get((usage.node_type, usage.flavor))
        if target is not None and usage.samples:
            busy = _on_reference(target, usage.cores_used)
            found.setdefault(usage.flavor, []).append((busy, usage.samples))
    return by_flavor(found)


def by_flavor(
    found: Mapping[str, Sequence[tuple[float, int]]],
) -> list[Lesson]:
    """Lessons out of servers' means, each weighted by its samples."""
    return [
        Lesson(
            flavor=flavor,
            servers=len(rows),
            samples=sum(samples for _, samples in rows),
            measured=sum(value * samples for value, samples in rows)
            / sum(samples for _, samples in rows),
        )
        for flavor, rows in sorted(found.items())
    ]


def learned(tag: Tag, taught: Iterable[Lesson]) -> Tag:
    """The tag with one step made towards each lesson that has samples."""
    measured = {
        lesson.flavor: lesson.measured for lesson in taught if lesson.is_enough
    }
    targets = [
        dataclasses.replace(
            target,
            expected_utilization=step(
                target.expected_utilization, measured[target.flavor.name]
            ),
        )
        if target.flavor.name in measured
        else target
        for target in tag.targets
    ]
    return dataclasses.replace(tag, targets=tuple(targets))


def _on_reference(target: TagTarget, cores_used: float) -> float:
    return cores_used / target.flavor.vcpus * target.relative_speed
