# SPDX-License-Identifier: Apache-2.0

"""``ecrae migrate`` of servers of a real Nova, to the real end."""

import json

import pytest


#: The two hosts of this type, by each other.
OTHER = {'xeon-1': 'xeon-2', 'xeon-2': 'xeon-1'}


@pytest.fixture
def server(admin, name):
    """A server; what its migration holds of a host is given back.

    Nova leaves that to an operator when a migration ends in an error, and
    the host would never be empty again.
    """
    made = admin.boot_tagged(name, 'm1.small', 'exact:x86-xeon-8380')
    yield made
    answer = admin.sdk.compute.get(
        '/os-migrations',
        params={'instance_uuid': made.id},
        microversion='2.59',
    )
    for migration in answer.json()['migrations']:
        admin.sdk.placement.delete(f'/allocations/{migration["uuid"]}')


@pytest.fixture
def wish(admin, server):
    """Tell the hypervisor how the server's migration is to go."""

    def tell(**wishes):
        admin.sdk.compute.set_server_metadata(
            server.id,
            **{f'testcloud:{key}': str(each) for key, each in wishes.items()},
        )

    return tell


def _migrate(cloud, server, to, *words):
    return cloud.execute(
        'admin',
        'ecrae',
        'migrate',
        '-f',
        'json',
        f'nova:{server.id}',
        to,
        *words,
    )


def test_a_server_moves_and_how_far_it_is_is_told(cloud, admin, server, wish):
    wish(migration_s=3)
    to = OTHER[server.compute_host]
    planned = _migrate(cloud, server, to, '--dry-run')
    assert json.loads(planned.stdout)['destination'] == to
    assert admin.settled(server.id).compute_host == server.compute_host

    done = _migrate(cloud, server, to)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)['source'] == server.compute_host
    told = [line for line in done.stderr.splitlines() if 'MiB' in line]
    assert len(told) >= 2, done.stderr
    assert told[-1].startswith('running: ')
    moved = admin.settled(server.id)
    assert (moved.status, moved.compute_host) == ('ACTIVE', to)


def test_post_copy_is_asked_for_and_ends_the_copying(
    cloud, admin, server, wish
):
    """Which would take far longer than the test may."""
    wish(migration_s=3600)
    to = OTHER[server.compute_host]

    done = _migrate(cloud, server, to, '--mode', 'post-copy')

    assert done.returncode == 0, done.stderr
    assert admin.settled(server.id).compute_host == to
    actions = {
        each.action for each in admin.sdk.compute.server_actions(server.id)
    }
    assert 'live_migration_force_complete' in actions


@pytest.mark.parametrize(
    ('end', 'status'), [('failed', 'ACTIVE'), ('error', 'ERROR')]
)
def test_a_server_that_did_not_arrive_is_no_success(
    cloud, admin, server, wish, end, status
):
    wish(migration_end=end)

    done = _migrate(cloud, server, OTHER[server.compute_host])

    assert done.returncode == 1
    assert server.compute_host in done.stderr
    assert status in done.stderr
    assert 'Traceback' not in done.stderr
    left = admin.settled(server.id)
    assert (left.status, left.compute_host) == (status, server.compute_host)


def test_a_host_that_nova_does_not_have_is_refused(cloud, admin, server):
    done = _migrate(cloud, server, 'xeon-9', '--dry-run')

    assert done.returncode == 1
    assert 'xeon-9 is not a compute host' in done.stderr
