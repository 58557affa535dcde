# SPDX-License-Identifier: Apache-2.0

import re
import time

import pytest
from oslo_config import cfg

from ecrae import exception
from ecrae.deployer import descriptor
from ecrae.deployer.heat import planner
from ecrae.kb import catalogue
from ecrae.kb import decisions
from ecrae.kb import readings
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests.unit import cataloguing
from tests.unit.clients import wire


DESCRIPTOR = descriptor.read(
    {
        'tosca_definitions_version': 'tosca_simple_yaml_1_3',
        'topology_template': {
            'node_templates': {
                'web': {
                    'type': 'tosca.nodes.Compute',
                    'metadata': {'ecrae.tag': 'web-frontend'},
                }
            }
        },
    },
    name='shop',
)


@pytest.fixture
def cloud(requests_mock):
    """One host; images of two projects."""
    return _cloud(requests_mock, 'arm-1')


def _twins(requests_mock):
    return _cloud(requests_mock, 'arm-1', 'arm-2')


def _cloud(requests_mock, *names):
    made = wire.WireCloud(requests_mock)
    requests_mock.get(
        re.compile(f'{wire.NOVA}/os-hypervisors/detail'),
        json=lambda request, context: {
            'hypervisors': []
            if 'marker' in request.qs
            else [wire.hypervisor(name) for name in names]
        },
    )
    requests_mock.get(f'{wire.NOVA}/os-services', json={'services': []})
    requests_mock.get(f'{wire.NOVA}/os-aggregates', json={'aggregates': []})
    made.rooms({f'uuid-{name}': wire.summary(vcpus=(80, 0)) for name in names})
    flavors = [
        wire.flavor(f.name, vcpus=f.vcpus, ram=f.memory_mib)
        for f in catalogue.load().flavors.values()
    ]
    requests_mock.get(
        re.compile(f'{wire.NOVA}/flavors/detail'),
        json=lambda request, context: {
            'flavors': [] if 'marker' in request.qs else flavors
        },
    )
    mine = {'architecture': 'aarch64', 'visibility': 'private'}
    made.images(
        [
            wire.image('mine', owner='me', os_version='1', **mine),
            wire.image('theirs', owner='them', os_version='2', **mine),
        ]
    )
    return made


@pytest.fixture
def database(tmp_path):
    return cataloguing.make(tmp_path, {'arm-1': 'arm-altra-q80'})


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def _plan(made, project='me'):
    return made.plan(DESCRIPTOR, inputs={}, project_id=project, previous={})


def _looks_at_hosts(cloud):
    return len(
        [
            request
            for request in cloud.mock.request_history
            if request.path.endswith('/os-services')
        ]
    )


def test_one_look_serves_for_its_lifetime(cloud, database):
    clock = Clock()
    made = planner.Planner(database, cloud.connection, 10, 60, clock)
    _plan(made)
    clock.now_s += 9
    _plan(made)
    assert _looks_at_hosts(cloud) == 1
    clock.now_s += 1
    _plan(made)
    assert _looks_at_hosts(cloud) == 2


def test_image_is_one_that_the_project_can_boot(cloud, database):
    made = planner.Planner(database, cloud.connection, 0, 60)
    assert _plan(made, 'me').images == {'web': 'mine'}
    assert _plan(made, 'them').images == {'web': 'theirs'}


def test_failed_look_is_not_remembered(cloud, database):
    made = planner.Planner(database, cloud.connection, 10, 60, Clock())
    rooms = f'{wire.PLACEMENT}/allocation_candidates?resources=MEMORY_MB:1'
    cloud.mock.get(rooms, status_code=503)
    with pytest.raises(exception.ConfigError, match='operator'):
        _plan(made)
    cloud.rooms({'uuid-arm-1': wire.summary(vcpus=(80, 0))})
    assert _plan(made).decision.components


def test_measured_watts_count_until_they_are_old(cloud, database):
    with database.writer() as session:
        readings.replace_all(
            session,
            [
                Reading(
                    subject=Subject.HOST,
                    name='arm-1',
                    metric=Metric.POWER_W,
                    value=10_000.0,
                    measured_at=1000.0,
                    source='file',
                )
            ],
        )

    def added_w(now):
        made = planner.Planner(
            database, cloud.connection, 0, 60, wall=lambda: now
        )
        return _plan(made).decision.components[0].chosen.marginal_power_w

    assert added_w(1060.0) == pytest.approx(2 * added_w(1061.0))


def test_a_burst_between_two_measurements_is_spread(requests_mock, tmp_path):
    """Two hosts, both where their curve bends: each stack takes the other."""
    cloud = _twins(requests_mock)
    database = cataloguing.make(
        tmp_path, {'arm-1': 'arm-altra-q80', 'arm-2': 'arm-altra-q80'}
    )
    now = time.time()
    with database.writer() as session:
        readings.replace_all(
            session,
            [
                Reading(
                    subject=Subject.HOST,
                    name=host,
                    metric=Metric.UTILIZATION,
                    value=0.3985,
                    measured_at=now - 30,
                    source='file',
                )
                for host in ('arm-1', 'arm-2')
            ],
        )
    made = planner.Planner(database, cloud.connection, 10, 60)
    chosen = []
    for _ in range(3):
        decision = _plan(made).decision
        made.record(decision)
        chosen.append(decision.components[0].chosen.host)

    assert chosen == ['arm-1', 'arm-2', 'arm-1']


def test_decision_is_recorded(cloud, database):
    made = planner.Planner(database, cloud.connection, 0, 60)
    decision = _plan(made).decision
    made.record(decision)
    with database.reader() as session:
        assert decisions.get(session, decision.id) == decision


def test_decision_that_cannot_be_recorded_is_logged(
    cloud, database, tmp_path, caplog
):
    made = planner.Planner(database, cloud.connection, 0, 60)
    decision = _plan(made).decision
    (tmp_path / 'kb.sqlite').unlink()
    made.record(decision)
    assert decision.id in caplog.text


def test_service_without_credentials(database):
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[])
    made = planner.from_options(conf)
    with pytest.raises(exception.ConfigError, match='knowledge base'):
        _plan(made)
    conf.set_override('connection', str(database.engine.url), 'ecrae_database')
    made = planner.from_options(conf)
    with pytest.raises(exception.ConfigError, match='state of the cloud'):
        _plan(made)
