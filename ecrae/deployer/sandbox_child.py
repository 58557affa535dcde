# SPDX-License-Identifier: Apache-2.0

"""The process in which TOSCA's libraries run; reads a task, writes an answer.

The guard is an audit hook: Python calls it before it opens a file, makes a
socket or starts a process, and no code can take it away again. It is set
once everything that is needed is imported; from then on only files of the
installed packages may be read.
"""

import importlib.util
import json
import os
import resource
import sys
import sysconfig
from collections.abc import Iterator
from typing import Any


MAX_MEMORY_BYTES = 2 * 1024**3
#: Past the patience of the parent, in case that is gone.
MAX_CPU_S = 120

_REFUSED = (
    'ctypes.',
    'fcntl.',
    'ftplib.',
    'http.client.',
    'os.exec',
    'os.fork',
    'os.link',
    'os.mkdir',
    'os.posix_spawn',
    'os.remove',
    'os.rename',
    'os.rmdir',
    'os.spawn',
    'os.symlink',
    'os.system',
    'shutil.',
    'smtplib.',
    'socket.',
    'subprocess.',
    'tempfile.',
    'urllib.',
)


class Guard:
    """Refuses whatever the libraries have no business doing."""

    def __init__(self) -> None:
        # Python may still import from its library and the packages.
        folders = {
            sysconfig.get_path('stdlib'),
            sysconfig.get_path('platstdlib'),
            *(os.path.dirname(path) for path in _packages()),
        }
        self._readable = tuple(
            os.path.realpath(folder) + os.sep for folder in folders
        )

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Audit hook.

        :raises PermissionError: the event is not allowed.
        """
        if event == 'open':
            path, _, flags = args
            if not self._is_readable(path) or flags & (
                os.O_WRONLY | os.O_RDWR
            ):
                raise PermissionError(f'opening {path!r} is not allowed')
        elif event.startswith(_REFUSED):
            raise PermissionError(f'{event} is not allowed')

    def _is_readable(self, path: object) -> bool:
        if not isinstance(path, (str, bytes)):
            return False
        return os.path.realpath(os.fsdecode(path)).startswith(self._readable)


def _packages() -> Iterator[str]:
    """Folders of the two libraries, which open files of their own."""
    for name in ('toscaparser', 'translator'):
        spec = importlib.util.find_spec(name)
        yield from (spec and spec.submodule_search_locations) or ()


def limit() -> None:
    """Let an expansion that nobody foresaw end this process alone."""
    for kind, most in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(kind, (most, most))


def main() -> None:
    """Translate the document on standard input."""
    answer_to = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
    # tosca-parser prints.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    limit()
    # Without these, heat-translator has no cloud that it could ask.
    sys.modules['novaclient'] = None  # type: ignore[assignment]
    sys.modules['openstack'] = None  # type: ignore[assignment]
    from ecrae.deployer import tosca

    task = json.load(sys.stdin)
    sys.addaudithook(Guard())
    try:
        answer = tosca.translate(task['document'], task['values'])
    except tosca.Invalid as error:
        answer = {'faults': error.faults, 'node': error.node}
    except RecursionError:
        answer = {'faults': ['refers to itself'], 'node': ''}
    json.dump(answer, answer_to)
    answer_to.close()


if __name__ == '__main__':
    main()
