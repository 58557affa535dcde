# SPDX-License-Identifier: Apache-2.0

"""Real telemetry servers, each in a folder and on ports of its own."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import requests
import sqlalchemy as sa
import yaml
from testcloud_lib import configuration
from testcloud_lib import gnocchi as gnocchi_command

from tests.database import servers as database


#: Debian and Ubuntu packages that the tests install where they are missing.
PACKAGES = {
    'prometheus': 'prometheus',
    'promtool': 'prometheus',
    'prometheus-node-exporter': 'prometheus-node-exporter',
}


def require(program: str) -> str:
    """Path of a server program, installed from its package if need be."""
    search = os.environ['PATH'] + ':/usr/sbin'
    if shutil.which(program, path=search) is None:
        _apt_get('update')
        _apt_get('install', '-y', '--no-install-recommends', PACKAGES[program])
    found = shutil.which(program, path=search)
    assert found, f'{PACKAGES[program]} brought no {program}'
    return found


def _apt_get(*arguments: str) -> None:
    sudo = [] if os.getuid() == 0 else ['sudo', '-n']
    subprocess.run(
        [*sudo, 'apt-get', '-qq', *arguments],
        check=True,
        env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'},
        stdout=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def running(
    command: list[str], log: pathlib.Path, **options
) -> Iterator[subprocess.Popen]:
    """A process that lives as long as the block."""
    with (
        log.open('ab') as out,
        subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, **options
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(
    url: str,
    log: pathlib.Path,
    *,
    auth: tuple[str, str] | None = None,
    timeout_s: float = 90,
) -> None:
    """Wait until a server answers, or fail with its log."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, auth=auth, timeout=5).ok:
                return
        time.sleep(0.3)
    raise AssertionError(f'{url} did not answer:\n{log.read_text()[-4000:]}')


@contextlib.contextmanager
def prometheus(
    folder: pathlib.Path, targets: list[str], **job: object
) -> Iterator[str]:
    """URL of a Prometheus that scrapes the targets every second.

    :param job: more of the scrape job, such as ``metric_relabel_configs``.
    """
    port = database.free_port()
    config = folder / 'prometheus.yml'
    scrape = {
        'job_name': 'node',
        'static_configs': [{'targets': targets}],
        **job,
    }
    config.write_text(
        yaml.safe_dump(
            {'global': {'scrape_interval': '1s'}, 'scrape_configs': [scrape]}
        )
    )
    log = folder / 'prometheus.log'
    command = [
        require('prometheus'),
        f'--config.file={config}',
        f'--storage.tsdb.path={folder / "tsdb"}',
        f'--web.listen-address=127.0.0.1:{port}',
    ]
    with running(command, log):
        url = f'http://127.0.0.1:{port}'
        wait_for(f'{url}/-/ready', log)
        yield url


@contextlib.contextmanager
def rabbitmq(folder: pathlib.Path) -> Iterator[str]:
    """oslo.messaging's URL of an empty RabbitMQ."""
    database.require('rabbitmq-server', 'rabbitmq-server')
    own = folder / 'rabbitmq'
    own.mkdir()
    port, erlang = database.free_port(), str(database.free_port())
    (own / 'rabbitmq.conf').write_text(f'listeners.tcp.1 = 127.0.0.1:{port}\n')
    (own / 'plugins').write_text('[].\n')
    environment = {
        **os.environ,
        'HOME': str(own),
        'ERL_EPMD_PORT': erlang,
        'RABBITMQ_NODENAME': f'ecrae-{port}@localhost',
        'RABBITMQ_DIST_PORT': str(database.free_port()),
        'RABBITMQ_CONFIG_FILE': str(own / 'rabbitmq.conf'),
        'RABBITMQ_ENABLED_PLUGINS_FILE': str(own / 'plugins'),
        'RABBITMQ_MNESIA_BASE': str(own / 'data'),
        'RABBITMQ_LOG_BASE': str(own),
        'RABBITMQ_PID_FILE': str(own / 'pid'),
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '+S 1:1 +sbwt none',
    }
    log = folder / 'rabbitmq.log'
    # Debian's command in the path wants to be run by a user of its own.
    with (
        running(['epmd', '-port', erlang, '-address', '127.0.0.1'], log),
        running(
            ['/usr/lib/rabbitmq/bin/rabbitmq-server'], log, env=environment
        ),
    ):
        _wait_for_port(port, log)
        yield f'rabbit://guest:guest@127.0.0.1:{port}/'


def _wait_for_port(port: int, log: pathlib.Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(('127.0.0.1', port), 5).close()
            return
        time.sleep(0.3)
    raise AssertionError(f'{port} did not answer:\n{log.read_text()[-4000:]}')


@contextlib.contextmanager
def node_exporter(folder: pathlib.Path) -> Iterator[str]:
    """Address of a node_exporter that measures this machine."""
    port = database.free_port()
    log = folder / 'node_exporter.log'
    command = [
        require('prometheus-node-exporter'),
        f'--web.listen-address=127.0.0.1:{port}',
        f'--collector.textfile.directory={folder}',
    ]
    with running(command, log):
        wait_for(f'http://127.0.0.1:{port}/metrics', log)
        yield f'127.0.0.1:{port}'


@contextlib.contextmanager
def mariadb(folder: pathlib.Path) -> Iterator[str]:
    """SQLAlchemy URL of an empty database ``gnocchi``."""
    own = folder / 'mariadb'
    own.mkdir()
    with database.mariadb(own) as address:
        host, port = address.split(':')
        url = sa.URL.create(
            'mysql+pymysql',
            username='root',
            password=database.PASSWORD,
            host=host,
            port=int(port),
        )
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            connection.exec_driver_sql('CREATE DATABASE gnocchi')
        engine.dispose()
        named = url.set(database='gnocchi')
        yield named.render_as_string(hide_password=False)


def _gnocchi_environment() -> pathlib.Path:
    """Gnocchi's own virtual environment, made once."""
    venv = pathlib.Path(
        os.environ.get('ECRAE_GNOCCHI_VENV', sys.prefix + '-gnocchi')
    )
    if not (venv / 'bin/gnocchi-upgrade').exists():
        uv = shutil.which('uv')
        assert uv, 'uv is needed to install Gnocchi'
        subprocess.run([uv, 'venv', '-q', '--clear', venv], check=True)
        subprocess.run(
            [
                *(uv, 'pip', 'install', '-q', '--compile-bytecode'),
                *('--python', venv / 'bin/python'),
                *('-c', gnocchi_command.CONSTRAINTS),
                *gnocchi_command.PACKAGES,
            ],
            check=True,
            env={k: v for k, v in os.environ.items() if k != 'UV_OVERRIDE'},
        )
    return venv


@contextlib.contextmanager
def gnocchi(folder: pathlib.Path, database_url: str) -> Iterator[str]:
    """URL of a Gnocchi with its API and its metricd."""
    venv, port = _gnocchi_environment(), database.free_port()
    config = folder / 'gnocchi.conf'
    options = {
        **gnocchi_command.options(database_url, folder),
        'api': {'auth_mode': 'basic'},
    }
    config.write_text(configuration.render(options))
    subprocess.run(gnocchi_command.upgrade(venv, config), check=True)
    log = folder / 'gnocchi.log'
    with (
        running(gnocchi_command.api(venv, config, port), log),
        running(gnocchi_command.metricd(venv, config), log),
    ):
        url = f'http://127.0.0.1:{port}'
        # Fails until metricd has joined.
        wait_for(f'{url}/v1/status', log, auth=('admin', ''))
        yield url
