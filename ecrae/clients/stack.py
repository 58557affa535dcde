# SPDX-License-Identifier: Apache-2.0

"""Values of a Heat stack: what it is, is to be, and what happens to it."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack at one moment."""

    id: str
    name: str
    #: Such as ``CREATE_COMPLETE``.
    status: str
    status_reason: str
    outputs: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_in_progress(self) -> bool:
        """Whether Heat still works on it."""
        return self.status.endswith('_IN_PROGRESS')

    @property
    def is_complete(self) -> bool:
        """Whether what was last asked of it has been done."""
        return self.status.endswith('_COMPLETE')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a resource, or to the stack itself."""

    id: str
    time: str
    resource: str
    status: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a stack is to be."""

    template: Mapping[str, Any]
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    #: Minutes after which Heat gives up; None leaves it to the service.
    timeout_min: int | None = None
    #: Whether Heat takes away by itself what it fails to create.
    rollback: bool = False

    def fields(self) -> dict[str, Any]:
        """The same as Heat's API has it."""
        fields: dict[str, Any] = {
            'template': dict(self.template),
            'files': dict(self.files),
            'parameters': dict(self.parameters),
            'disable_rollback': not self.rollback,
        }
        if self.timeout_min is not None:
            fields['timeout_mins'] = self.timeout_min
        return fields


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A resource by its stack and its name there."""

    stack_id: str
    resource: str
