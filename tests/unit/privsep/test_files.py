# SPDX-License-Identifier: Apache-2.0

"""Files of a real process, and the same or others of those names."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from ecrae import privsep
from ecrae.privsep import files


@pytest.fixture(autouse=True)
def in_process(monkeypatch):
    monkeypatch.setattr(privsep.context, 'client_mode', False)


@pytest.fixture
def sleeper(tmp_path):
    program = tmp_path / 'sleeper'
    shutil.copy(shutil.which('sleep'), program)
    with (
        (tmp_path / 'opened').open('w') as opened,
        subprocess.Popen([program, '60'], stdout=opened) as process,
    ):
        # What it runs is mapped once it has left this program.
        exe = pathlib.Path(f'/proc/{process.pid}/exe')
        while os.readlink(exe) != str(program) or not files.programs(
            process.pid
        ):
            pass
        yield process.pid, program
        process.kill()


def test_what_it_has_open_and_mapped_is_found(sleeper, tmp_path):
    pid, program = sleeper
    used = files.used(pid)
    assert {str(program), str(tmp_path / 'opened')} <= used
    assert not any(path.startswith('/dev/') for path in used)
    assert str(program) in files.programs(pid)
    assert str(tmp_path / 'opened') not in files.programs(pid)


def test_sizes_are_of_files_that_are_there(tmp_path):
    path = tmp_path / 'file'
    path.write_text('four')
    gone = str(tmp_path / 'gone')
    assert files.sizes([str(path), gone, str(tmp_path)]) == {str(path): 4}


def test_another_build_of_the_same_size_is_another(tmp_path):
    path = tmp_path / 'program'
    shutil.copy(os.path.realpath(sys.executable), path)
    (before,) = files.prints([str(path)]).values()
    os.utime(path, (0, 0))
    assert files.prints([str(path)]) == {str(path): before}
    with path.open('r+b') as file:
        file.seek(700)
        file.write(b'another build')
    assert files.prints([str(path)]) != {str(path): before}
