# SPDX-License-Identifier: Apache-2.0

"""Why each component of an application is where it is: the audit record."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from ecrae.model.knowledge import TagKind


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CandidateScore:
    """One way to serve a component, and how it did."""

    node_type: str
    flavor: str
    #: Best host of the node type; empty when none could take it.
    host: str = ''
    #: Watts the placement would add; None where nothing was computed.
    marginal_power_w: float | None = None
    #: Busy reference cores for each added watt; higher is better.
    efficiency: float | None = None
    is_feasible: bool = True
    #: Why it lost, or could not run; why it won, for the chosen one.
    reason: str = ''


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ComponentDecision:
    """Choice made for one tagged node of an application."""

    #: Name of the node in the descriptor.
    node: str
    tag: str
    kind: TagKind
    chosen: CandidateScore
    #: All that were looked at, the chosen one too, best first.
    candidates: tuple[CandidateScore, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Choices made for one application at one moment."""

    #: A UUID; servers carry it as :data:`ecrae.model.hints.DECISION`.
    id: str
    #: Aware, in UTC.
    created_at: datetime.datetime
    #: What was asked for: a file or stack name, never its content.
    source: str
    components: tuple[ComponentDecision, ...]


def as_document(decision: Decision) -> dict[str, Any]:
    """The record as JSON has it; ``from_document`` is its inverse."""
    document = dataclasses.asdict(decision)
    document['created_at'] = decision.created_at.isoformat()
    document['components'] = [
        {
            **component,
            'kind': str(component['kind']),
            'candidates': list(component['candidates']),
        }
        for component in document['components']
    ]
    return document


def from_document(document: Mapping[str, Any]) -> Decision:
    """The record of what ``as_document`` gave."""
    return Decision(
        id=document['id'],
        created_at=datetime.datetime.fromisoformat(document['created_at']),
        source=document['source'],
        components=tuple(
            ComponentDecision(
                node=component['node'],
                tag=component['tag'],
                kind=TagKind(component['kind']),
                chosen=CandidateScore(**component['chosen']),
                candidates=tuple(
                    CandidateScore(**score)
                    for score in component['candidates']
                ),
            )
            for component in document['components']
        ),
    )
