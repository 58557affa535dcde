# SPDX-License-Identifier: Apache-2.0

import json
import os
import subprocess
import sys

import pytest

from ecrae import exception
from ecrae.deployer import sandbox
from ecrae.deployer import sandbox_child
from tests.unit.deployer import world


SERVER = 's: {type: tosca.nodes.Compute}'


def test_faults_come_with_the_line_of_their_node():
    read = world.read("""
    fine: {type: tosca.nodes.Compute}
    wrong:
      type: tosca.nodes.Compute
      colour: red
    """)

    with pytest.raises(exception.TemplateError) as caught:
        sandbox.translate(read, read.document, {})

    assert str(caught.value).startswith(
        'app: line 6: Node template "wrong" contains unknown field "colour".'
    )


def test_a_crash_of_the_parser_names_the_node():
    read = world.read("""
    fine: {type: tosca.nodes.Compute}
    wrong:
      type: tosca.nodes.Compute
      capabilities: {host: 3}
    """)

    with pytest.raises(exception.TemplateError) as caught:
        sandbox.translate(read, read.document, {})

    assert str(caught.value).startswith('app: line 6: node wrong: cannot read')


def test_a_pattern_that_never_ends_is_stopped():
    read = world.read(
        SERVER,
        inputs=f"""
        name:
          type: string
          default: {'a' * 64}!
          constraints: [{{pattern: (a|aa|a?)+$}}]
        """,
    )

    with pytest.raises(exception.TemplateError, match='within 2 seconds'):
        sandbox.translate(read, read.document, {}, timeout_s=2)


def test_the_process_has_none_of_our_environment(monkeypatch):
    monkeypatch.setenv('OS_PASSWORD', 'secret')
    seen = {}

    def run(*args, **kwargs):
        seen.update(kwargs['env'])
        return real(*args, **kwargs)

    real = subprocess.run
    monkeypatch.setattr(subprocess, 'run', run)
    read = world.read(SERVER)
    sandbox.translate(read, read.document, {})

    assert set(seen) <= {'PATH', 'LANG', 'LC_ALL', 'PYTHONPATH'}


ATTEMPTS = [
    'open("/etc/passwd")',
    'open(here)',
    'os.open("/etc/passwd", os.O_RDONLY)',
    'open(os.__file__, "a")',
    'open("/proc/self/environ")',
    'open(os.path.dirname(os.__file__) + "/../../../etc/passwd")',
    'socket.create_connection(("127.0.0.1", 9))',
    'socket.getaddrinfo("localhost", 80)',
    'urllib.request.urlopen("file:///etc/passwd")',
    'subprocess.run(["id"])',
    'os.system("id")',
    'os.fork()',
    'os.execv("/bin/true", ["true"])',
    'os.mkdir("/tmp/x")',
    'os.remove(here)',
    'os.rename(here, "/tmp/x")',
    'os.symlink("/etc/passwd", "/tmp/x")',
]

GUARDED = """
import json, os, socket, subprocess, sys, urllib.request
from ecrae.deployer import sandbox_child
here, attempts = json.load(sys.stdin)
sandbox_child.limit()
sys.addaudithook(sandbox_child.Guard())
for attempt in attempts:
    try:
        exec(attempt)
    except PermissionError as error:
        if 'not allowed' in str(error):
            continue
    print(attempt)
"""


def test_the_guard_refuses_files_sockets_and_processes(tmp_path):
    here = tmp_path / 'file'
    here.touch()

    done = subprocess.run(
        [sys.executable, '-c', GUARDED],
        input=json.dumps([str(here), ATTEMPTS]),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == ''
    assert here.exists()


def test_the_guard_lets_the_libraries_read_their_own_files():
    guard = sandbox_child.Guard()

    guard('open', (os.__file__, 'r', os.O_RDONLY))
    with pytest.raises(PermissionError):
        guard('open', (os.__file__, 'w', os.O_WRONLY))
    with pytest.raises(PermissionError):
        guard('open', (7, 'r', os.O_RDONLY))


def test_memory_is_limited():
    done = subprocess.run(
        [sys.executable, '-m', 'ecrae.deployer.sandbox_child'],
        input='"' + 'a' * 2**20,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert 'JSONDecodeError' in done.stderr

    script = (
        'from ecrae.deployer import sandbox_child; sandbox_child.limit();'
        'bytearray(3 * 1024**3)'
    )
    done = subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'MemoryError' in done.stderr


def test_an_answer_is_json_only():
    done = subprocess.run(
        [sys.executable, '-m', 'ecrae.deployer.sandbox_child'],
        input=json.dumps(
            {'document': world.read(SERVER).document, 'values': {}}
        ),
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(json.loads(done.stdout)) == {'hot', 'nested', 'own'}
