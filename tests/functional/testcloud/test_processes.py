# SPDX-License-Identifier: Apache-2.0

"""The test cloud's supervisor, with real processes."""

import os
import pathlib
import signal
import time

import pytest


TOOLS = pathlib.Path(__file__).resolve().parents[3] / 'tools'


@pytest.fixture
def library(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.setenv('PYTHONPATH', str(TOOLS))
    from testcloud_lib import cloud
    from testcloud_lib import processes

    return cloud, processes


@pytest.fixture
def processes(library, tmp_path):
    cloud, processes = library
    made = cloud.Cloud(
        state=tmp_path, cache=tmp_path, port_base=1, computes=()
    )
    made.logs.mkdir()
    manager = processes.Processes(made)
    manager.supervise()
    yield manager
    manager.shutdown()


def service(library, *argv, name='sleeper', order=1, fingerprint='one'):
    return library[1].Service(
        name=name,
        argv=argv or ('sleep', '600'),
        env=dict(os.environ),
        order=order,
        fingerprint=fingerprint,
    )


def is_alive(pid):
    try:
        text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return False
    return text.rpartition(')')[2].split()[0] not in 'ZX'


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_running_service_is_left_alone_until_it_changes(library, processes):
    assert processes.start(service(library))
    first = processes.statuses()['sleeper'].pid

    assert not processes.start(service(library))
    assert processes.statuses()['sleeper'].pid == first

    assert processes.start(service(library, fingerprint='two'))
    assert processes.statuses()['sleeper'].pid != first
    assert not is_alive(first)


def test_an_end_is_seen_and_nothing_restarts(library, processes):
    processes.start(service(library, 'sh', '-c', 'exit 3'))

    wait_until(lambda: not processes.statuses()['sleeper'].is_running)

    assert processes.statuses()['sleeper'].exit_code == 3


def test_shutdown_leaves_no_process_even_one_that_ran_away(
    library, processes, tmp_path
):
    runaway = tmp_path / 'runaway'
    processes.start(
        service(
            library,
            'sh',
            '-c',
            f'setsid sh -c "echo \\$\\$ > {runaway}; exec sleep 600" &',
        )
    )
    wait_until(lambda: runaway.exists() and runaway.read_text().strip())
    pid = int(runaway.read_text())

    processes.shutdown()

    assert not is_alive(pid)


def test_services_outlive_a_killed_supervisor_only_until_the_sweep(
    library, processes
):
    processes.start(service(library))
    pid = processes.statuses()['sleeper'].pid
    supervisor = int(
        pathlib.Path(f'/proc/{pid}/stat')
        .read_text()
        .rpartition(')')[2]
        .split()[1]
    )
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not processes.is_supervised())
    assert is_alive(pid)

    processes.supervise()

    assert not is_alive(pid)
    assert processes.statuses() == {}


def test_a_program_that_does_not_exist_is_named(library, processes):
    with pytest.raises(Exception, match='no-such-program'):
        processes.start(service(library, 'no-such-program'))


def test_computes_are_read_and_checked(library, tmp_path):
    from testcloud_lib import computes
    from testcloud_lib import errors

    assert computes.read(computes.DEFAULT_FILE)[0].architecture == 'aarch64'

    bad = tmp_path / 'bad.toml'
    bad.write_text(
        '[[compute]]\nname = "a"\narchitecture = "vax"\nvcpus = 1\n'
        'memory_mib = 1\ndisk_gib = 1\n'
    )
    with pytest.raises(errors.CloudError, match='architecture is one of'):
        computes.read(bad)
