# SPDX-License-Identifier: Apache-2.0

"""``ecrae explain`` and ``ecrae hosts`` over a cloud of HTTP answers."""

import dataclasses
import datetime
import json
import re
import time

import pytest

from ecrae.cmd import shell
from ecrae.kb import catalogue
from ecrae.kb import decisions
from ecrae.kb import readings
from ecrae.model import decision
from ecrae.model import hints
from ecrae.model.knowledge import TagKind
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests.unit import cataloguing
from tests.unit.clients import wire


BUILTIN = catalogue.load()
TYPES = sorted(BUILTIN.node_types)
WON = decision.CandidateScore(
    node_type=TYPES[0],
    flavor='ecrae.db.large',
    host='alpha',
    marginal_power_w=5.0,
    efficiency=0.2,
    reason='Most work for a watt.',
)
LOST = dataclasses.replace(
    WON, node_type=TYPES[1], host='beta', efficiency=0.1, reason='Half of it.'
)
DECISION = decision.Decision(
    id='11111111-2222-3333-4444-555555555555',
    created_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    source='app',
    components=(
        decision.ComponentDecision(
            node='db',
            tag='database',
            kind=TagKind.HINT,
            chosen=WON,
            candidates=(WON, LOST),
        ),
    ),
)


@pytest.fixture
def cloud(requests_mock, monkeypatch):
    for name, value in {
        'OS_AUTH_URL': wire.AUTH,
        'OS_USERNAME': 'admin',
        'OS_PASSWORD': 'secret',
        'OS_PROJECT_NAME': 'admin',
        'OS_USER_DOMAIN_ID': 'default',
        'OS_PROJECT_DOMAIN_ID': 'default',
    }.items():
        monkeypatch.setenv(name, value)
    return wire.WireCloud(requests_mock)


@pytest.fixture
def database(tmp_path):
    made = cataloguing.make(tmp_path, {'alpha': TYPES[0], 'beta': TYPES[1]})
    with made.writer() as session:
        decisions.record(session, DECISION)
    return made


@pytest.fixture
def run(database, tmp_path, capsys):
    config = tmp_path / 'ecrae.conf'
    config.write_text(
        f'[ecrae_database]\nconnection = {database.engine.url}\n'
    )

    def _run(*words):
        code = shell.main(['--config-file', str(config), *words])
        output = capsys.readouterr()
        return code, output.out, output.err

    return _run


def server(name, **metadata):
    return {
        'id': f'id-{name}',
        'name': name,
        'status': 'ACTIVE',
        'flavor': {'original_name': 'ecrae.db.large'},
        'OS-EXT-SRV-ATTR:host': 'alpha',
        'metadata': metadata,
    }


def serve(cloud, *servers):
    cloud.mock.get(re.compile(f'{wire.NOVA}/servers/'), status_code=404)
    cloud.mock.get(
        re.compile(f'{wire.NOVA}/servers/detail'), json={'servers': []}
    )
    for each in servers:
        cloud.mock.get(
            f'{wire.NOVA}/servers/{each["id"]}', json={'server': each}
        )


PLACED = server(
    'db-1',
    **{
        hints.TAG: 'database',
        hints.NODE_TYPE: TYPES[0],
        hints.DECISION: DECISION.id,
    },
)


def test_every_candidate_of_a_server_with_its_reason(cloud, run):
    serve(cloud, PLACED)
    code, out, _err = run('explain', 'id-db-1', '-f', 'json')
    assert code == 0
    first, second = json.loads(out)
    assert (first['candidate'], first['outcome']) == (TYPES[0], 'chosen')
    assert (second['candidate'], second['outcome']) == (TYPES[1], 'lost')
    assert second['reason'] == 'Half of it.'
    assert first['runs_on'] == 'alpha'


def test_name_of_a_stack_stands_for_its_servers(cloud, run):
    serve(cloud, PLACED)
    cloud.mock.get(
        re.compile(f'{wire.HEAT}/stacks/app/resources'),
        json={
            'resources': [
                {
                    'resource_type': 'OS::Nova::Server',
                    'physical_resource_id': 'id-db-1',
                },
                {
                    'resource_type': 'OS::Neutron::Port',
                    'physical_resource_id': 'id-port',
                },
            ]
        },
    )
    code, out, _err = run('explain', 'app', '-f', 'json')
    assert code == 0
    assert {row['server'] for row in json.loads(out)} == {'db-1'}


def test_neither_server_nor_stack(cloud, run):
    serve(cloud)
    cloud.mock.get(re.compile(f'{wire.HEAT}/stacks/'), status_code=404)
    code, _out, err = run('explain', 'nothing')
    assert (code, err) == (
        1,
        'There is no server and no stack named nothing.\n',
    )


def test_server_that_ecrae_did_not_place(cloud, run):
    serve(cloud, server('plain'))
    code, _out, err = run('explain', 'id-plain')
    assert code == 1
    assert 'id-plain has no server that ECRAE placed' in err


def test_hosts_with_what_is_measured_of_them(cloud, run, database):
    cloud.hosts(wire.hypervisor('alpha'), wire.hypervisor('beta'))
    cloud.rooms({'uuid-alpha': wire.summary(), 'uuid-beta': wire.summary()})
    with database.writer() as session:
        readings.replace_all(
            session,
            [
                Reading(
                    subject=Subject.HOST,
                    name='alpha',
                    metric=metric,
                    value=value,
                    measured_at=time.time(),
                    source='gnocchi',
                )
                for metric, value in (
                    (Metric.UTILIZATION, 0.5),
                    (
                        Metric.POWER_W,
                        BUILTIN.node_types[TYPES[0]].curve.at(0.5),
                    ),
                )
            ],
        )
    code, out, _err = run('hosts', '-f', 'json')
    assert code == 0
    alpha, beta = json.loads(out)
    assert (alpha['host'], alpha['utilization']) == ('alpha', 0.5)
    assert (alpha['is_measured'], beta['is_measured']) == (True, False)
    assert alpha['node_type'] == TYPES[0]
    assert isinstance(beta['tags'], list)


def test_servers_share_what_their_host_draws(cloud, run, database):
    cloud.hosts(wire.hypervisor('alpha'), wire.hypervisor('beta'))
    cloud.rooms({'uuid-alpha': wire.summary(), 'uuid-beta': wire.summary()})
    flavor = {'vcpus': 2, 'ram': 1024, 'disk': 1}
    listed = [
        {**server(name, **{hints.TAG: 'database'}), 'flavor': flavor}
        for name in ('db-1', 'db-2')
    ]
    listed.append({**listed[0], 'id': 'id-far', 'name': 'far'})
    listed[-1]['OS-EXT-SRV-ATTR:host'] = 'beta'
    cloud.mock.get(
        re.compile(f'{wire.NOVA}/servers/detail'),
        [{'json': {'servers': listed}}, {'json': {'servers': []}}],
    )
    idle_w = BUILTIN.node_types[TYPES[0]].curve.power_w[0]
    with database.writer() as session:
        readings.replace_all(
            session,
            [
                Reading(
                    subject=subject,
                    name=name,
                    metric=metric,
                    value=value,
                    measured_at=time.time(),
                    source='gnocchi',
                )
                for subject, name, metric, value in (
                    (Subject.HOST, 'alpha', Metric.POWER_W, idle_w + 40.0),
                    (Subject.INSTANCE, 'id-db-1', Metric.CPU_CORES_USED, 1.5),
                    (Subject.INSTANCE, 'id-db-2', Metric.CPU_CORES_USED, 0.5),
                )
            ],
        )

    code, out, _err = run('servers', '--host', 'alpha', '-f', 'json')

    assert code == 0
    first, second = json.loads(out)
    assert (first['server'], first['tag']) == ('db-1', 'database')
    assert first['power_w'] == pytest.approx(idle_w / 2 + 30.0, abs=0.01)
    assert second['power_w'] == pytest.approx(idle_w / 2 + 10.0, abs=0.01)
    assert first['is_cpu_measured']
    assert first['is_power_measured']
