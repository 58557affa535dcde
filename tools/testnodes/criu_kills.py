# SPDX-License-Identifier: Apache-2.0

"""Kill ``criu dump`` again and again; look at what it was dumping.

usage: criu_kills.py FOLDER KILLS MIB [SEED]

Runs in a node, as root. Every second kill is in the first 30 ms, the others
at any moment of a whole dump. After each the tree must go on as it was: all
threads, its memory, open files, mappings and what signals do. Prints a line
of JSON per kill.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from typing import Any

from ecrae import privsep
from ecrae.privsep import criu
from ecrae.privsep import cure
from ecrae.privsep import processes


_FIRST_S = 0.03
_CROWD = pathlib.Path(__file__).with_name('crowd.py')
_MEMBERS = 4


class Kills:
    """One crowd, killed at and looked at."""

    def __init__(self, folder: pathlib.Path, mib: int) -> None:
        self._folder = folder
        self._mib = mib
        self._crowd = folder / 'crowd'
        self._process: subprocess.Popen[bytes] | None = None
        self._normal: dict[int, Any] = {}
        #: How long a whole dump takes.
        self.dump_s = 0.0

    @property
    def _root(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """A crowd that has been seen to run."""
        shutil.rmtree(self._crowd, ignore_errors=True)
        self._crowd.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(_CROWD),
                str(self._crowd),
                str(self._mib),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 30.0
        while len(self._counts()) < _MEMBERS:
            if time.monotonic() > deadline:
                raise TimeoutError('the crowd')
            time.sleep(0.01)
        if why := self._what_stands_still():
            raise RuntimeError(why)
        self._normal = {pid: _traits(pid) for pid in self._counts()}
        self.dump_s = self._dump_and_kill(None)
        if why := self._what_is_wrong():
            raise RuntimeError(f'after a dump that was not killed: {why}')

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            processes.end(self._root, None)
            self._process.wait()

    def strike(self, after_s: float) -> str:
        """Kill a dump so long after its start; what is wrong then."""
        try:
            self._dump_and_kill(after_s)
            return self._what_is_wrong()
        except Exception as error:
            return f'{type(error).__name__}: {error}'

    def _dump_and_kill(self, after_s: float | None) -> float:
        folder = self._folder / str(uuid.uuid4())
        folder.mkdir()
        criu.make_images(str(folder), 'images', os.getuid())
        processes.freeze(self._root)
        cure.prepare(self._root, str(folder))
        begun = time.monotonic()
        pid = criu.start('dump', str(folder), {'pid': self._root})
        if after_s is not None:
            time.sleep(after_s)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while (code := criu.result(pid)) is None:
            time.sleep(0.002)
        took_s = time.monotonic() - begun
        if after_s is None and code:
            raise RuntimeError(criu.complaint(str(folder), 'dump'))
        criu.end_helpers(str(folder))
        cure.restore(str(folder))
        processes.thaw(self._root, None, [])
        shutil.rmtree(folder)
        return took_s

    def _counts(self) -> dict[int, list[int]]:
        found = {}
        for path in self._crowd.iterdir():
            if path.name.isdigit():
                with contextlib.suppress(FileNotFoundError):
                    words = path.read_text().split()
                    found[int(path.name)] = [int(word) for word in words]
        return found

    def _what_stands_still(self) -> str:
        before = self._counts()
        deadline = time.monotonic() + 20.0
        while True:
            now = self._counts()
            still = [
                pid
                for pid, counts in before.items()
                if any(
                    a + 2 > b for a, b in zip(counts, now[pid], strict=True)
                )
            ]
            if not still or time.monotonic() > deadline:
                return f'{_states(still)} stand still' if still else ''
            time.sleep(0.01)

    def _what_is_wrong(self) -> str:
        if why := self._what_stands_still():
            return why
        if wrong := sorted(each.name for each in self._crowd.glob('*.wrong')):
            return f'{wrong}'
        for pid, normal in self._normal.items():
            if (traits := _traits(pid)) != normal:
                return f'{pid} has changed from {normal} to {traits}'
        return ''


def _states(pids: list[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for pid in pids:
        for task in pathlib.Path(f'/proc/{pid}/task').glob('*'):
            with contextlib.suppress(OSError):
                words = [
                    (task / name).read_text().split()
                    for name in ('stat', 'wchan', 'syscall')
                ]
                found[int(task.name)] = (
                    words[0][2],
                    words[0][-1],
                    *words[1],
                    *words[2][:1],
                )
    return found


def _traits(pid: int) -> Any:
    """What a process keeps for as long as it only goes round."""
    path = pathlib.Path(f'/proc/{pid}')
    lines = (path / 'maps').read_text().splitlines()
    # Python's allocator maps and unmaps; criu's own and guards are told apart.
    maps = [line.split(maxsplit=5) for line in lines]
    signals = [
        line
        for line in (path / 'status').read_text().splitlines()
        if line.startswith(('SigBlk', 'SigIgn', 'SigCgt', 'Threads'))
    ]
    return (
        sum(words[1] == '---p' for words in maps),
        [words[5] for words in maps if 'CRIU' in words[-1]],
        _opened(path / 'fd'),
        signals,
    )


def _opened(folder: pathlib.Path) -> list[str]:
    """Its open files but for the one that it replaces again and again."""
    found = []
    for each in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(each)
            if not target.endswith('.draft'):
                found.append(f'{each.name} {target}')
    return sorted(found)


def main() -> int:
    """Kill as often as asked; 1 if something was wrong."""
    folder, kills, mib = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:4])
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    privsep.context.set_client_mode(False)
    folder.mkdir(parents=True, exist_ok=True)
    crowd = Kills(folder, mib)
    crowd.start()
    worst = 0
    for number in range(kills):
        limit_s = _FIRST_S if number % 2 else crowd.dump_s
        after_s = rng.uniform(0.0, limit_s)
        wrong = crowd.strike(after_s)
        print(json.dumps({'after_s': after_s, 'wrong': wrong}), flush=True)
        if wrong:
            worst = 1
            crowd.stop()
            crowd.start()
    crowd.stop()
    return worst


if __name__ == '__main__':
    sys.exit(main())
