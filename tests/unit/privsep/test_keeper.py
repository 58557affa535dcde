# SPDX-License-Identifier: Apache-2.0

import os
import subprocess
import sys
import time

import pytest

from ecrae.privsep import keeper


@pytest.fixture
def workload():
    with subprocess.Popen(
        [sys.executable, '-c', 'input()'], stdin=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


def _run(folder, since, pid, *command):
    return subprocess.run(
        [
            sys.executable,
            '-I',
            '-S',
            keeper.__file__,
            str(folder),
            str(since),
            str(pid),
            *command,
        ],
        check=False,
        timeout=30,
    ).returncode


def test_a_daemon_that_ends_well_leaves_the_workload_alone(tmp_path, workload):
    assert _run(tmp_path, 0, workload.pid, 'true') == 0
    assert (tmp_path / keeper.STATUS).read_text() == keeper.COMPLETE
    assert workload.poll() is None


def test_a_daemon_that_fails_takes_the_workload_with_it(tmp_path, workload):
    assert _run(tmp_path, 0, workload.pid, 'false') == 1
    assert (tmp_path / keeper.STATUS).read_text() == keeper.FAILED
    assert workload.wait(10) == -9


def test_a_process_from_before_the_restore_is_not_touched(tmp_path, workload):
    future = int(time.clock_gettime(time.CLOCK_BOOTTIME) + 60) * os.sysconf(
        'SC_CLK_TCK'
    )
    assert _run(tmp_path, future, workload.pid, 'false') == 1
    assert workload.poll() is None


def test_it_imports_nothing_but_the_standard_library():
    done = subprocess.run(
        [sys.executable, '-I', '-S', keeper.__file__],
        check=False,
        capture_output=True,
        text=True,
    )
    assert 'ModuleNotFoundError' not in done.stderr
