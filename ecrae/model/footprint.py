# SPDX-License-Identifier: Apache-2.0

"""How much of its flavor's memory a component uses, as its tag's expectation.

Memory is the same wherever a server runs, so servers on any node type teach
it. What a migration copies is expected by it where nothing measures it.
"""

import dataclasses
from collections.abc import Iterable

from ecrae.model import learning
from ecrae.model.knowledge import Tag
from ecrae.model.learning import Lesson
from ecrae.model.learning import Usage


def lessons(tag: Tag, usages: Iterable[Usage]) -> list[Lesson]:
    """What servers with a tag teach of memory, by flavor.

    Servers of a flavor that the tag does not name teach nothing.
    """
    named = {target.flavor.name for target in tag.targets}
    found: dict[str, list[tuple[float, int]]] = {}
    for usage in usages:
        if usage.flavor in named and usage.memory_samples:
            found.setdefault(usage.flavor, []).append(
                (usage.memory, usage.memory_samples)
            )
    return learning.by_flavor(found)


def learned(tag: Tag, taught: Iterable[Lesson]) -> Tag:
    """The tag with one step made towards each lesson that has samples."""
    measured = {
        lesson.flavor: lesson.measured for lesson in taught if lesson.is_enough
    }
    targets = [
        dataclasses.replace(
            target,
            expected_memory=learning.step(
                target.expected_memory, measured[target.flavor.name]
            ),
        )
        if target.flavor.name in measured
        else target
        for target in tag.targets
    ]
    return dataclasses.replace(tag, targets=tuple(targets))
