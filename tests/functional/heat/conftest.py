# SPDX-License-Identifier: Apache-2.0

import time

import pytest

from ecrae.deployer.heat import resources
from ecrae.deployer.heat import template
from ecrae.kb import catalogue
from ecrae.kb import readings
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests.functional.heat import emulation
from tests.functional.heat import engine as heat_engine
from tests.unit import cataloguing


#: Hosts of the emulated cloud, with what hardware they are.
HOSTS = {
    'arm-1': 'arm-altra-q80',
    'epyc-1': 'x86-epyc-9754',
    'xeon-1': 'x86-xeon-8380',
}


@pytest.fixture
def cloud():
    """Three hosts, the catalogue's flavors, an image for each architecture."""
    emulated = emulation.EmulatedCloud()
    for name in HOSTS:
        emulated.add_host(name)
    for flavor in catalogue.load().flavors.values():
        emulated.add_flavor(
            flavor.name, flavor.vcpus, flavor.memory_mib, flavor.disk_gib
        )
    for architecture in ('x86_64', 'aarch64'):
        emulated.add_image(
            f'debian-{architecture}', architecture, os_distro='debian'
        )
    with emulated.answering():
        yield emulated


@pytest.fixture
def database(tmp_path):
    """A knowledge base with the catalogue and the cloud's hosts."""
    return cataloguing.make(tmp_path, HOSTS)


@pytest.fixture
def measure(database):
    """Put readings of hosts in the place of those that were kept."""

    def put(metric, age_s=0, **values):
        with database.writer() as session:
            readings.replace_all(
                session,
                [
                    Reading(
                        subject=Subject.HOST,
                        name=name.replace('_', '-'),
                        metric=metric,
                        value=value,
                        measured_at=time.time() - age_s,
                        source='test',
                    )
                    for name, value in values.items()
                ],
            )

    return put


@pytest.fixture
def engine(tmp_path, cloud, database, monkeypatch):
    """heat-engine with an empty database and ECRAE configured."""
    monkeypatch.setattr(template, '_planner', None)
    restore = heat_engine.configure(
        tmp_path,
        f"""
[DEFAULT]
plugin_dirs = {resources.__path__[0]}
[ecrae_database]
connection = {database.engine.url}
[ecrae_deployer]
observation_lifetime = 0
[ecrae_cloud]
auth_type = password
auth_url = {emulation.AUTH}
username = ecrae
password = service-secret
project_name = service
user_domain_id = default
project_domain_id = default
region_name = one
""",
    )
    started = heat_engine.Engine()
    yield started
    started.stop()
    restore()
