# SPDX-License-Identifier: Apache-2.0

"""Gnocchi: how it is installed and started, here and in tests/telemetry."""

import pathlib
from typing import Any

from testcloud_lib.cloud import TOP


#: pyuwsgi is uWSGI as wheels, so that no compiler is needed.
PACKAGES = ('gnocchi[keystone,mysql]', 'pyuwsgi')

#: Gnocchi holds SQLAlchemy and others at versions that OpenStack's own
#: services have left behind, so it lives in an environment of its own.
CONSTRAINTS = TOP / 'tools' / 'constraints-gnocchi.txt'


def options(
    database_url: str, data: pathlib.Path
) -> dict[str, dict[str, Any]]:
    """What every Gnocchi needs: an index, files, one brisk worker."""
    return {
        'DEFAULT': {'coordination_url': f'file://{data}/locks'},
        'indexer': {'url': database_url},
        'storage': {'driver': 'file', 'file_basepath': f'{data}/storage'},
        'metricd': {'workers': 1, 'metric_processing_delay': 1},
    }


def upgrade(venv: pathlib.Path, config: pathlib.Path) -> list[str]:
    """Command that makes its tables and folders."""
    return [str(venv / 'bin/gnocchi-upgrade'), f'--config-file={config}']


def api(venv: pathlib.Path, config: pathlib.Path, port: int) -> list[str]:
    """Command that serves its API."""
    return [
        str(venv / 'bin/uwsgi'),
        *('--http-socket', f'127.0.0.1:{port}'),
        *('--wsgi', 'gnocchi.rest.wsgi'),
        *('--pyargv', f'--config-file={config}'),
        *('--master', '--lazy-apps', '--need-app', '--die-on-term'),
        *('--processes', '1', '--threads', '4', '--enable-threads'),
        *('--http-chunked-input', '--buffer-size', '65535'),
        *('--add-header', 'Connection: close', '--disable-logging'),
        *('--venv', str(venv)),
    ]


def metricd(venv: pathlib.Path, config: pathlib.Path) -> list[str]:
    """Command that works on what was published."""
    return [str(venv / 'bin/gnocchi-metricd'), f'--config-file={config}']
