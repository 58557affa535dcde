# SPDX-License-Identifier: Apache-2.0

"""Curves and expectations out of what real servers remember.

``ecrae-manage`` asks a real Gnocchi, filled as Ceilometer does it, and a real
Prometheus with hours of the usual exporters' metrics in its storage.
"""

import json
import re
import time
import uuid

import gnocchiclient.auth
import gnocchiclient.v1.client
import keystoneauth1.session
import pytest

from ecrae.cmd import manage
from ecrae.kb import knowledge
from ecrae.kb.db import Database
from ecrae.model import ranking
from ecrae.model.cluster import Host
from ecrae.model.host_arrays import HostArrays
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.telemetry import gnocchi
from tests.telemetry import day
from tests.telemetry import servers
from tests.telemetry.publisher import Publisher
from tests.unit import terminal
from tests.unit.cmd import measured


SERVER, REFERENCE = str(uuid.uuid4()), str(uuid.uuid4())
SHARING = [str(uuid.uuid4()) for _ in range(measured.SHARING)]
HOSTS = """\
ecrae_knowledge: 1
hosts:
  compute-1: {node_type: arm-altra-q80}
  compute-2: {node_type: arm-altra-q80}
  gpu-1: {node_type: arm-altra-q80-l4}
  mixed-1: {node_type: arm-altra-q80}
  xeon-1: {node_type: x86-xeon-8380}
"""
#: Two boards between 16 W and 72 W.
BOARDS_W = 112.0
FLAVOR = 'ecrae.web.small'


@pytest.fixture(scope='module')
def prometheus_options(folder):
    """Configuration for a Prometheus that remembers."""
    own = folder / 'remembering'
    own.mkdir()
    servers.require('prometheus')
    served = {SERVER: 30.0, REFERENCE: 100.0}
    day.backfill(own, time.time(), BOARDS_W, served, SHARING)
    with servers.prometheus(own, []) as url:
        yield (
            '[ecrae_telemetry]\nsources = prometheus\n'
            f'prometheus_url = {url}\n'
        )


@pytest.fixture(scope='module')
def gnocchi_options(gnocchi_url):
    """Configuration for a Gnocchi that remembers, glitches and all."""
    session = keystoneauth1.session.Session(
        gnocchiclient.auth.GnocchiBasicPlugin('admin', gnocchi_url)
    )
    publisher = Publisher(gnocchiclient.v1.client.Client(session), day.STEP_S)
    now = time.time()
    loads = [(at, day.load_at(i)) for i, at in enumerate(day.moments(now))]
    publisher.host_cpu('compute-1', [(at, 100 * load) for at, load in loads])
    publisher.host_power(
        'compute-1',
        [
            # Every twentieth reading is a glitch of the BMC.
            (at, day.REAL.at(load) if i % 20 else 4095.0)
            for i, (at, load) in enumerate(loads)
        ],
    )
    _publish_mixture(publisher, now)
    source = gnocchi.GnocchiSource(
        session, granularity_s=day.STEP_S, window_s=900
    )
    deadline = time.monotonic() + 90
    awaited = [
        (Subject.HOST, Metric.UTILIZATION, 'compute-1'),
        (Subject.HOST, Metric.POWER_W, 'compute-1'),
        (Subject.HOST, Metric.UTILIZATION, 'mixed-1'),
        (Subject.HOST, Metric.POWER_W, 'mixed-1'),
        *((Subject.INSTANCE, Metric.CPU_CORES_USED, each) for each in SHARING),
        *(
            (Subject.INSTANCE, Metric.MEMORY_USED_MIB, each)
            for each in SHARING
        ),
    ]
    for cell in awaited:
        while _count(source, now, *cell) < day.MINUTES - 2:
            assert time.monotonic() < deadline, 'metricd processed nothing'
            time.sleep(1)
    return (
        f'[ecrae_telemetry]\nsources = gnocchi\ngranularity = {day.STEP_S}\n'
        '[ecrae_cloud]\nauth_type = gnocchi-basic\nuser = admin\n'
        f'endpoint = {gnocchi_url}\n'
    )


def _publish_mixture(publisher, now):
    moments = [(at, day.mixed(i)) for i, at in enumerate(day.moments(now))]
    publisher.host_cpu('mixed-1', [(at, 100 * m[1]) for at, m in moments])
    publisher.host_power('mixed-1', [(at, m[2]) for at, m in moments])
    spent_ns = 0.0
    cpu = []
    for at, mixture in moments:
        spent_ns += day.STEP_S * mixture[0] * gnocchi.NANOSECONDS
        cpu.append((at, spent_ns))
    held = [(at, day.MEMORY_MIB) for at, _ in moments]
    for server in SHARING:
        names = {'display_name': 'batch'}
        publisher.publish('instance', server, 'cpu', cpu, **names)
        publisher.publish('instance', server, 'memory.usage', held, **names)


def _count(source, now, subject, metric, name):
    start = now - day.STEP_S * day.MINUTES
    found = source.history(subject, metric, start, now + day.STEP_S)
    return len([r for r in found if r.name == name])


@pytest.fixture
def operator(tmp_path, monkeypatch, capsys):
    """``ecrae-manage`` over a knowledge base of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'hosts.yaml').write_text(HOSTS)

    def make(options):
        config = tmp_path / 'ecrae.conf'
        config.write_text(
            f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
            f'{options}'
        )
        run = terminal.typist(manage.main, config, monkeypatch, capsys)
        for line in ('db sync', 'kb import --builtin', 'kb import hosts.yaml'):
            assert run(line)[0] == 0
        return run

    return make


def _known(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    with database.reader() as session:
        return knowledge.load(session)


def _curve(tmp_path, host):
    known = _known(tmp_path)
    return known.node_type_of(known.hosts[host]).curve.power_w


def _merits(tmp_path):
    """How the web ranks the two hosts, with nothing to do, by name."""
    known = _known(tmp_path)
    hosts = [
        Host(
            name=name,
            node_type=known.node_type_of(known.hosts[name]),
            vcpus_free=80,
            memory_free_mib=65536,
            disk_free_gib=900,
        )
        for name in ('compute-1', 'compute-2')
    ]
    target = next(
        target
        for target in known.tags['web-frontend'].targets
        if target.node_type.name == 'arm-altra-q80'
    )
    found = ranking.marginal_of(HostArrays.of(hosts), target)
    return dict(zip(('compute-1', 'compute-2'), found.merit, strict=True))


def _fit(run, *hosts):
    line = f'power fit {" ".join(hosts)} --since {day.MINUTES / 60} -f json'
    code, output, errors = run(line)
    assert code == 0, errors
    return {row['host']: row for row in json.loads(output)}


@pytest.mark.parametrize('options', ['gnocchi_options', 'prometheus_options'])
def test_a_fitted_curve_is_what_the_host_draws(
    options, operator, tmp_path, request
):
    run = operator(request.getfixturevalue(options))
    before = _merits(tmp_path)
    assert before['compute-1'] == before['compute-2']

    fitted = _fit(run, 'compute-1', 'compute-2')

    assert fitted['compute-1']['outcome'] == 'kept'
    assert fitted['compute-1']['samples'] >= day.MINUTES * 0.9
    assert fitted['compute-2']['outcome'].startswith('refused: 0 moments')
    assert _curve(tmp_path, 'compute-1') == pytest.approx(
        day.REAL.power_w, abs=3
    )
    profile = _known(tmp_path).power_profiles['measured:compute-1']
    error_w = fitted['compute-1']['mean_error_w']
    assert f'mean error {error_w:.1f} W' in profile.source
    # It draws far more than its relatives: the next component goes there.
    after = _merits(tmp_path)
    assert after['compute-1'] < after['compute-2'] == before['compute-2']

    assert run('power reset compute-1') == (0, '', '')
    assert _merits(tmp_path) == before


def test_the_load_of_gpus_is_taken_off(prometheus_options, operator, tmp_path):
    run = operator(prometheus_options)

    assert _fit(run, 'gpu-1')['gpu-1']['outcome'] == 'kept'

    # The node with its boards idle, though they were busy half of the time.
    assert _curve(tmp_path, 'gpu-1') == pytest.approx(day.REAL.power_w, abs=4)


def test_what_a_server_used_is_learned_and_taken_back(
    prometheus_options, operator, tmp_path, requests_mock
):
    run = operator(prometheus_options)
    requests_mock.real_http = True
    measured.serve(
        tmp_path,
        requests_mock,
        measured.server(SERVER, 'compute-1', FLAVOR, tag='web-frontend'),
        measured.server(REFERENCE, 'xeon-1', FLAVOR, tag='web-frontend'),
    )
    before = _known(tmp_path)
    old = _expected(before)

    code, output, errors = run(
        f'learn --since {day.MINUTES / 60} web-frontend -f json'
    )

    assert code == 0, errors
    rows = {row['quantity']: row for row in json.loads(output)}
    row, of_speed = rows['expected_utilization'], rows['relative_speed']
    speed = before.tags['web-frontend'].targets[0].relative_speed
    assert row['measured'] == pytest.approx(
        day.CORES_USED * (speed + 1) / 2, rel=0.02
    )
    assert row['outcome'] == 'learned'
    # A step: towards what was measured, by no more than a factor of two.
    new = _expected(_known(tmp_path))
    assert new == pytest.approx(
        max(old / 2, min(old * 2, row['measured'])), rel=1e-3
    )
    assert new != old
    # Three tenths of the requests for the same cores.
    assert of_speed['node_type'] == 'arm-altra-q80'
    assert of_speed['measured'] == pytest.approx(0.3, rel=0.02)
    assert of_speed['expected_after'] == of_speed['measured']

    history = json.loads(run('kb history web-frontend -f json')[1])
    learned = [change for change in history if change['cause'] == 'learn']
    assert len(learned) >= 4
    for change in learned:
        assert run(f'kb revert {change["id"]}') == (0, '', '')
    assert _known(tmp_path) == before


@pytest.mark.parametrize('options', ['gnocchi_options', 'prometheus_options'])
def test_memory_and_watts_are_learned_and_taken_back(
    options, operator, tmp_path, request, requests_mock
):
    run = operator(request.getfixturevalue(options))
    requests_mock.real_http = True
    listed = [
        measured.server(each, 'mixed-1', 'ecrae.batch.large', tag='batch')
        for each in SHARING
    ]
    if options == 'prometheus_options':
        measured.serve(tmp_path, requests_mock, *listed)
    else:
        # The test's Gnocchi has no Keystone: its account knows one endpoint.
        pages = [{'json': {'servers': page}} for page in (listed, [])]
        requests_mock.get(re.compile('/servers/detail'), pages)
    before = _known(tmp_path)

    code, output, errors = run(
        f'learn --since {day.MINUTES / 60} batch -f json'
    )

    assert code == 0, errors
    rows = {row['quantity']: row for row in json.loads(output)}
    assert rows['expected_memory']['measured'] == pytest.approx(0.75, rel=0.01)
    assert rows['relative_draw']['measured'] == pytest.approx(
        measured.DRAW, abs=0.1
    )
    after = _known(tmp_path).tags['batch']
    assert {target.relative_draw for target in after.targets} == {
        rows['relative_draw']['expected_after']
    }
    history = json.loads(run('kb history batch -f json --limit 50')[1])
    for change in history:
        if change['cause'] == 'learn':
            assert run(f'kb revert {change["id"]}') == (0, '', '')
    assert _known(tmp_path) == before


def _expected(known):
    (target,) = {
        target.expected_utilization
        for target in known.tags['web-frontend'].targets
        if target.flavor.name == FLAVOR
    }
    return target
