# SPDX-License-Identifier: Apache-2.0

import pathlib
import tempfile

import pytest

from tests.telemetry import servers


@pytest.fixture(scope='session')
def folder():
    # Servers that drop root must be able to reach it.
    with tempfile.TemporaryDirectory(prefix='ecrae-telemetry-') as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope='session')
def gnocchi_url(folder):
    with (
        servers.mariadb(folder) as database_url,
        servers.gnocchi(folder, database_url) as url,
    ):
        yield url


@pytest.fixture(scope='session')
def exporter(folder):
    with servers.node_exporter(folder) as address:
        yield address


@pytest.fixture(scope='session')
def prometheus_url(folder, exporter):
    with servers.prometheus(folder, [exporter]) as url:
        yield url
