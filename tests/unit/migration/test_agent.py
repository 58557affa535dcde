# SPDX-License-Identifier: Apache-2.0

"""Two agents over oslo.messaging's in-process bus, moving fake workloads."""

import hashlib
import inspect
import threading

import pytest

from ecrae import exception
from ecrae.migration import agent
from ecrae.migration import rpcapi
from tests.unit.migration.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    found = Cloud(tmp_path)
    found.add('one')
    found.add('two')
    yield found
    found.stop()


@pytest.mark.parametrize(
    'name',
    [
        name
        for name, _ in inspect.getmembers(rpcapi.AgentAPI, callable)
        if not name.startswith('_')
    ],
)
def test_client_and_server_have_the_same_methods(name):
    client = inspect.signature(getattr(rpcapi.AgentAPI, name))
    server = inspect.signature(getattr(agent.AgentManager, name))
    assert list(client.parameters)[2:] == list(server.parameters)[2:]
    assert client.return_annotation == server.return_annotation


def test_a_call_that_changes_is_a_new_version():
    """Agents of two versions meet during every upgrade."""
    calls = sorted(
        f'{name}{inspect.signature(method)}'
        for name, method in inspect.getmembers(rpcapi.AgentAPI, callable)
        if not name.startswith('_')
    )
    found = hashlib.sha256('\n'.join(calls).encode()).hexdigest()[:12]
    assert (rpcapi.VERSION, found) == ('1.0', 'cda45dc46915'), (
        'Raise the minor version for what is new, the major one for what '
        'older agents cannot answer; add to the version history.'
    )


def test_a_call_of_a_newer_version_is_refused_plainly(cloud, monkeypatch):
    monkeypatch.setattr(rpcapi, 'VERSION', '1.99')
    newer = rpcapi.AgentAPI(cloud.transport, timeout_s=5.0)
    with pytest.raises(
        exception.MigrationError, match=r'agent of one failed.*1\.99'
    ) as found:
        newer.get_agent('one')
    assert '\n' not in str(found.value)


def test_a_defect_of_an_agent_is_one_sentence(cloud, monkeypatch):
    def fail(*_):
        raise KeyError('used\nTraceback (most recent call last):\n  File')

    monkeypatch.setattr(agent.AgentManager, '_show', fail)
    cloud.run('one', 'web')
    cloud.api.migrate('one', 'fake:web', 'two', 'auto')
    with pytest.raises(exception.MigrationError) as found:
        cloud.api.list_migrations('one')
    assert str(found.value) == 'The agent of one failed: KeyError: used'


@pytest.mark.parametrize('mode', ['auto', 'stop-and-copy', 'live'])
def test_a_workload_moves(cloud, mode):
    cloud.run('one', 'web')
    job = cloud.api.migrate('one', 'fake:web', 'two', mode)
    assert cloud.wait('one', job['id'])['phase'] == 'released'
    assert cloud.copies('web') == {('two', 'running')}
    assert cloud.api.get_migration('two', job['id'])['phase'] == 'kept'


def test_auto_says_why(cloud):
    cloud.run('one', 'web')
    job = cloud.api.migrate('one', 'fake:web', 'two', 'auto')
    assert job['mode'] == 'post-copy'
    assert job['reason'] == 'best that one and two support'


def test_a_plan_touches_nothing(cloud):
    cloud.run('one', 'web')
    cloud.api.plan_migration('one', 'fake:web', 'two', 'auto')
    assert cloud.copies('web') == {('one', 'running')}
    assert cloud.api.list_migrations('one') == []


def test_a_name_clash_is_refused_before_anything_is_touched(cloud):
    cloud.run('one', 'web')
    cloud.run('two', 'web')
    with pytest.raises(exception.PreCheckFailed) as refusal:
        cloud.api.migrate('one', 'fake:web', 'two', 'auto')
    assert str(refusal.value) == 'two already has a fake:web.'
    assert cloud.api.list_migrations('one') == []


@pytest.mark.parametrize(
    ('workload', 'to', 'mode', 'error', 'words'),
    [
        ('fake:none', 'two', 'auto', exception.PreCheckFailed, 'not run'),
        ('lxd:web', 'two', 'auto', exception.PreCheckFailed, 'no driver'),
        ('fake:web', 'one', 'auto', exception.UsageError, 'is on one'),
        ('fake:web', 'two', 'magic', exception.UsageError, 'no mode'),
        ('fake:web', 'two', 'pre-copy', exception.PreCheckFailed, 'pre-copy'),
        ('fake:../x', 'two', 'auto', exception.UsageError, 'no workload'),
        ('web', 'two', 'auto', exception.UsageError, 'DRIVER:NAME'),
    ],
)
def test_errors_arrive_as_what_they_were(
    cloud, workload, to, mode, error, words
):
    cloud.run('one', 'web')
    with pytest.raises(error, match=words) as found:
        cloud.api.migrate('one', workload, to, mode)
    assert 'Traceback' not in str(found.value)
    assert cloud.copies('web') == {('one', 'running')}


def test_an_agent_that_is_not_there_is_unreachable(cloud):
    with pytest.raises(exception.Unreachable, match='agent of three'):
        rpcapi.AgentAPI(cloud.transport, timeout_s=0.2).get_agent('three')


def test_agents_say_what_runs(cloud):
    cloud.run('one', 'web')
    found = cloud.api.get_agent('one')
    assert found['workloads'] == [
        {
            'name': 'fake:web',
            'is_running': True,
            'memory_mib': 0.0,
            'cpu_s': 0.0,
        }
    ]


def test_what_is_over_cannot_be_cancelled(cloud):
    cloud.run('one', 'web')
    job = cloud.api.migrate('one', 'fake:web', 'two', 'auto')
    cloud.wait('one', job['id'])
    with pytest.raises(exception.Conflict, match='released'):
        cloud.api.cancel_migration('one', job['id'])


def test_a_host_moves_so_many_workloads_at_once_and_no_more(cloud):
    cloud.add('narrow', max_outgoing=1)
    for name in ('web', 'mail'):
        cloud.run('narrow', name)
    held = threading.Event()
    restore = cloud.ends['two'].restore

    def wait_and_restore(*arguments):
        held.wait(10.0)
        return restore(*arguments)

    cloud.ends['two'].restore = wait_and_restore
    job = cloud.api.migrate('narrow', 'fake:web', 'two', 'auto')
    try:
        with pytest.raises(exception.PreCheckFailed, match='1 workloads at'):
            cloud.api.migrate('narrow', 'fake:mail', 'two', 'auto')
    finally:
        held.set()
    assert cloud.wait('narrow', job['id'])['phase'] == 'released'
    assert cloud.copies('mail') == {('narrow', 'running')}
