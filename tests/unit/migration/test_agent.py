# SPDX-License-Identifier: Apache-2.0

"""Two agents over oslo.messaging's in-process bus, moving fake workloads."""

import inspect

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
