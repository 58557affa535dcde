# SPDX-License-Identifier: Apache-2.0

"""Real database servers, each in a folder and on a port of its own."""

import contextlib
import getpass
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator


PASSWORD = 'correct horse/battery@staple'

READY = re.compile(
    r'[Rr]eady (for connections|to accept connections|to serve client)'
)

#: What keeps Debian packages from starting a server of their own.
_POLICY = pathlib.Path('/usr/sbin/policy-rc.d')


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def mariadb(folder: pathlib.Path) -> Iterator[str]:
    """Address ``HOST:PORT`` of a server whose ``root`` has PASSWORD."""
    server = require('mariadbd', 'mariadb-server')
    port = free_port()
    data, setup = folder / 'data', folder / 'setup.sql'
    setup.write_text(
        "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY "
        f"'{PASSWORD}';\n"
        "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    user = _owner('mysql', folder)
    subprocess.run(
        [
            'mariadb-install-db',
            '--no-defaults',
            '--skip-test-db',
            '--auth-root-authentication-method=normal',
            f'--datadir={data}',
            f'--user={user}',
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    command = [
        server,
        '--no-defaults',
        f'--datadir={data}',
        f'--init-file={setup}',
        f'--port={port}',
        '--bind-address=127.0.0.1',
        '--skip-name-resolve',
        f'--socket={folder}/socket',
        f'--pid-file={folder}/pid',
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-lock-wait-timeout=20',
    ]
    with _running(command, folder / 'log', user, signal.SIGTERM):
        yield f'127.0.0.1:{port}'


@contextlib.contextmanager
def postgresql(folder: pathlib.Path) -> Iterator[str]:
    """Address ``HOST:PORT`` of a server whose ``root`` has PASSWORD."""
    require('pg_ctlcluster', 'postgresql')
    newest = max(
        pathlib.Path('/usr/lib/postgresql').iterdir(),
        key=lambda path: int(path.name),
    )
    port = free_port()
    data, password = folder / 'data', folder / 'password'
    password.write_text(PASSWORD)
    # It refuses to run as root.
    user = _owner('postgres', folder)
    subprocess.run(
        [
            newest / 'bin' / 'initdb',
            *('-D', data, '-U', 'root', '-A', 'scram-sha-256'),
            *('-E', 'UTF8', '--locale=C.UTF-8', '--pwfile', password),
            '--no-sync',
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    command = [
        *(str(newest / 'bin' / 'postgres'), '-D', str(data)),
        *('-p', str(port), '-k', str(folder)),
        *('-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'),
    ]
    # SIGINT: do not wait for clients.
    with _running(command, folder / 'log', user, signal.SIGINT):
        yield f'127.0.0.1:{port}'


@contextlib.contextmanager
def redis(folder: pathlib.Path) -> Iterator[str]:
    """Address ``HOST:PORT`` of a Redis that keeps nothing on disk."""
    server = require('redis-server', 'redis-server')
    port = free_port()
    command = [
        *(server, '--port', str(port), '--bind', '127.0.0.1'),
        *('--save', '', '--dir', str(folder)),
    ]
    with _running(command, folder / 'log', getpass.getuser(), signal.SIGTERM):
        yield f'127.0.0.1:{port}'


@contextlib.contextmanager
def etcd(folder: pathlib.Path) -> Iterator[str]:
    """Address ``HOST:PORT`` of an etcd of one member."""
    server = require('etcd', 'etcd-server')
    clients, peers = (f'http://127.0.0.1:{free_port()}' for _ in range(2))
    command = [
        *(server, '--data-dir', str(folder / 'data')),
        *('--listen-client-urls', clients, '--advertise-client-urls', clients),
        *('--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers),
        *('--initial-cluster', f'default={peers}'),
    ]
    with _running(command, folder / 'log', getpass.getuser(), signal.SIGTERM):
        yield clients.removeprefix('http://')


@contextlib.contextmanager
def _running(
    command: list[str], log: pathlib.Path, user: str, stop: int
) -> Iterator[None]:
    """The server, as long as the block, from when it says it is ready."""
    with (
        log.open('ab') as output,
        subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=user,
            cwd=log.parent,
        ) as process,
    ):
        try:
            _wait(process, log)
            yield
        finally:
            process.send_signal(stop)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: subprocess.Popen, log: pathlib.Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        if READY.search(log.read_text()):
            return
        time.sleep(0.2)
    raise AssertionError(f'no server:\n{log.read_text()[-4000:]}')


def _owner(name: str, folder: pathlib.Path) -> str:
    """User that the server runs as, to whom the folder belongs now."""
    if os.getuid() != 0:
        return getpass.getuser()
    folder.chmod(0o755)
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, name)
    return name


def require(program: str, package: str) -> str:
    """Path of a server's program; its package is installed if need be."""
    search = os.environ['PATH'] + ':/usr/sbin'
    if shutil.which(program, path=search) is None:
        with _no_service_starts():
            _apt_get('update')
            _apt_get('install', '-y', '--no-install-recommends', package)
    found = shutil.which(program, path=search)
    assert found, f'{package} brought no {program}'
    return found


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    if _POLICY.exists():
        yield
        return
    script = '#!/bin/sh\nexit 101\n'
    _as_root('tee', str(_POLICY), input=script.encode())
    _as_root('chmod', '755', str(_POLICY))
    try:
        yield
    finally:
        _as_root('rm', str(_POLICY))


def _apt_get(*arguments: str) -> None:
    _as_root('env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq',
             *arguments)  # fmt: skip


def _as_root(*command: str, **options) -> None:
    sudo = [] if os.getuid() == 0 else ['sudo', '-n']
    subprocess.run(
        [*sudo, *command], check=True, stdout=subprocess.DEVNULL, **options
    )
