# SPDX-License-Identifier: Apache-2.0

"""No host, rack or zone is scheduled above its power cap.

A new host draws 60 W idle and 260 W busy on 32 cores: 0.3 of a vCPU, the
estimate where no tag says more, adds 1.875 W; a server of 8 vCPUs 15 W.
"""

import pytest
from nova import exception

from ecrae.model.cluster import HostState
from tests import hardware
from tests.functional.nova.topology import Cloud
from tests.functional.nova.topology import Scheduler


@pytest.fixture
def cloud():
    return (
        Cloud()
        .add('new-1', 'new', vcpus_used=0)
        .add('new-2', 'new', vcpus_used=32)
        .add('old-1', 'old', vcpus_used=48)
    )


@pytest.fixture
def boot(cloud, knowledge_base, enable):
    def scheduler(**states):
        knowledge_base(cloud.knowledge(**states))
        enable('EcraePowerCapFilter')
        return Scheduler(cloud)

    return scheduler


def test_without_caps_nothing_changes(boot):
    assert boot().boot() == ['new-1']


def test_cap_of_every_host(conf, boot):
    conf.config(group='ecrae_scheduler', host_power_cap=90.0)

    # 60 + 15, 60 + 30, and then no more.
    scheduler = boot()
    assert scheduler.boot(flavor=hardware.LARGE, count=2) == ['new-1'] * 2
    with pytest.raises(exception.NoValidHost):
        scheduler.boot(flavor=hardware.LARGE, count=3)


def test_tag_says_how_much_a_server_adds(conf, boot):
    # By its tag it keeps half of each vCPU busy, not 0.3: 25 W.
    conf.config(group='ecrae_scheduler', host_power_cap=84.0)
    scheduler = boot()

    assert scheduler.boot(flavor=hardware.LARGE) == ['new-1']
    with pytest.raises(exception.NoValidHost):
        scheduler.boot('web', flavor=hardware.LARGE)


def test_cap_of_the_hosts_of_an_aggregate(cloud, boot):
    cloud.add_aggregate('new-1', ecrae__host_power_cap=61)

    assert boot().boot() == ['new-2']


def test_cap_of_a_rack(cloud, boot):
    # They draw 60 + 120 W.
    cloud.add_aggregate('new-1', 'new-2', ecrae__power_cap=185)

    assert boot().boot() == ['new-1']
    cloud.aggregates[0].metadata['ecrae:power_cap'] = '180'
    assert boot().boot() == ['old-1']


def test_servers_of_one_request_fill_a_rack_together(cloud, boot):
    cloud.add_aggregate('new-1', 'new-2', ecrae__power_cap=211)

    chosen = boot().boot(flavor=hardware.LARGE, count=3)

    assert 'old-1' not in chosen[:2]
    assert chosen[2] == 'old-1'


def test_full_host_of_a_rack_still_draws(cloud, boot):
    cloud.add_aggregate('new-1', 'new-2', ecrae__power_cap=190)
    scheduler = boot()
    assert scheduler.boot() == ['new-1']

    # Placement no longer offers it, because it is full.
    del cloud.nodes['new-2']
    assert scheduler.boot() == ['new-1']
    cloud.aggregates[0].metadata['ecrae:power_cap'] = '183'
    assert scheduler.boot() == ['old-1']


@pytest.mark.parametrize(
    ('cap', 'chosen'), [(60 + 60 + 4, 'new-1'), (60 + 60 + 3, 'old-1')]
)
def test_host_never_seen_is_taken_for_idle(cap, chosen, cloud, boot):
    cloud.add_aggregate('new-1', 'new-2', ecrae__power_cap=cap)
    scheduler = boot()
    del cloud.nodes['new-2']

    assert scheduler.boot() == [chosen]


def test_sleeping_host_of_a_rack_draws_little(cloud, boot):
    cloud.add_aggregate('new-1', 'new-2', ecrae__power_cap=70)
    scheduler = boot(**{'new-2': HostState.ASLEEP})
    del cloud.nodes['new-2']

    assert scheduler.boot() == ['new-1']


def test_full_load_is_the_most_a_host_draws(cloud, conf, boot):
    conf.config(group='ecrae_scheduler', host_power_cap=260.0)
    cloud.nodes['new-1'].vcpus_used = 106
    del cloud.nodes['new-2'], cloud.nodes['old-1']

    assert boot().boot() == ['new-1']


def test_unknown_host_passes_and_adds_nothing(cloud, boot):
    cloud.add('strange-1', 'new', is_known=False, vcpus_used=1)
    cloud.add_aggregate('new-1', 'strange-1', ecrae__power_cap=65)
    scheduler = boot()

    assert scheduler.boot() == ['new-1']
    cloud.aggregates[0].metadata['ecrae:power_cap'] = '1'
    assert scheduler.boot() == ['strange-1']


@pytest.mark.parametrize('value', ['lots', 'nan', '-5'])
def test_bad_cap_caps_nothing_and_is_said_once(value, cloud, boot, caplog):
    cloud.add_aggregate('new-1', ecrae__power_cap=value)
    scheduler = boot()

    assert scheduler.boot() == scheduler.boot() == ['new-1']
    assert len([m for m in caplog.messages if 'caps nothing' in m]) == 1


def test_without_knowledge_nothing_is_capped(cloud, conf, enable):
    conf.config(group='ecrae_scheduler', host_power_cap=1.0)
    enable('EcraePowerCapFilter')

    assert Scheduler(cloud).boot() == ['new-1']
