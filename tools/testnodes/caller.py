# SPDX-License-Identifier: Apache-2.0

"""Calls to agents from the site's network, by one program that stays up."""

import json
import pathlib
import subprocess
import sys
import threading
from typing import Any

from ecrae import exception
from testnodes import nodes


_PROGRAM = pathlib.Path(__file__).with_name('call.py')


class Caller:
    """Starts the program at the first call.

    :param conf: file that names the bus.
    """

    def __init__(self, site: nodes.Site, conf: pathlib.Path) -> None:
        self._site = site
        self._conf = conf
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        with (self._site.scratch / 'call.out').open('ab') as out:
            return subprocess.Popen(
                self._site.command(
                    sys.executable, str(_PROGRAM), str(self._conf)
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
                cwd=_PROGRAM.parents[2],
            )

    def call(self, method: str, *arguments: str) -> Any:
        """What the agent answers.

        :raises ecrae.exception.EcraeError: what the agent raised.
        """
        with self._lock:
            if self._process is None:
                self._process = self._start()
            stdin, stdout = self._process.stdin, self._process.stdout
            if stdin is None or stdout is None:
                raise RuntimeError('the caller has no pipes')
            stdin.write(json.dumps([method, *arguments]) + '\n')
            stdin.flush()
            line = stdout.readline()
        if not line:
            raise RuntimeError(f'see {self._site.scratch / "call.out"}')
        answer = json.loads(line)
        if 'error' in answer:
            raise getattr(exception, answer['error'])(answer['message'])
        return answer['result']

    def stop(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
