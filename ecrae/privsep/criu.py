# SPDX-License-Identifier: Apache-2.0

"""criu's command line: the only place that starts it.

Every argument is checked here, in the privileged process; nothing passes a
shell. Commands are started, not waited for, so that a long one does not
keep others out; :func:`result` tells how one ended.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

from ecrae import exception
from ecrae import privsep
from ecrae.privsep import criu_words
from ecrae.privsep import keeper
from ecrae.privsep import processes


_ERROR = re.compile(r'Error \([^)]*\): (.*)')
#: A server that has served ends within that time.
_END_S = 1.0


class _Started(NamedTuple):
    process: subprocess.Popen[bytes]
    #: Readable once it takes connections.
    ready: int
    folder: str


#: Started here and not yet asked for the end, by pid.
_running: dict[int, _Started] = {}


def _program() -> str:
    found = shutil.which('criu')
    if found is None:
        raise exception.ConfigError('criu is not installed.')
    return found


@privsep.context.entrypoint
def start(verb: str, folder: str, options: Mapping[str, Any]) -> int:
    """Start criu; its pid.

    ``lazy-pages`` also needs ``roots`` (pids) and ``since`` (clock ticks):
    its keeper kills those processes when pages stop coming.
    """
    command = [_program(), *criu_words.arguments(verb, folder, options)]
    reader, writer = os.pipe()
    try:
        if verb in ('page-server', 'lazy-pages') or (
            verb == 'dump' and options.get('lazy')
        ):
            command += ['--status-fd', str(writer)]
        if verb == 'lazy-pages':
            roots = ','.join(str(int(pid)) for pid in options['roots'])
            since = str(int(options['since']))
            script = str(pathlib.Path(keeper.__file__))
            keep = [sys.executable, '-I', '-S', script, folder, since, roots]
            command = [*keep, *command]
        with open(f'{folder}/{verb}.out', 'ab') as out:
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=folder,
                pass_fds=(writer,),
                start_new_session=True,
                umask=0o077,
            )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    os.set_blocking(reader, False)
    _running[process.pid] = _Started(process, reader, folder)
    return process.pid


@privsep.context.entrypoint
def is_ready(pid: int) -> bool:
    """Whether a started server takes connections."""
    with contextlib.suppress(BlockingIOError, KeyError):
        return bool(os.read(_running[pid].ready, 1))
    return False


@privsep.context.entrypoint
def result(pid: int) -> int | None:
    """Exit code of a started criu; None while it runs. Asked once."""
    code = _running[pid].process.poll()
    if code is not None:
        os.close(_running.pop(pid).ready)
    return code


@privsep.context.entrypoint
def complaint(folder: str, verb: str) -> str:
    """The last errors in the log of a verb, for people."""
    words = []
    for suffix in ('log', 'out'):
        path = (
            pathlib.Path(criu_words.checked_folder(folder))
            / f'{verb}.{suffix}'
        )
        with contextlib.suppress(OSError):
            words += _ERROR.findall(path.read_text(errors='replace'))
    return '; '.join(words[-3:]) or f'no error in {folder}/{verb}.log'


@privsep.context.entrypoint
def make_images(folder: str, name: str, user: int) -> None:
    """Make a folder for images that ``user`` may read and add to."""
    path = criu_words.images(folder, name)
    os.makedirs(path, mode=0o700, exist_ok=True)
    for owned in {path, f'{folder}/images'}:
        os.chown(owned, user, -1)


@privsep.context.entrypoint
def give_images(folder: str, name: str, user: int) -> list[str]:
    """Let ``user`` read the images; their names. Devices are not images."""
    path = criu_words.images(folder, name)
    names = []
    for item in os.scandir(path):
        status = item.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode) and item.name.endswith('.img'):
            os.chown(item.path, user, -1, follow_symlinks=False)
            names.append(item.name)
    return sorted(names)


@privsep.context.entrypoint
def drop_images(folder: str) -> None:
    """Delete all images of a migration, and forget who worked on them.

    Nobody asks a server how it ended, so here it stops being a zombie.
    """
    shutil.rmtree(criu_words.images(folder, 'images'), ignore_errors=True)
    for pid, started in list(_running.items()):
        if started.folder == folder:
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.process.wait(_END_S)
                os.close(_running.pop(pid).ready)


@privsep.context.entrypoint
def dump_statistics(folder: str, name: str) -> bytes:
    """What criu wrote of a dump's numbers; a protobuf image."""
    path = pathlib.Path(criu_words.images(folder, name)) / 'stats-dump'
    return path.read_bytes() if path.is_file() else b''


@privsep.context.entrypoint
def restored_root(folder: str) -> int:
    """The pid here of a restored tree that has pids of its own."""
    path = pathlib.Path(criu_words.checked_folder(folder)) / criu_words.ROOT
    return int(path.read_text())


@privsep.context.entrypoint
def pages_status(folder: str) -> str:
    """How the keeper's daemon ended; empty while it runs."""
    path = pathlib.Path(criu_words.checked_folder(folder)) / keeper.STATUS
    return path.read_text() if path.is_file() else ''


@privsep.context.entrypoint
def bytes_received(folder: str) -> int:
    """How much of the pages has arrived in the migration's images."""
    total = 0
    for path in pathlib.Path(criu_words.images(folder, 'images')).rglob(
        'pages-*'
    ):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


@privsep.context.entrypoint
def probe(feature: str = '') -> str:
    """Empty when criu works here (and has the feature), else why not."""
    if not re.fullmatch(r'[a-z_-]*', feature):
        raise exception.UsageError(f'{feature!r} is no feature of criu.')
    words = ['--feature', feature] if feature else []
    try:
        done = subprocess.run(  # noqa: S603
            [_program(), 'check', *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except exception.ConfigError as error:
        return str(error)
    if done.returncode == 0:
        return ''
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1].strip() if lines else f'criu check: {done.returncode}'


@privsep.context.entrypoint
def version() -> str:
    """criu's version; empty when it is not installed."""
    with contextlib.suppress(exception.ConfigError):
        done = subprocess.run(  # noqa: S603
            [_program(), '--version'],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        words = done.stdout.split()
        return words[1] if len(words) > 1 else ''
    return ''


@privsep.context.entrypoint
def end_helpers(folder: str) -> None:
    """Kill every criu, and its keeper, that works in that folder."""
    doomed = []
    for path in pathlib.Path('/proc').iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            words = (path / 'cmdline').read_bytes().split(b'\0')
            works_here = any(
                os.fsdecode(word) == folder
                or os.fsdecode(word).startswith(f'{folder}/')
                for word in words
            )
            if works_here and _is_helper(words):
                doomed.append(int(path.name))
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    processes.wait_until_dead(doomed, 10.0)


def _is_helper(words: list[bytes]) -> bool:
    return os.path.basename(words[0]) == b'criu' or any(
        word.endswith(b'privsep/keeper.py') for word in words
    )
