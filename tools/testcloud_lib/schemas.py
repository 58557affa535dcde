# SPDX-License-Identifier: Apache-2.0

"""The tables of every service, made once and kept in the cache.

Making them takes most of a first start. What is kept is MariaDB's folder
right after the migrations, before anything of this cloud is in it: the cell
mappings are templates that Nova fills from its own configuration, and users
and passwords are set anew at each start of the server.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import shutil
import subprocess

from testcloud_lib import backends
from testcloud_lib import environment
from testcloud_lib import progress
from testcloud_lib.cloud import Cloud


_CELL_DATABASE = (
    '{scheme}://{username}:{password}@{hostname}:{port}/%s?{query}'
)
_CELL_TRANSPORT = '{scheme}://{username}:{password}@{hostname}:{port}/{path}'


def kept(cloud: Cloud) -> pathlib.Path:
    """Where the folder with fresh tables is or would be."""
    version = subprocess.run(
        ['/usr/sbin/mariadbd', '--version'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    digest = hashlib.sha256(
        f'{version}{backends.DATABASES}{environment.base_key()}'.encode()
    )
    return cloud.cache / f'schemas-{digest.hexdigest()[:12]}'


def take(cloud: Cloud, log: pathlib.Path) -> bool:
    """Start from the kept folder; false if there is none."""
    source = kept(cloud)
    if not source.exists():
        return False
    _copy(source, cloud.data / 'mariadb', log)
    return True


def keep(cloud: Cloud, log: pathlib.Path) -> None:
    """Put the folder of the server, which must be down, into the cache."""
    target = kept(cloud)
    if not target.exists():
        partial = target.with_suffix(f'.{os.getpid()}')
        _copy(cloud.data / 'mariadb', partial, log)
        partial.rename(target)


def _copy(
    source: pathlib.Path, target: pathlib.Path, log: pathlib.Path
) -> None:
    shutil.rmtree(target, ignore_errors=True)
    progress.run(['cp', '-a', '--reflink=auto', str(source), str(target)], log)


def migrate(cloud: Cloud, env: dict[str, str]) -> None:
    """Run every service's migrations, several services at once."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
        chains = [
            pool.submit(_run_chain, cloud, env, name, commands)
            for name, commands in _chains(cloud).items()
        ]
    for chain in chains:
        chain.result()


def _run_chain(
    cloud: Cloud, env: dict[str, str], name: str, commands: list[list[str]]
) -> None:
    for program, *arguments in commands:
        progress.run(
            [cloud.program(program), *arguments],
            cloud.logs / f'{name}-manage.log',
            env=env,
        )


def _chains(cloud: Cloud) -> dict[str, list[list[str]]]:
    """Commands by service; those of one service run one after another."""

    def conf(path: str) -> list[str]:
        return ['--config-file', str(cloud.etc / path)]

    nova = ['nova-manage', *conf('nova/nova.conf')]
    return {
        'nova': [
            [*nova, 'api_db', 'sync'],
            [
                *nova,
                'cell_v2',
                'map_cell0',
                '--database_connection',
                _CELL_DATABASE % 'nova_cell0',
            ],
            [*nova, 'db', 'sync'],
            [
                *nova,
                'cell_v2',
                'create_cell',
                '--name',
                'cell1',
                '--database_connection',
                _CELL_DATABASE % 'nova_cell1',
                '--transport-url',
                _CELL_TRANSPORT,
            ],
        ],
        'neutron': [
            [
                'neutron-db-manage',
                *conf('neutron/neutron.conf'),
                *conf('neutron/plugins/ml2/ml2_conf.ini'),
                'upgrade',
                'heads',
            ]
        ],
        'heat': [['heat-manage', *conf('heat/heat.conf'), 'db_sync']],
        'keystone': [
            ['keystone-manage', *conf('keystone/keystone.conf'), 'db_sync']
        ],
        'glance': [
            ['glance-manage', *conf('glance/glance-api.conf'), 'db_sync']
        ],
        'placement': [
            [
                'placement-manage',
                *conf('placement/placement.conf'),
                'db',
                'sync',
            ]
        ],
    }
