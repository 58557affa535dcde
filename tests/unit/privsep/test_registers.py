# SPDX-License-Identifier: Apache-2.0

"""A real process whose registers and code go astray while it is stopped."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ecrae import privsep
from ecrae.privsep import processes
from ecrae.privsep import registers


_COUNTS = """
import sys, time
with open(sys.argv[1], 'w', buffering=1) as file:
    while True:
        file.write('beat\\n')
        time.sleep(0.005)
"""


class Counter:
    """Something that beats for as long as it is well."""

    def __init__(self, folder):
        self.path = folder / 'beats'
        self.process = subprocess.Popen(
            [sys.executable, '-c', _COUNTS, str(self.path)]
        )
        self.pid = self.process.pid

    def beats(self):
        return len(self.path.read_text()) if self.path.exists() else 0

    def goes_on(self):
        before = self.beats()
        deadline = time.monotonic() + 20.0
        while self.beats() <= before:
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / '6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
    found.mkdir()
    return found


@pytest.fixture
def counter(tmp_path, monkeypatch):
    monkeypatch.setattr(privsep.context, 'client_mode', False)
    found = Counter(tmp_path)
    assert found.goes_on()
    processes.freeze(found.pid)
    yield found
    found.process.kill()
    found.process.wait()


def _saved(folder):
    return json.loads((folder / 'registers').read_text())


def test_a_process_that_was_not_touched_goes_on(counter, folder):
    registers.save(counter.pid, str(folder))
    registers.restore(str(folder))
    assert not (folder / 'registers').exists()
    os.kill(counter.pid, signal.SIGCONT)
    assert counter.goes_on()


def test_it_stays_stopped_meanwhile(counter, folder):
    registers.save(counter.pid, str(folder))
    assert processes.stopped(counter.pid) == [counter.pid]
    registers.restore(str(folder))
    assert processes.stopped(counter.pid) == [counter.pid]


def test_a_process_with_foreign_registers_and_code_is_put_right(
    counter, folder
):
    registers.save(counter.pid, str(folder))
    saved = _saved(folder)[str(counter.pid)]
    ((tid, before),) = saved['threads'].items()
    words = bytes.fromhex(before['1'])
    astray = {**before, '1': bytes(len(words) - 88).hex() + before['1'][-176:]}
    registers._put_back(int(tid), {**astray, 'mask': 'ff' * 8})
    (start,) = saved['code']
    with open(f'/proc/{counter.pid}/mem', 'r+b', buffering=0) as memory:
        memory.seek(int(start))
        memory.write(b'\xcc' * 64)

    registers.restore(str(folder))

    assert registers._describe(int(tid)) == before
    assert registers._code(counter.pid) == saved['code']
    os.kill(counter.pid, signal.SIGCONT)
    assert counter.goes_on()


def test_one_that_runs_is_not_written_down(counter, folder):
    os.kill(counter.pid, signal.SIGCONT)
    assert counter.goes_on()
    with pytest.raises(
        registers.exception.TransferFailed, match='not stopped'
    ):
        registers.save(counter.pid, str(folder))
    assert counter.goes_on()


def test_what_was_written_down_is_for_root_alone(counter, folder):
    registers.save(counter.pid, str(folder))
    assert (folder / 'registers').stat().st_mode & 0o777 == 0o600
    registers.forget(str(folder))
    registers.restore(str(folder))


def test_what_is_gone_is_left_alone(counter, folder):
    registers.save(counter.pid, str(folder))
    counter.process.kill()
    counter.process.wait()
    registers.restore(str(folder))
