# SPDX-License-Identifier: Apache-2.0

"""What is wrong with an entry of a document."""

from typing import Any


#: Place inside an entry, and what is wrong there.
Fault = tuple[tuple[str | int, ...], str]

#: A thing that is referred to but has faults of its own.
BROKEN: Any = object()


class Faults(Exception):
    """Faults of one entry."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults


def missing(noun: str, name: str) -> str:
    """An entry refers to what is not there."""
    return f'there is no {noun} named {name!r}'
