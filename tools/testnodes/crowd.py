# SPDX-License-Identifier: Apache-2.0

"""Processes with threads that notice when anything of them is wrong.

usage: crowd.py FOLDER MIB

A parent, two children and a grandchild, each with four threads: one computes,
one sleeps, one waits for a lock with a time limit, one reads a pipe that
another fills. Each thread counts its rounds, the computing one only when its
part of the memory has the digest that it had at first. A process writes its
counts to ``FOLDER/PID``: a line per second of life would be too slow to
watch, so it is a file of one line that is replaced.
"""

import hashlib
import os
import pathlib
import sys
import threading
import time


_MIB = 1 << 20
_SLEEP_S = 0.002


class Member:
    """One process of the crowd."""

    def __init__(self, folder: pathlib.Path, mib: int) -> None:
        self._path = folder / str(os.getpid())
        self._memory = bytearray(os.urandom(_MIB)) * mib
        self._digest = hashlib.sha256(self._memory).digest()
        self._lock = threading.Lock()
        self._lock.acquire()
        self._reader, self._writer = os.pipe()
        self._counts = [0, 0, 0, 0]

    def _compute(self) -> None:
        if hashlib.sha256(self._memory).digest() != self._digest:
            self._path.with_suffix('.wrong').write_text('memory\n')
            os._exit(3)

    def _sleep(self) -> None:
        before = time.monotonic()
        time.sleep(_SLEEP_S)
        if time.monotonic() - before < _SLEEP_S / 2:
            self._path.with_suffix('.wrong').write_text('time\n')
            os._exit(3)

    def _wait(self) -> None:
        self._lock.acquire(timeout=_SLEEP_S)

    def _read(self) -> None:
        os.write(self._writer, b'x' * 100)
        if os.read(self._reader, 100) != b'x' * 100:
            self._path.with_suffix('.wrong').write_text('pipe\n')
            os._exit(3)

    def _loop(self, index: int) -> None:
        work = (self._compute, self._sleep, self._wait, self._read)[index]
        while True:
            work()
            self._counts[index] += 1

    def run(self) -> None:
        """Go on until killed."""
        for index in range(4):
            threading.Thread(
                target=self._loop, args=(index,), daemon=True
            ).start()
        draft = self._path.with_suffix('.draft')
        while True:
            draft.write_text(' '.join(map(str, self._counts)))
            draft.replace(self._path)
            time.sleep(_SLEEP_S)


def main() -> None:
    """Start the crowd; be one of it."""
    folder, mib = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    if os.fork() == 0:
        os.fork()
    elif os.fork() == 0:
        pass
    Member(folder, mib).run()


if __name__ == '__main__':
    main()
