# SPDX-License-Identifier: Apache-2.0

"""A real container between two real Incus daemons, by two agents."""

import contextlib

import pytest
from testnodes import containers
from testnodes import fleet as fleets
from testnodes import roots

from ecrae import exception


@pytest.fixture(scope='module')
def daemons(tmp_path_factory):
    scratch = tmp_path_factory.mktemp('containers')
    try:
        with fleets.running(
            scratch,
            'one',
            'two',
            packages=roots.CONTAINERS,
            drivers='incus',
        ) as fleet:
            image = scratch / 'image.tar.xz'
            containers.make_image(image, fleet.site.tree)
            found = {
                name: containers.Incus(node)
                for name, node in fleet.site.nodes.items()
            }
            for name, daemon in found.items():
                daemon.start(image)
                fleet.wait_for_agent(name)
            yield fleet, found['one'], found['two']
    except roots.LacksError as error:
        pytest.skip(str(error))


@pytest.fixture
def counter(daemons):
    _, one, two = daemons
    one.launch()
    yield containers.NAME
    for daemon in (one, two):
        with contextlib.suppress(RuntimeError):
            daemon.command('delete', '--force', containers.NAME)


WORKLOAD = f'incus:{containers.NAME}'


def test_a_stopped_move_brings_snapshots_and_settings(daemons, counter):
    fleet, one, two = daemons
    one.command('snapshot', 'create', counter, 'before')
    one.command('config', 'set', counter, 'user.note', 'kept')
    found = fleet.migrate(WORKLOAD, 'one', 'two', 'stopped')
    assert found['phase'] == 'released', found
    assert (one.state(), two.state()) == ('', 'Running')
    assert 'before' in two.command('info', counter).stdout
    note = two.command('config', 'get', counter, 'user.note').stdout.strip()
    assert note == 'kept'


def test_a_live_move_is_refused_before_anything_is_touched(daemons, counter):
    fleet, one, _ = daemons
    with pytest.raises(exception.PreCheckFailed, match='no live'):
        fleet.call('migrate', 'one', WORKLOAD, 'two', 'live')
    assert one.state() == 'Running'


def test_a_profile_that_is_not_there_is_refused(daemons, counter):
    fleet, one, _ = daemons
    one.command('profile', 'create', 'special')
    one.command('profile', 'add', counter, 'special')
    with pytest.raises(exception.PreCheckFailed, match='no profile special'):
        fleet.call('migrate', 'one', WORKLOAD, 'two', 'auto')
    assert one.state() == 'Running'


def test_a_name_that_is_taken_is_refused(daemons, counter):
    fleet, one, two = daemons
    two.command('init', containers.IMAGE, counter)
    with pytest.raises(exception.PreCheckFailed, match='counter already'):
        fleet.call('migrate', 'one', WORKLOAD, 'two', 'auto')
    assert (one.state(), two.state()) == ('Running', 'Stopped')
