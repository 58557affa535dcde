# SPDX-License-Identifier: Apache-2.0

"""Steps one after the other, each announced, bounded and cancellable."""

import dataclasses
import threading
from collections.abc import Callable
from collections.abc import Sequence

from ecrae import exception


class Cancelled(exception.MigrationError):
    """Somebody asked for the migration to stop."""


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A named action that gives up by itself after ``timeout_s`` seconds.

    The action is called with the timeout and must be safe to call again.
    """

    name: str
    action: Callable[[float], None]
    timeout_s: float


def run(
    steps: Sequence[Step],
    announce: Callable[[str], None],
    cancel: threading.Event,
) -> None:
    """Do the steps in order; the first failure ends the sequence.

    :param announce: called with each step's name before its action; for a
        journal that is what makes the step known after a crash.
    :raises Cancelled: when ``cancel`` was set before a step began.
    """
    for step in steps:
        if cancel.is_set():
            raise Cancelled(f'Cancelled before step {step.name}.')
        announce(step.name)
        step.action(step.timeout_s)
