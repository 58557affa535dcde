# SPDX-License-Identifier: Apache-2.0

"""Progress lines with times, and commands whose output goes to a log."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from collections.abc import Sequence

from testcloud_lib.errors import CloudError


#: Lines of a failed command's log that the error shows.
TAIL_LINES = 15


class Progress:
    """Prints each step with the seconds it took."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, then say how long it took."""
        begun = time.monotonic()
        print(f'[{self.elapsed_s:5.0f} s] {title} ...', flush=True)
        yield
        took = time.monotonic() - begun
        if took >= 1:
            print(f'[{self.elapsed_s:5.0f} s]   took {took:.0f} s', flush=True)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first step."""
        return time.monotonic() - self._begun


def run(
    argv: Sequence[str],
    log: pathlib.Path,
    *,
    env: dict[str, str] | None = None,
    cwd: pathlib.Path | None = None,
) -> None:
    """Run a command with its output appended to a log.

    :raises CloudError: it failed; the message has the end of the log.
    """
    Job(argv, log, env=env, cwd=cwd).wait()


class Job:
    """A command that runs beside others."""

    def __init__(
        self,
        argv: Sequence[str],
        log: pathlib.Path,
        *,
        env: dict[str, str] | None = None,
        cwd: pathlib.Path | None = None,
    ) -> None:
        self._argv = argv
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open('ab') as stream:
            try:
                self._process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    env=env,
                    cwd=cwd,
                )
            except OSError as exc:
                raise CloudError(f'cannot run {argv[0]}: {exc}') from exc

    def wait(self) -> None:
        """Wait for its end.

        :raises CloudError: it failed.
        """
        if self._process.wait() != 0:
            raise CloudError(
                f'{" ".join(self._argv[:4])} … failed with exit code '
                f'{self._process.returncode}; the end of {self._log}:\n'
                + tail(self._log, TAIL_LINES)
            )


def tail(log: pathlib.Path, lines: int) -> str:
    """Return the last lines of a log."""
    text = log.read_text(errors='replace') if log.exists() else ''
    return '\n'.join(text.splitlines()[-lines:])


def as_root(argv: Sequence[str]) -> list[str]:
    """The command as root runs it, through sudo where we are not root."""
    return [*argv] if os.geteuid() == 0 else ['sudo', *argv]


def warn(message: str) -> None:
    """Say something that does not stop us."""
    print(f'testcloud: {message}', file=sys.stderr)
