# SPDX-License-Identifier: Apache-2.0

"""What is measured, from an agent's sample to where a server boots.

Samples go to a real Gnocchi, ``ecrae-collector`` reads them, nova-scheduler
and heat-engine rank by them. xeon-1 and xeon-2 are alike in all but what is
measured of them. On their published curve, one more busy core costs 23 W for
each tenth of load at 45 %, 32 W at 15 % and 118 W at 85 %.
"""

import json
import time

import pytest

from ecrae.kb import knowledge
from ecrae.model.reading import Metric
from tests.cloud import descriptors
from tests.cloud.telemetry import Telemetry
from tests.cloud.testcloud import HOSTS
from tests.cloud.testcloud import OBSERVATION_S
from tests.cloud.testcloud import REFRESH_S
from tests.cloud.testcloud import wait_for


XEON = 'exact:x86-xeon-8380'
GNOCCHI = ('gnocchi-api', 'gnocchi-metricd')


@pytest.fixture(scope='module')
def telemetry(cloud, database):
    """Measurements, while the collector runs."""
    made = Telemetry(cloud, database)
    cloud.run('start', 'ecrae-collector')
    yield made
    cloud.run('stop', 'ecrae-collector')
    made.forget()


@pytest.fixture
def where(demo, name):
    """Boot one more of the same tagged servers; its host."""

    def boot():
        server = demo.boot_tagged(name, 'm1.small', XEON)
        assert server.status == 'ACTIVE', server.fault
        return server.compute_host

    return boot


@pytest.fixture
def operator(cloud):
    """Run a command as the operator; what it lists."""
    config = str(cloud.state / 'etc/ecrae/ecrae.conf')

    def run(*arguments):
        done = cloud.execute(
            'admin', 'ecrae', '--config-file', config, *arguments, '-f', 'json'
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def collector_lines(cloud):
    """Lines of the collector's log since the test began, with a text."""
    begin = len(cloud.run('logs', 'ecrae-collector'))

    def lines(text):
        log = cloud.run('logs', 'ecrae-collector')[begin:]
        return [line for line in log.splitlines() if text in line]

    return lines


def test_the_same_server_boots_elsewhere_when_load_rises(telemetry, where):
    telemetry.measure({'xeon-1': 45, 'xeon-2': 15})
    before = where()
    telemetry.measure({'xeon-1': 85, 'xeon-2': 15})
    risen = where()
    telemetry.measure({'xeon-1': 45, 'xeon-2': 15})
    fallen = where()

    assert (before, risen, fallen) == ('xeon-1', 'xeon-2', 'xeon-1')


def test_the_same_server_boots_elsewhere_when_power_rises(
    telemetry, where, operator
):
    load = {'xeon-1': 20, 'xeon-2': 20}
    telemetry.measure(load, {'xeon-1': 215, 'xeon-2': 260})
    before = where()
    telemetry.measure(load, {'xeon-1': 390, 'xeon-2': 260})
    risen = where()
    shown = {row['host']: row for row in operator('hosts')}
    telemetry.measure(load, {'xeon-1': 215, 'xeon-2': 260})
    fallen = where()

    assert (before, risen, fallen) == ('xeon-1', 'xeon-2', 'xeon-1')
    assert shown['xeon-1']['is_measured']
    assert shown['xeon-1']['power_w'] == 390
    assert not shown['edge-1']['is_measured']


def test_servers_share_what_their_host_is_measured_to_draw(
    telemetry, demo, name, operator
):
    telemetry.measure({'xeon-1': 20, 'xeon-2': 85})
    busy, idle = (
        demo.boot_tagged(f'{name}-{part}', 'm1.small', XEON)
        for part in ('busy', 'idle')
    )
    assert busy.compute_host == idle.compute_host == 'xeon-1'
    telemetry.publish({}, {'xeon-1': 300})
    telemetry.use({busy.id: 0.9, idle.id: 0.05})
    wait_for(
        telemetry.known, lambda known: ('xeon-1', Metric.POWER_W) in known
    )

    rows = operator('servers', '--host', 'xeon-1')

    assert sum(row['power_w'] for row in rows) == pytest.approx(300, abs=0.1)
    vcpus = sum(row['vcpus'] for row in rows)
    cores = sum(row['cores_used'] for row in rows)
    for row in rows:
        assert row['is_power_measured']
        # 119 W idle by what is held, the rest by what is used.
        assert row['power_w'] == pytest.approx(
            119 * row['vcpus'] / vcpus + 181 * row['cores_used'] / cores,
            abs=0.1,
        )
    found = {row['id']: row for row in rows}
    assert found[busy.id]['cores_used'] == pytest.approx(0.9, abs=0.01)
    assert found[busy.id]['is_cpu_measured']
    assert found[busy.id]['power_w'] > found[idle.id]['power_w']


def test_a_tagged_stack_follows_the_measured_load(telemetry, demo, name):
    idle = {
        host: 30
        for node_type in ('arm-altra-q80', 'x86-epyc-9754', 'x86-xeon-8380')
        for host in HOSTS[node_type]
    }

    def node_type(number, percent):
        telemetry.measure(percent, refresh_s=OBSERVATION_S)
        stack = demo.create_stack(
            f'{name}-{number}', descriptors.servers('web-frontend', 1)
        )
        assert stack.stack_status == 'CREATE_COMPLETE'
        server = demo.servers_of(stack.stack_name)['n0']
        chosen = server.metadata['ecrae:node_type']
        assert server.compute_host in HOSTS[chosen]
        return chosen

    before = node_type(1, idle)
    risen = node_type(2, {**idle, **dict.fromkeys(HOSTS[before], 100)})

    assert risen != before


def test_what_a_stack_used_is_learned_and_taken_back(
    cloud, database, telemetry, demo, name
):
    config = str(cloud.state / 'etc/ecrae/ecrae.conf')

    def manage(*words):
        done = cloud.execute(
            'admin', 'ecrae-manage', '--config-file', config, *words
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def known():
        with database.reader() as session:
            return knowledge.load(session).tags['web-frontend']

    def learn(*options):
        words = ('learn', '--since=0.1', *options, 'web-frontend')
        rows = json.loads(manage(*words, '-f', 'json'))
        return {row['quantity']: row for row in rows}

    def explain(stack):
        words = ('ecrae', '--config-file', config, 'explain', stack)
        done = cloud.execute('demo', *words, '-f', 'json')
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    stack = demo.create_stack(name, descriptors.servers('web-frontend', 1))
    assert stack.stack_status == 'CREATE_COMPLETE'
    server = demo.servers_of(stack.stack_name)['n0']
    flavor = server.flavor['original_name']
    rows = explain(name)
    assert [row['outcome'] for row in rows].count('chosen') == 1
    assert all(row['server'] == server.name for row in rows)
    assert all(row['reason'] for row in rows)
    before = known()
    telemetry.hold({server.id: server.flavor['ram'] * 0.75})
    telemetry.use({server.id: server.flavor['vcpus'] * 0.5})
    wait_for(
        lambda: learn('--dry-run'),
        lambda rows: (
            rows.get('expected_memory', {}).get('outcome') == 'learned'
        ),
    )
    assert known() == before

    rows = learn()

    assert rows['expected_memory']['flavor'] == flavor
    assert rows['expected_memory']['expected_after'] == pytest.approx(0.75)
    used = rows['expected_utilization']
    assert used['outcome'] == 'learned'
    assert used['expected_after'] != used['expected_before']
    assert known() != before
    history = json.loads(
        manage('kb', 'history', 'web-frontend', '-f', 'json', '--limit', '50')
    )
    learned = [row['id'] for row in history if row['cause'] == 'learn']
    for change in learned:
        manage('kb', 'revert', str(change))
    assert known() == before


def test_a_host_that_vanishes_is_estimated(telemetry, where, collector_lines):
    telemetry.measure({'xeon-1': 85, 'xeon-2': 45})
    measured = where()
    cell = ('xeon-1', Metric.UTILIZATION)

    def known_while_the_other_goes_on():
        telemetry.publish({'xeon-2': 85})
        time.sleep(4)
        return telemetry.known()

    wait_for(
        known_while_the_other_goes_on,
        lambda known: cell not in known,
    )
    time.sleep(REFRESH_S)
    vanished = where()
    telemetry.measure({'xeon-1': 45, 'xeon-2': 85})

    assert (measured, vanished) == ('xeon-2', 'xeon-1')
    lost = collector_lines('No credible utilization')
    assert len([line for line in lost if 'xeon-1' in line]) == 1
    assert 'host xeon-1 again' in collector_lines('There is utilization')[-1]


def test_boots_go_on_without_gnocchi_and_follow_it_again(
    cloud, telemetry, where, collector_lines
):
    telemetry.measure({'xeon-1': 85, 'xeon-2': 45})
    scheduler_log = len(cloud.run('logs', 'nova-scheduler'))
    cloud.run('stop', *GNOCCHI)
    try:
        wait_for(lambda: collector_lines('is left out'), bool)
        last_known = where()
        wait_for(telemetry.known, lambda known: not known)
        time.sleep(REFRESH_S)
        neutral = where()
    finally:
        cloud.run('start', *GNOCCHI)
    wait_for(lambda: collector_lines('answers again'), bool)
    telemetry.measure({'xeon-1': 45, 'xeon-2': 85})
    followed = where()

    assert last_known == 'xeon-2'
    assert neutral in HOSTS['x86-xeon-8380']
    assert followed == 'xeon-1'
    (line,) = collector_lines('source gnocchi is left out')
    assert 'WARNING' in line
    assert len(collector_lines('source gnocchi answers again')) == 1
    log = cloud.run('logs', 'nova-scheduler')[scheduler_log:]
    assert not [line for line in log.splitlines() if ' ecrae.' in line]
