# SPDX-License-Identifier: Apache-2.0

"""MariaDB and RabbitMQ on the cloud's own ports and folders."""

import getpass
import hashlib
import pathlib
import shutil
import socket
import time

from testcloud_lib import progress
from testcloud_lib.cloud import Cloud
from testcloud_lib.errors import CloudError
from testcloud_lib.processes import Service


#: Databases by the user that owns them.
DATABASES = {
    'keystone': ('keystone',),
    'placement': ('placement',),
    'glance': ('glance',),
    'neutron': ('neutron',),
    'nova': ('nova_api', 'nova_cell0', 'nova_cell1'),
    'heat': ('heat',),
    'ecrae': ('ecrae',),
}

_RABBIT = '/usr/lib/rabbitmq/bin/rabbitmq-server'


#: The same for what a cloud has only where it was asked for.
EXTRA_DATABASES = {'gnocchi': ('gnocchi',)}


def database_url(cloud: Cloud, database: str, user: str = '') -> str:
    """SQLAlchemy URL of a database."""
    user = user or database
    return (
        f'mysql+pymysql://{user}:{cloud.password("db-" + user)}'
        f'@127.0.0.1:{cloud.port("mariadb")}/{database}?charset=utf8mb4'
    )


def transport_url(cloud: Cloud) -> str:
    """oslo.messaging URL of the broker."""
    return (
        f'rabbit://openstack:{cloud.password("amqp")}'
        f'@127.0.0.1:{cloud.port("amqp")}/'
    )


def write_configuration(cloud: Cloud) -> None:
    """Write the files of both servers."""
    mariadb = cloud.etc / 'mariadb'
    mariadb.mkdir(parents=True, exist_ok=True)
    (mariadb / 'my.cnf').write_text(_mariadb_options(cloud))
    users = mariadb / 'users.sql'
    users.touch(mode=0o600)
    users.write_text(_users_sql(cloud))
    rabbit = cloud.etc / 'rabbitmq'
    rabbit.mkdir(parents=True, exist_ok=True)
    (rabbit / 'rabbitmq.conf').write_text(_rabbitmq_options(cloud))
    (rabbit / 'enabled_plugins').write_text('[].\n')


def _mariadb_options(cloud: Cloud) -> str:
    folder = cloud.data / 'mariadb'
    return f"""[mariadbd]
datadir = {folder}
user = {getpass.getuser()}
port = {cloud.port('mariadb')}
bind-address = 127.0.0.1
# Relative to datadir, because a socket's path must be short.
socket = mysql.sock
pid-file = {folder}/mariadbd.pid
init-file = {cloud.etc}/mariadb/users.sql
skip-name-resolve
skip-log-bin
max_connections = 1000
performance_schema = off
innodb_buffer_pool_size = 192M
innodb_log_file_size = 32M
# The data are not for keeps.
innodb_flush_log_at_trx_commit = 0
innodb_doublewrite = 0
"""


def _users_sql(cloud: Cloud) -> str:
    root = cloud.password('db-root')
    lines = [
        f"ALTER USER root@localhost IDENTIFIED BY '{root}';",
        f"CREATE OR REPLACE USER root@127.0.0.1 IDENTIFIED BY '{root}';",
        'GRANT ALL ON *.* TO root@127.0.0.1 WITH GRANT OPTION;',
    ]
    extra = {name: EXTRA_DATABASES[name] for name in cloud.extras}
    for user, databases in {**DATABASES, **extra}.items():
        password = cloud.password(f'db-{user}')
        lines.append(
            f'CREATE OR REPLACE USER {user}@127.0.0.1 IDENTIFIED BY '
            f"'{password}';"
        )
        for database in databases:
            lines += [
                f'CREATE DATABASE IF NOT EXISTS {database} '
                'CHARACTER SET utf8mb4;',
                f'GRANT ALL ON {database}.* TO {user}@127.0.0.1;',
            ]
    return '\n'.join(lines) + '\n'


def _rabbitmq_options(cloud: Cloud) -> str:
    return f"""listeners.tcp.1 = 127.0.0.1:{cloud.port('amqp')}
default_user = openstack
default_pass = {cloud.password('amqp')}
default_user_tags.administrator = true
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
"""


def services(cloud: Cloud, env: dict[str, str]) -> tuple[Service, ...]:
    """MariaDB, RabbitMQ and Erlang's port mapper."""
    erlang = {
        **env,
        'ERL_EPMD_PORT': str(cloud.port('epmd')),
        'ERL_EPMD_ADDRESS': '127.0.0.1',
    }
    rabbit = {
        **erlang,
        'RABBITMQ_NODENAME': f'testcloud-{cloud.port_base}@localhost',
        'RABBITMQ_DIST_PORT': str(cloud.port('amqp_dist')),
        'RABBITMQ_MNESIA_BASE': str(cloud.data / 'rabbitmq'),
        'RABBITMQ_LOG_BASE': str(cloud.logs),
        'RABBITMQ_CONFIG_FILE': str(cloud.etc / 'rabbitmq/rabbitmq.conf'),
        'RABBITMQ_ENABLED_PLUGINS_FILE': str(
            cloud.etc / 'rabbitmq/enabled_plugins'
        ),
        'RABBITMQ_PID_FILE': str(cloud.data / 'rabbitmq/pid'),
        # Idle schedulers must sleep, not spin: the machine is small. And
        # nobody on the network is to talk to this node.
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': (
            '+sbwt none +sbwtdcpu none +sbwtdio none '
            '-kernel inet_dist_use_interface {127,0,0,1}'
        ),
    }
    return (
        _service(
            'mariadb',
            (
                '/usr/sbin/mariadbd',
                f'--defaults-file={cloud.etc}/mariadb/my.cnf',
            ),
            env,
            0,
            (cloud.etc / 'mariadb/users.sql').read_bytes(),
        ),
        _service(
            'epmd', ('epmd', '-port', erlang['ERL_EPMD_PORT']), erlang, 0
        ),
        _service('rabbitmq', (_RABBIT,), rabbit, 1),
    )


def _service(
    name: str,
    argv: tuple[str, ...],
    env: dict[str, str],
    order: int,
    read_at_start: bytes = b'',
) -> Service:
    # The caller's PATH is no reason to start a server again.
    read = sorted((k, v) for k, v in env.items() if k != 'PATH')
    digest = hashlib.sha256(repr((argv, read)).encode() + read_at_start)
    return Service(
        name=name,
        argv=argv,
        env=env,
        order=order,
        fingerprint=digest.hexdigest(),
    )


def make_database_folder(cloud: Cloud, log: pathlib.Path) -> None:
    """Make an empty database server, unless there is one."""
    folder = cloud.data / 'mariadb'
    if (folder / 'mysql').is_dir():
        return
    shutil.rmtree(folder, ignore_errors=True)
    progress.run(
        [
            'mariadb-install-db',
            '--no-defaults',
            f'--datadir={folder}',
            f'--user={getpass.getuser()}',
            '--auth-root-authentication-method=normal',
            '--skip-test-db',
        ],
        log,
    )


def wait_for_port(port: int, what: str, timeout_s: float = 60) -> None:
    """Wait until something listens.

    :raises CloudError: nothing does in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_listening(port):
            return
        time.sleep(0.1)
    raise CloudError(
        f'{what} does not listen on port {port} after {timeout_s:.0f} s'
    )


def is_listening(port: int) -> bool:
    """Whether something accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(('127.0.0.1', port)) == 0
