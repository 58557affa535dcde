# SPDX-License-Identifier: Apache-2.0

"""Real processes that go astray while they are stopped, as criu leaves them.

What criu itself leaves is in tests/migration/test_criu_kills.py.
"""

import ctypes
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

import pytest

from ecrae import exception
from ecrae import privsep
from ecrae.privsep import cure
from ecrae.privsep import imprint
from ecrae.privsep import memory
from ecrae.privsep import processes
from ecrae.privsep import ptrace


pytestmark = pytest.mark.skipif(
    not ptrace.IS_SUPPORTED, reason='only x86_64 processes are put right'
)

_COUNTS = """
import signal, sys, threading, time
for word in sys.argv[2:]:
    handler = signal.SIG_IGN if word == 'ignore' else lambda *_: None
    signal.signal(signal.SIGTRAP, handler)
threading.Thread(target=lambda: time.sleep(600), daemon=True).start()
with open(sys.argv[1], 'w', buffering=1) as file:
    while True:
        file.write('beat\\n')
        time.sleep(0.002)
"""


class Counter:
    """Something that beats for as long as it is well."""

    def __init__(self, folder, *words):
        self.path = folder / 'beats'
        self.process = subprocess.Popen(
            [sys.executable, '-c', _COUNTS, str(self.path), *words]
        )
        self.pid = self.process.pid

    def beats(self):
        return len(self.path.read_text()) if self.path.exists() else 0

    def goes_on(self):
        before = self.beats()
        deadline = time.monotonic() + 20.0
        while self.beats() <= before + 20:
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def thaws(self):
        os.kill(self.pid, signal.SIGCONT)
        return self.goes_on()

    def signals(self):
        path = pathlib.Path(f'/proc/{self.pid}/status')
        lines = path.read_text().splitlines()
        # SigQ counts those of all processes of the user.
        return [x for x in lines if x[:3] == 'Sig' and x[:4] != 'SigQ']

    def descriptors(self):
        return sorted(imprint.descriptors(self.pid))


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / '6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
    found.mkdir()
    return str(found)


@pytest.fixture(params=['default', 'ignore', 'handle'])
def counter(request, tmp_path, monkeypatch):
    monkeypatch.setattr(privsep.context, 'client_mode', False)
    words = [] if request.param == 'default' else [request.param]
    found = Counter(tmp_path, *words)
    assert found.goes_on()
    processes.freeze(found.pid)
    yield found
    found.process.kill()
    found.process.wait()


def _prepare(counter, folder):
    before = counter.signals()
    cure.prepare(counter.pid, folder)
    return before


def _action(pid):
    return cure._action(imprint.describe(pid))


def _go_astray(pid, tid, address):
    """Let a thread be where it never was, with registers of nobody."""
    with ptrace.held(tid) as thread:
        found = thread.registers()
        words = list(struct.unpack('=27Q', found['general']))
        words[:15] = [0xDEAD] * 15
        words[15], words[16] = (1 << 64) - 1, address
        thread.set_registers(
            {
                'general': struct.pack('=27Q', *words),
                'extended': found['extended'],
                'mask': struct.pack('=Q', imprint._CRIU_MASK),
            }
        )


def test_a_process_that_was_not_touched_goes_on(counter, folder):
    before = _prepare(counter, folder)
    (saved,) = imprint.load(folder)[1]
    assert _action(counter.pid) != saved['action']
    cure.restore(folder)
    assert _action(counter.pid) == saved['action']
    assert counter.signals() == before
    assert imprint.load(folder) == (False, [])
    assert processes.stopped(counter.pid) == [counter.pid]
    assert counter.thaws()


def test_registers_code_and_stack_of_nobody_are_put_back(counter, folder):
    before = _prepare(counter, folder)
    _, (saved,) = imprint.load(folder)
    start = saved['code'][0]
    memory.write(counter.pid, start, b'\xcc' * 16)
    address, data = saved['threads'][str(counter.pid)]['below']
    memory.write(counter.pid, address, bytes(len(imprint.unpack(data))))
    for tid in saved['threads']:
        _go_astray(counter.pid, int(tid), start)

    cure.restore(folder)

    assert counter.signals() == before
    again = imprint.describe(counter.pid)
    assert again['threads'] == saved['threads']
    assert again['code'] == saved['code']
    assert counter.thaws()


def test_a_restore_that_was_broken_off_is_done_again(
    counter, folder, monkeypatch
):
    before = _prepare(counter, folder)
    start = imprint.load(folder)[1][0]['code'][0]
    _go_astray(counter.pid, counter.pid, start)
    with monkeypatch.context() as patch:
        patch.setattr(cure, '_undoing', lambda saved: iter([(1 << 20,)]))
        patch.setattr(cure, '_checked', _fail)
        with pytest.raises(KeyboardInterrupt):
            cure.restore(folder)
    cure.restore(folder)
    assert counter.signals() == before
    assert counter.thaws()


def _fail(result):
    raise KeyboardInterrupt


def test_a_trap_that_nobody_noticed_kills_nobody(counter, folder):
    """As the kernel has it: a tracer that ends before it has waited."""
    before = _prepare(counter, folder)
    # A breakpoint in code of its own, run by a tracer that ends at once.
    start = imprint.load(folder)[1][0]['code'][0]
    memory.write(counter.pid, start, b'\xcc' * 16)
    _go_astray(counter.pid, counter.pid, start)
    child = os.fork()
    if not child:
        ptrace._ptrace(ptrace._SEIZE, counter.pid)
        ptrace.Thread(counter.pid).wait()
        ptrace._ptrace(ptrace._CONT, counter.pid)
        while ptrace.state(counter.pid) != 't':
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    cure.restore(folder)
    assert counter.signals() == before
    assert counter.thaws()


def test_what_was_opened_and_hidden_is_undone(counter, folder):
    _prepare(counter, folder)
    _, (saved,) = imprint.load(folder)
    before = counter.descriptors()
    hidden = next(
        m for m in memory.mappings(counter.pid) if 'r' not in m.modes
    )
    with cure._own_thread(saved) as call:
        call(32, 1)  # dup
        call(10, hidden.start, hidden.end - hidden.start, 1)  # mprotect
    assert counter.descriptors() != before
    _go_astray(counter.pid, counter.pid, saved['code'][0])
    cure.restore(folder)
    assert counter.descriptors() == before
    assert hidden in memory.mappings(counter.pid)
    assert counter.thaws()


def test_a_thread_that_went_on_keeps_its_registers(counter, folder):
    """criu's code goes back to the process's own when it is left alone."""
    _prepare(counter, folder)
    assert counter.thaws()
    processes.freeze(counter.pid)
    cure.restore(folder)
    assert counter.thaws()


def test_one_that_runs_is_not_written_down(counter, folder):
    assert counter.thaws()
    with pytest.raises(exception.TransferFailed, match='not stopped'):
        cure.prepare(counter.pid, folder)
    assert counter.goes_on()


def test_one_that_somebody_else_holds_is_said(counter, folder):
    child = os.fork()
    if not child:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        ptrace._ptrace(ptrace._SEIZE, counter.pid)
        signal.pause()
    deadline = time.monotonic() + 10
    while processes.wait_released([counter.pid], timeout_s=0.0):
        assert time.monotonic() < deadline
    try:
        with pytest.raises(exception.TransferFailed):
            cure.prepare(counter.pid, folder)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert processes.wait_released([counter.pid])
    assert counter.thaws()


def test_what_was_written_down_is_for_root_alone(counter, folder):
    _prepare(counter, folder)
    path = pathlib.Path(folder) / 'imprint'
    assert path.stat().st_mode & 0o777 == 0o600
    imprint.forget(folder)
    cure.restore(folder)


def test_what_is_gone_is_left_alone(counter, folder):
    _prepare(counter, folder)
    counter.process.kill()
    counter.process.wait()
    cure.restore(folder)


def test_a_full_disk_is_not_in_the_way(counter, folder, monkeypatch):
    before = _prepare(counter, folder)

    def full(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(imprint, 'store', full)
    cure.restore(folder)
    assert counter.signals() == before
    assert counter.thaws()
