# SPDX-License-Identifier: Apache-2.0

"""Both halves of the driver, with a criu that only notes what it is told."""

import json
import os
import subprocess
import sys

import pytest

from ecrae import privsep
from ecrae.migration import certificates
from ecrae.migration import channel
from ecrae.migration import job as jobs
from ecrae.migration.drivers.criu import destination
from ecrae.migration.drivers.criu import host as hosts
from ecrae.migration.drivers.criu import rounds
from ecrae.migration.drivers.criu import source
from ecrae.privsep import cure
from ecrae.privsep import ptrace


LOCAL = '127.0.0.1'
#: Test runs side by side must not find the same port free.
_WORKER = int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw'))
PORTS = range(28600 + 50 * _WORKER, 28650 + 50 * _WORKER)

#: Notes its words, plays the server, counts pages as it was told to.
_CRIU = """
import json, os, pathlib, socket, struct, sys, time
here = pathlib.Path({here!r})
verb, words = sys.argv[1], sys.argv[2:]
with (here / 'calls').open('a') as calls:
    calls.write(json.dumps([verb, *words]) + '\\n')
if '--images-dir' in words:
    images = pathlib.Path(words[words.index('--images-dir') + 1])
if verb == 'pre-dump':
    counts = json.loads((here / 'pages').read_text())
    pages = counts.pop(0)
    (here / 'pages').write_text(json.dumps(counts))
    field = bytes([7 << 3]) + bytes(
        (pages >> 7 * n & 0x7F) | (0x80 if n < 4 else 0) for n in range(5)
    )
    entry = bytes([1 << 3 | 2, len(field)]) + field
    head = struct.pack('<III', 0x55105940, 0x57093306, len(entry))
    (images / 'stats-dump').write_bytes(head + entry)
if verb == 'dump':
    (images / 'core-1.img').write_bytes(bytes.fromhex({core!r}))
if verb == 'page-server':
    port = int(words[words.index('--port') + 1])
    server = socket.create_server(('127.0.0.1', port))
if '--status-fd' in words:
    os.write(int(words[words.index('--status-fd') + 1]), b'\\0')
    if verb == 'page-server':
        server.accept()
    else:
        time.sleep(0.5)
if '--page-server' in words and verb != 'lazy-pages':
    address = words[words.index('--address') + 1]
    port = int(words[words.index('--port') + 1])
    socket.create_connection((address, port)).close()
behaviour = here / verb
if behaviour.exists():
    exec(behaviour.read_text())
"""


def _core():
    """An image of a process as criu makes it of one that was made ready."""
    if not ptrace.IS_SUPPORTED:
        return b''
    action = b''.join(
        bytes([field << 3]) + _varint(value)
        for field, value in enumerate(
            (cure.HANDLER, cure._FLAGS, cure.HANDLER, cure._ALL), 1
        )
    )
    task = bytes([15 << 3 | 2, len(action)]) + action
    return bytes(12) + bytes([3 << 3 | 2, len(task)]) + task


def _varint(value):
    found = b''
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


class Criu:
    """What was asked of criu, and what it answers."""

    def __init__(self, folder):
        self._folder = folder
        program = folder / 'criu.py'
        program.write_text(_CRIU.format(here=str(folder), core=_core().hex()))
        script = folder / 'criu'
        # Under its own name, by which the agent finds what it has to end.
        script.write_text(
            f'#!/bin/bash\nexec -a criu {sys.executable} -IS {program} "$@"\n'
        )
        script.chmod(0o755)

    def dirties(self, *pages):
        """Pages that each round of a pre-copy finds."""
        (self._folder / 'pages').write_text(json.dumps(pages))

    def does(self, verb, code):
        """Let a verb do more than it does."""
        (self._folder / verb).write_text(code)

    def calls(self, *verbs):
        """Words of each call of one of the verbs."""
        lines = (self._folder / 'calls').read_text().splitlines()
        return [c for c in map(json.loads, lines) if c[0] in verbs]


@pytest.fixture
def criu(tmp_path, monkeypatch):
    folder = tmp_path / 'bin'
    folder.mkdir()
    monkeypatch.setenv('PATH', f'{folder}:{os.environ["PATH"]}')
    monkeypatch.setattr(privsep.context, 'client_mode', False)
    return Criu(folder)


@pytest.fixture
def workload():
    with subprocess.Popen(['sleep', '60']) as process:
        yield process.pid
        process.kill()


def _host(top, name):
    certificates.make_ca(top / 'ca')
    issued = certificates.issue(top / 'ca', name, LOCAL, 30)
    folder = top / name
    for each in ('state', 'workloads'):
        (folder / each).mkdir(parents=True)
    return hosts.Host(
        name=name,
        state=folder / 'state',
        workloads=folder / 'workloads',
        address=LOCAL,
        ports=PORTS,
        identity=channel.Identity(
            cacert=issued / 'ca.pem',
            cert=issued / 'host.pem',
            key=issued / 'host.key',
            crl=issued / 'crl.pem',
        ),
    )


class Ends:
    """A source and a destination with a workload between them."""

    def __init__(self, top, pid):
        self.here, self.there = _host(top, 'one'), _host(top, 'two')
        self.here.write_workload('web', {'pid': pid, 'addresses': []})
        self.told = []
        self._begun = []

    def prepared(self, mode, limits=rounds.DEFAULT):
        """Both halves, the job and the ticket, before the freezing."""
        going = source.CriuSource(self.here, limits)
        coming = destination.CriuDestination(self.there, limits)
        job = jobs.Job(
            id='6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11',
            workload='criu:web',
            source='one',
            destination='two',
            mode=mode,
        )
        needs = going.check(job)
        job = jobs.Job.from_dict({**job.to_dict(), 'needs': needs})
        for host in (self.here, self.there):
            host.folder(job).mkdir()
        self._begun.append((going, coming, job))
        ticket = coming.prepare(job)
        going.prepare(job, ticket, self.tell)
        return going, coming, job, ticket

    def tell(self, progress):
        """Remember what was reported."""
        self.told.append(progress.phase)

    def move(self, mode, limits=rounds.DEFAULT):
        """Go on to the restored copy; the job and the destination."""
        going, coming, job, ticket = self.prepared(mode, limits)
        sent = going.transfer(job, ticket, 20.0, self.tell)
        coming.transfer(job, sent, 20.0)
        going.revert(job)
        return job, coming

    def revert(self):
        """Leave nothing behind that runs."""
        for going, coming, job in self._begun:
            going.revert(job)
            coming.revert(job)


@pytest.fixture
def ends(tmp_path, criu, workload):
    both = Ends(tmp_path, workload)
    yield both
    both.revert()
