# SPDX-License-Identifier: Apache-2.0

"""A real container between two real daemons, Incus or LXD, by two agents."""

import pytest
from testnodes import containers
from testnodes import nodes

from ecrae import exception


_ATTACH = ('storage', 'volume', 'attach')
_CRIU = '/usr/sbin/criu'
_CANNOT_RESTORE = """#!/bin/sh
[ "$1" != restore ] || exit 1
exec /srv/criu.real "$@"
"""


class Moves:
    """Whether the daemons are members of a cluster or not."""

    def test_a_stopped_move_brings_snapshots_and_settings(
        self, daemons, counter
    ):
        fleet, one, two = daemons
        one.command(*one.kind.snapshot, counter, 'before')
        one.command('config', 'set', counter, 'user.note', 'kept')
        found = fleet.migrate(one.workload, 'one', 'two', 'stopped')
        assert found['phase'] == 'released', found
        assert (one.state(), two.state()) == ('', 'Running')
        assert 'before' in two.command('info', counter).stdout
        note = two.command(
            'config', 'get', counter, 'user.note'
        ).stdout.strip()
        assert note == 'kept'

    def test_the_rebalancer_s_enactor_moves_a_container(
        self, daemons, counter
    ):
        fleet, one, two = daemons
        reached = one.count()
        fleet.call('enact', 'one', one.workload, 'two')
        assert (one.state(), two.state()) == ('', 'Running')
        assert two.count() >= reached
        # What the rebalancer is told again, it finds done.
        fleet.call('enact', 'one', one.workload, 'two')
        assert (one.state(), two.state()) == ('', 'Running')

    def test_a_live_move_goes_on_counting_there_and_back(
        self, daemons, counter
    ):
        fleet, one, two = daemons
        reached = 0
        for source, to in ((one, two), (two, one)):
            reached = max(reached, source.count())
            found = fleet.migrate(
                one.workload, source.node.name, to.node.name, 'live'
            )
            assert found['phase'] == 'released', found
            assert (source.state(), to.state()) == ('', 'Running')
            # An init that had started again would count from one.
            assert to.count() >= reached > 0

    def test_the_agent_dies_while_the_daemons_move_a_container(
        self, daemons, counter
    ):
        """They go on without it; it finds out what came of that."""
        fleet, one, two = daemons
        reached = one.count()
        job = fleet.call('migrate', 'one', one.workload, 'two', 'live')
        nodes.wait_for(two.state, 'the copy')
        fleet.restart_agent(two.node)
        found = fleet.wait('one', job['id'])
        assert found['phase'] == 'released', found
        assert (one.state(), two.state()) == ('', 'Running')
        assert two.count() >= reached

    def test_a_cpu_that_lacks_a_flag_is_refused_live(self, daemons, counter):
        fleet, one, two = daemons
        two.node.run(
            'sh',
            '-c',
            'sed "s/ sse4_2//" /proc/cpuinfo > /run/cpuinfo && '
            'mount --bind /run/cpuinfo /proc/cpuinfo',
        )
        try:
            with pytest.raises(exception.PreCheckFailed, match='lacks sse4_2'):
                fleet.call('migrate', 'one', one.workload, 'two', 'live')
            plan = fleet.call(
                'plan_migration', 'one', one.workload, 'two', 'stopped'
            )
        finally:
            two.node.run('umount', '/proc/cpuinfo')
        assert plan['mode'] == 'stopped'
        assert one.state() == 'Running'

    def test_an_unprivileged_container_moves_stopped_only(
        self, daemons, counter
    ):
        fleet, one, two = daemons
        one.delete()
        one.launch(counter, '-c', 'security.privileged=false')
        with pytest.raises(exception.PreCheckFailed, match='unprivileged'):
            fleet.call('migrate', 'one', one.workload, 'two', 'live')
        assert one.state() == 'Running'
        found = fleet.migrate(one.workload, 'one', 'two')
        assert (found['phase'], found['mode']) == ('released', 'stopped')
        assert two.state() == 'Running'
        nodes.wait_for(two.count, 'it to count')

    @pytest.mark.long
    def test_a_copy_that_cannot_be_restored_leaves_it_counting(
        self, daemons, counter
    ):
        fleet, one, two = daemons
        reached = one.count()
        two.node.run('cp', _CRIU, '/srv/criu.real')
        script = two.node.private / 'var' / 'criu'
        script.write_text(_CANNOT_RESTORE)
        script.chmod(0o755)
        two.node.run('mount', '--bind', '/srv/criu', _CRIU)
        try:
            found = fleet.migrate(one.workload, 'one', 'two', 'live')
        finally:
            two.node.run('umount', '-l', _CRIU)
        assert found['phase'] == 'returned', found
        assert (one.state(), two.state()) == ('Running', '')
        assert one.count() >= reached


class Apart(Moves):
    """Daemons that know nothing of each other."""

    is_cluster = False

    def test_a_console_that_criu_cannot_take_is_said_first(
        self, daemons, counter
    ):
        fleet, one, _ = daemons
        one.command('config', 'set', counter, 'raw.lxc=lxc.apparmor.profile=')
        with pytest.raises(exception.PreCheckFailed, match=r'raw\.lxc'):
            fleet.call('migrate', 'one', one.workload, 'two', 'live')
        plan = fleet.call('plan_migration', 'one', one.workload, 'two', 'auto')
        assert plan['mode'] == 'stopped'
        assert 'no live' in plan['reason']
        assert one.state() == 'Running'

    def test_profiles_devices_and_volumes_come_along(self, daemons, counter):
        fleet, one, two = daemons
        for daemon in (one, two):
            daemon.command('profile', 'create', 'special')
        one.command('profile', 'add', counter, 'special')
        one.command('config', 'device', 'add', counter, 'masked', 'none')
        one.command('storage', 'volume', 'create', 'default', 'data')
        one.command(*_ATTACH, 'default', 'data', counter, '/data')
        (one.volume('data') / 'file').write_text('kept')
        try:
            with pytest.raises(exception.PreCheckFailed, match='volumes'):
                fleet.call('migrate', 'one', one.workload, 'two', 'live')
            found = fleet.migrate(one.workload, 'one', 'two')
            assert (found['phase'], found['mode']) == ('released', 'stopped')
            assert two.state() == 'Running'
            shown = two.command('config', 'show', counter).stdout
            assert '- special' in shown
            assert 'masked' in shown
            assert (two.volume('data') / 'file').read_text() == 'kept'
            assert not one.volume('data').exists()
        finally:
            for daemon in (one, two):
                daemon.delete()
                daemon.command('profile', 'delete', 'special')
            for daemon in (one, two):
                words = ('storage', 'volume', 'delete', 'default', 'data')
                daemon.command(*words, check=False)

    def test_the_image_that_it_was_made_of_need_not_be_there(
        self, daemons, counter
    ):
        """A container brings its own file system."""
        fleet, one, two = daemons
        two.command('image', 'delete', containers.IMAGE)
        try:
            found = fleet.migrate(one.workload, 'one', 'two')
            assert found['phase'] == 'released', found
            assert (one.state(), two.state()) == ('', 'Running')
            nodes.wait_for(two.count, 'it to count')
        finally:
            two.import_image()

    def test_a_volume_of_the_same_name_is_refused(self, daemons, counter):
        fleet, one, two = daemons
        for daemon in (one, two):
            daemon.command('storage', 'volume', 'create', 'default', 'data')
        one.command(*_ATTACH, 'default', 'data', counter, '/data')
        try:
            with pytest.raises(
                exception.PreCheckFailed, match='volume data in pool default'
            ):
                fleet.call('migrate', 'one', one.workload, 'two', 'auto')
        finally:
            one.delete()
            for daemon in (one, two):
                words = ('storage', 'volume', 'delete', 'default', 'data')
                daemon.command(*words)

    def test_a_pool_without_room_is_refused(self, daemons, counter):
        fleet, one, two = daemons
        pool = f'{two.kind.folder}/storage-pools/default'
        tmpfs = ('-t', 'tmpfs', '-o', 'size=512k', 'tmpfs')
        two.node.run('mount', *tmpfs, pool)
        try:
            with pytest.raises(exception.PreCheckFailed, match='MiB free'):
                fleet.call('migrate', 'one', one.workload, 'two', 'auto')
        finally:
            two.node.run('umount', pool)
        assert one.state() == 'Running'

    def test_a_profile_that_is_not_there_is_refused(self, daemons, counter):
        fleet, one, _ = daemons
        one.command('profile', 'create', 'special')
        one.command('profile', 'add', counter, 'special')
        with pytest.raises(
            exception.PreCheckFailed, match='no profile special'
        ):
            fleet.call('migrate', 'one', one.workload, 'two', 'auto')
        assert one.state() == 'Running'

    def test_a_name_that_is_taken_is_refused(self, daemons, counter):
        fleet, one, two = daemons
        two.command('init', containers.IMAGE, counter)
        with pytest.raises(exception.PreCheckFailed, match='counter already'):
            fleet.call('migrate', 'one', one.workload, 'two', 'auto')
        assert (one.state(), two.state()) == ('Running', 'Stopped')

    def test_a_network_and_a_pool_that_are_not_there_are_refused_together(
        self, daemons, counter
    ):
        fleet, one, _ = daemons
        one.delete()
        one.command('storage', 'create', 'fast', 'dir')
        one.node.run('ip', 'link', 'add', 'inner', 'type', 'bridge')
        try:
            one.command('init', containers.IMAGE, counter, '-s', 'fast')
            nic = ('nic', 'nictype=bridged', 'parent=inner')
            one.command('config', 'device', 'add', counter, 'eth0', *nic)
            with pytest.raises(exception.PreCheckFailed) as refusal:
                fleet.call('migrate', 'one', one.workload, 'two', 'auto')
            assert 'no network inner' in str(refusal.value)
            assert 'no storage pool fast' in str(refusal.value)
        finally:
            one.delete()
            one.node.run('ip', 'link', 'del', 'inner')
            one.command('storage', 'delete', 'fast')


class Clustered(Moves):
    """Members of one cluster, who have one container between them."""

    is_cluster = True

    def test_an_agent_reports_what_is_on_its_own_member(
        self, daemons, counter
    ):
        fleet, one, _ = daemons
        reported = {
            host: [
                each['name']
                for each in fleet.call('get_agent', host)['workloads']
            ]
            for host in ('one', 'two')
        }
        assert reported == {'one': [one.workload], 'two': []}

    def test_what_is_on_another_member_does_not_leave_from_here(
        self, daemons, counter
    ):
        fleet, one, _ = daemons
        with pytest.raises(exception.PreCheckFailed, match='two has no'):
            fleet.call('migrate', 'two', one.workload, 'one', 'auto')
        assert one.state() == 'Running'


class TestIncus(Apart):
    kind = containers.INCUS


class TestLxd(Apart):
    kind = containers.LXD


class TestIncusCluster(Clustered):
    kind = containers.INCUS


class TestLxdCluster(Clustered):
    kind = containers.LXD
