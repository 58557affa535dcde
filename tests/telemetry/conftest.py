# SPDX-License-Identifier: Apache-2.0

import pathlib
import tempfile

import pytest
import yaml

from tests.telemetry import servers


#: How operators are told to label requests.
REQUESTS = pathlib.Path(__file__).parents[2] / (
    'examples/prometheus-requests.yml'
)


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
    # The example's jobs differ in where they scrape, and here all is one.
    rules = [
        rule
        for job in yaml.safe_load(REQUESTS.read_text())['scrape_configs']
        for rule in job.get('metric_relabel_configs', [])
    ]
    with servers.prometheus(
        folder, [exporter], metric_relabel_configs=rules
    ) as url:
        yield url
