# SPDX-License-Identifier: Apache-2.0

"""Where Nova's own scheduler puts servers once ECRAE's plugins are on."""

import logging

import pytest
from nova import exception

from ecrae.model.cluster import HostState
from tests import hardware
from tests.functional.nova.topology import Cloud
from tests.functional.nova.topology import Scheduler
from tests.functional.nova.topology import request_spec


@pytest.fixture
def cloud():
    """One host of each type, the emptier the worse, as Nova spreads."""
    return (
        Cloud()
        .add('old-1', 'old', vcpus_used=0)
        .add('new-1', 'new', vcpus_used=4)
        .add('arm-1', 'arm', vcpus_used=8)
        .add('gpu-1', 'gpu', vcpus_used=2)
    )


@pytest.fixture
def scheduler(cloud, knowledge_base, enable):
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')
    return Scheduler(cloud)


def _weights(scheduler, spec=None):
    """Nova's final weight of each host."""
    states = list(scheduler.states())
    weighed = scheduler.manager.host_manager.get_weighed_hosts(
        states, spec or request_spec(None, hardware.SMALL)
    )
    return {each.obj.host: each.weight for each in weighed}


def test_hint_tag_lands_where_it_costs_least(scheduler):
    assert scheduler.boot('web') == ['arm-1']
    # No host beyond the flavor's node types is even an alternate.
    assert scheduler.ranked == ['arm-1', 'new-1']


def test_flavor_narrows_a_hint_tag(scheduler):
    assert scheduler.boot('web', hardware.LARGE) == ['new-1']
    assert scheduler.ranked == ['new-1', 'old-1']


@pytest.mark.parametrize('tag', ['rendering', 'exact:gpu'])
def test_exact_tag_lands_on_its_node_type(scheduler, tag):
    assert scheduler.boot(tag, hardware.LARGE) == ['gpu-1']
    assert scheduler.ranked == ['gpu-1']


def test_decision_binds_the_architecture(scheduler):
    hint = {'ecrae:node_type': 'new'}

    assert scheduler.boot('web', **hint) == ['new-1']
    assert scheduler.ranked == ['new-1']


def test_exact_tag_of_a_node_type_without_hosts_is_refused(scheduler):
    with pytest.raises(exception.NoValidHost):
        scheduler.boot('exact:vax')


def test_hint_given_as_a_list(scheduler):
    assert scheduler.boot(**{'ecrae:tag': ['exact:gpu']}) == ['gpu-1']
    assert scheduler.boot(**{'ecrae:tag': ['exact:arm', 'web']}) == ['arm-1']


def test_flavor_carries_the_tag(scheduler):
    specs = {'ecrae:tag': 'web'}

    assert scheduler.boot(specs=specs) == ['arm-1']
    # The server's own tag says more.
    assert scheduler.boot('rendering', specs=specs) == ['gpu-1']


def test_exact_tag_of_the_flavor_cannot_be_talked_away(scheduler):
    specs = {'ecrae:tag': 'exact:new'}

    assert scheduler.boot('exact:gpu', specs=specs) == ['new-1']


def test_unknown_tag_is_scheduled_as_none(scheduler, caplog):
    caplog.set_level(logging.INFO)
    untagged = scheduler.boot()

    assert scheduler.boot('wep') == untagged == ['old-1']
    assert len([m for m in caplog.messages if "no tag 'wep'" in m]) == 1


def test_full_allowed_hosts_are_no_reason_for_others(
    cloud, knowledge_base, enable
):
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')
    # Placement offers nothing of it any more.
    del cloud.nodes['gpu-1']

    with pytest.raises(exception.NoValidHost):
        Scheduler(cloud).boot('rendering')


def test_servers_of_one_request_see_each_other(knowledge_base, enable):
    cloud = Cloud().add('new-1', 'new', vcpus=16).add('old-1', 'old')
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')

    # At some 30 vCPUs the CPU of new-1 is busy by the tag's estimate, and
    # what does not fit it any more goes elsewhere.
    chosen = Scheduler(cloud).boot('web', hardware.LARGE, count=16)

    assert chosen[0] == 'new-1'
    assert set(chosen) == {'new-1', 'old-1'}


def test_live_load_moves_the_choice(cloud, knowledge_base, enable):
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')
    scheduler = Scheduler(cloud)
    assert scheduler.boot('web') == ['arm-1']

    cloud.nodes['arm-1'].vcpus_used = 120

    assert scheduler.boot('web') == ['new-1']


@pytest.mark.parametrize(
    ('wake_share', 'chosen'), [(1.0, 'new-1'), (0.05, 'arm-1')]
)
def test_sleeping_host_pays_for_waking_up(
    wake_share, chosen, cloud, conf, knowledge_base, enable
):
    conf.config(group='ecrae_energy', wake_share=wake_share)
    knowledge_base(cloud.knowledge(**{'arm-1': HostState.ASLEEP}))
    enable('EcraeTagFilter')

    assert Scheduler(cloud).boot('web') == [chosen]


def test_clean_zone_wins_where_carbon_counts(
    cloud, conf, knowledge_base, enable
):
    cloud.add_aggregate('new-1', 'old-1', availability_zone='hydro')
    cloud.add_aggregate('arm-1', 'gpu-1', availability_zone='coal')
    conf.config(
        group='ecrae_energy',
        carbon_intensity={'hydro': 25.0, 'coal': 975.0},
        carbon_weight=0.5,
    )
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')

    assert Scheduler(cloud).boot('web') == ['new-1']


@pytest.mark.parametrize(
    'used', [(0, 0, 0, 0), (1, 9, 30, 4), (60, 2, 0, 128)]
)
def test_untagged_server_is_scheduled_as_without_ecrae(
    used, cloud, knowledge_base, enable
):
    knowledge_base(cloud.knowledge())
    for node, vcpus in zip(cloud.nodes.values(), used, strict=True):
        node.vcpus_used = vcpus
    without = Scheduler(cloud)
    expected = _weights(without)
    placed = without.boot(), without.ranked

    enable('EcraeTagFilter', 'EcraeDrainFilter')
    scheduler = Scheduler(cloud)

    assert _weights(scheduler) == expected
    if len(set(expected.values())) == len(expected):
        assert (scheduler.boot(), scheduler.ranked) == placed


def test_energy_outweighs_novas_weighers(scheduler):
    weights = _weights(scheduler, request_spec('web', hardware.SMALL))

    # All of Nova's together span a few points.
    assert weights['arm-1'] > weights['new-1'] + 10
    assert weights['new-1'] > weights['old-1'] + 10


def test_failed_builds_outweigh_energy(cloud, knowledge_base, enable):
    cloud.nodes['arm-1'].failed_builds = 3
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')

    assert Scheduler(cloud).boot('web') == ['new-1']


def test_aggregate_overrides_the_multiplier(cloud, knowledge_base, enable):
    cloud.add_aggregate('arm-1', ecrae_energy_weight_multiplier=-1.0)
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')

    assert Scheduler(cloud).boot('web') == ['new-1']


@pytest.mark.parametrize(
    ('multiplier', 'chosen'), [(0.0, 'new-1'), (-10000.0, 'new-1')]
)
def test_multiplier_turns_the_weigher_off_or_round(
    multiplier, chosen, cloud, conf, knowledge_base, enable
):
    conf.config(group='ecrae_scheduler', energy_weight_multiplier=multiplier)
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')

    assert Scheduler(cloud).boot('web') == [chosen]


def test_weigher_without_the_filter(cloud, knowledge_base, enable):
    knowledge_base(cloud.knowledge())
    enable()
    scheduler = Scheduler(cloud)

    assert scheduler.boot('web') == ['arm-1']
    assert scheduler.ranked[1] == 'new-1'
    # Without the filter an exact tag is advice, too.
    assert scheduler.boot('rendering') == ['gpu-1']


def test_filter_without_the_weigher(cloud, knowledge_base, enable):
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter', weigher=False)

    # Nova spreads over what passes.
    assert Scheduler(cloud).boot('web') == ['new-1']


def test_drained_hosts_take_nobody(cloud, knowledge_base, enable):
    states = {'arm-1': HostState.DRAINING, 'old-1': HostState.DOWN}
    knowledge_base(cloud.knowledge(**states))
    enable('EcraeTagFilter', 'EcraeDrainFilter')
    scheduler = Scheduler(cloud)

    assert scheduler.boot('web') == ['new-1']
    assert scheduler.boot() == ['gpu-1']
    assert {'arm-1', 'old-1'}.isdisjoint(scheduler.ranked)


def test_rebuild_stays_where_it_is(cloud, knowledge_base, enable):
    knowledge_base(cloud.knowledge(**{'old-1': HostState.DRAINING}))
    enable('EcraeTagFilter', 'EcraeDrainFilter')
    spec = request_spec(
        'web', hardware.SMALL, hints={'_nova_check_type': ['rebuild']}
    )
    scheduler = Scheduler(cloud)

    passed = scheduler.manager.host_manager.get_filtered_hosts(
        scheduler.states(), spec
    )

    assert len(passed) == 4
