# SPDX-License-Identifier: Apache-2.0

"""Which node types a tagged server may run on, and what it does there.

* An exact tag, ``exact:NODE_TYPE`` or one of the knowledge base, allows the
  node types it names and no other.
* A hint tag allows the node types of its targets; of those, where the
  flavor is one that the tag's targets name, only the ones named with it.
* The node type that the deployer decided on picks the image, so for a hint
  tag it binds the architecture. Within it the decision is advice: another
  host may have become the better one since.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping

from ecrae.model import hints
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget


@dataclasses.dataclass(frozen=True, slots=True)
class Requirement:
    """What a server's tag asks of the host."""

    tag: str
    #: Whether a host of which nothing is known is out of the question.
    is_exact: bool
    #: Names of the node types that will do.
    node_types: frozenset[str]
    #: What profiling measured of the tag, by node type; may lack some.
    targets: Mapping[str, TagTarget]


def is_exact(tag: str, knowledge: Knowledge) -> bool:
    """Whether the tag commands a node type rather than advises."""
    if tag.startswith(hints.EXACT_PREFIX):
        return True
    known = knowledge.tags.get(tag)
    return known is not None and known.kind is TagKind.EXACT


def requirement(
    tag: str, flavor: str, decided: str | None, knowledge: Knowledge
) -> Requirement | None:
    """What the tag asks; None when the knowledge base has no such tag.

    :param flavor: name of the server's flavor.
    :param decided: name of the node type that the deployer chose, if any.
    """
    if tag.startswith(hints.EXACT_PREFIX):
        name = tag.removeprefix(hints.EXACT_PREFIX)
        return Requirement(tag, True, frozenset({name}), {})
    known = knowledge.tags.get(tag)
    if known is None:
        return None
    fitting = [each for each in known.targets if each.flavor.name == flavor]
    if known.kind is TagKind.EXACT:
        names = {each.node_type.name for each in known.targets}
    else:
        candidates = fitting or known.targets
        names = _of_architecture(candidates, decided, knowledge)
    # The flavor's own figures count; the others' stand in where it has none.
    targets = _by_node_type(known.targets) | _by_node_type(fitting)
    return Requirement(
        tag, known.kind is TagKind.EXACT, frozenset(names), targets
    )


def _of_architecture(
    targets: Iterable[TagTarget], decided: str | None, knowledge: Knowledge
) -> set[str]:
    chosen = knowledge.node_types.get(decided) if decided else None
    return {
        target.node_type.name
        for target in targets
        if chosen is None
        or target.node_type.architecture == chosen.architecture
    }


def _by_node_type(targets: Iterable[TagTarget]) -> dict[str, TagTarget]:
    """The most preferred target of each node type."""
    ordered = sorted(targets, key=lambda target: -target.preference)
    return {target.node_type.name: target for target in ordered}
