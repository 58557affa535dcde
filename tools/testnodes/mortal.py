# SPDX-License-Identifier: Apache-2.0

"""``ecrae-agent`` that can be told at which line of its journal to die.

The file /srv/die holds ``N before`` or ``N after``: of the N-th line that
this life writes for one migration. It kills its parent too, which would
start it again.
"""

import collections
import os
import pathlib
import signal
import sys
from typing import Any

from ecrae.cmd import agent
from ecrae.migration import journal


ORDER = pathlib.Path('/srv/die')

_write = journal.Journal._write
_lines: collections.Counter[str] = collections.Counter()


def _perhaps_die(number: int, when: str) -> None:
    if ORDER.exists() and ORDER.read_text().split() == [str(number), when]:
        ORDER.unlink()
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _mortal_write(
    self: journal.Journal, migration_id: str, record: dict[str, Any]
) -> None:
    _lines[migration_id] += 1
    _perhaps_die(_lines[migration_id], 'before')
    _write(self, migration_id, record)
    _perhaps_die(_lines[migration_id], 'after')


if __name__ == '__main__':
    journal.Journal._write = _mortal_write  # type: ignore[method-assign]
    sys.exit(agent.main())
