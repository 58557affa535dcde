# SPDX-License-Identifier: Apache-2.0

"""How far migrations are, for people."""

import dataclasses
import threading
import time
from typing import Any

from ecrae.migration import job as jobs
from ecrae.migration import journal as journals
from ecrae.migration.drivers import base


_FACTS = (
    'workload',
    'source',
    'destination',
    'mode',
    'reason',
    'step',
    'problem',
    'reason_returned',
    'reason_yielded',
)


@dataclasses.dataclass(slots=True)
class Work:
    """A migration that a thread of this process is at."""

    cancel: threading.Event
    thread: threading.Thread | None = None
    progress: base.Progress = dataclasses.field(
        default_factory=lambda: base.Progress(phase='begin')
    )
    #: Monotonic time at which the present phase began.
    since: float = dataclasses.field(default_factory=time.monotonic)

    def reach(self, told: base.Progress) -> None:
        """Take note of a phase; its time begins when it is first told."""
        if told.phase != self.progress.phase:
            self.progress = told
            self.since = time.monotonic()


def show(
    entry: journals.Entry, work: Work | None, bytes_done: int
) -> dict[str, Any]:
    """A migration of the journal.

    :param work: what is under way of it here.
    :param bytes_done: of its memory, in the present phase.
    """
    shown = {
        'id': entry.id,
        'role': str(entry.role),
        'phase': str(entry.phase),
        'began': entry.began,
        'changed': entry.changed,
        **{name: entry.facts.get(name, '') for name in _FACTS},
    }
    if work is not None:
        shown['progress'] = _rate(entry, work, bytes_done)
    return shown


def _rate(
    entry: journals.Entry, work: Work, bytes_done: int
) -> dict[str, Any]:
    needs = jobs.Job.from_dict(entry.facts).needs
    total = int(needs.get('memory_kib', 0)) << 10
    elapsed_s = time.monotonic() - work.since
    rate = bytes_done / elapsed_s if elapsed_s > 0 else 0.0
    left_s = max(total - bytes_done, 0) / rate if rate else None
    return {
        'phase': work.progress.phase,
        'bytes_done': bytes_done,
        'bytes_total': total,
        'rate_bytes_s': rate,
        'left_s': left_s,
    }
