# SPDX-License-Identifier: Apache-2.0

"""Namespaces that processes have to themselves."""

import contextlib
import os
import pathlib


_PROC = pathlib.Path('/proc')


def own_pid(pid: int) -> int:
    """The pid by which the process knows itself."""
    for line in (_PROC / str(pid) / 'status').read_text().splitlines():
        if line.startswith('NSpid:'):
            return int(line.split()[-1])
    return pid


def own(pid: int) -> list[str]:
    """Kinds of namespaces in which it is and this process is not."""
    found = []
    for path in sorted((_PROC / str(pid) / 'ns').iterdir()):
        with contextlib.suppress(OSError):
            if os.readlink(path) != os.readlink(
                _PROC / 'self' / 'ns' / path.name
            ) and not path.name.endswith('_for_children'):
                found.append(path.name)
    return found
