# SPDX-License-Identifier: Apache-2.0

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrae import exception
from ecrae.deployer import selection
from ecrae.deployer.candidates import Component
from ecrae.deployer.candidates import Minima
from ecrae.deployer.selection import Previous
from ecrae.model import ranking
from ecrae.model.cluster import HostState
from ecrae.model.host_arrays import HostArrays
from ecrae.model.knowledge import TagKind
from tests.unit.deployer import world


WEB = world.knowledge().tags['web'].targets


def component(node='web', targets=WEB, **settings):
    return Component(
        **{
            'node': node,
            'tag': 'web',
            'kind': TagKind.HINT,
            'targets': targets,
            **settings,
        }
    )


def select(*components, cluster=None, previous=None):
    return selection.select(
        components, cluster or world.cluster(), previous or {}
    )


def _failure(*components, **world_):
    with pytest.raises(exception.PlacementError) as caught:
        select(*components, **world_)
    return str(caught.value)


def test_the_most_efficient_hardware_wins_and_all_say_why():
    (decision,) = select(component())

    assert decision.chosen.node_type == 'thrifty'
    assert decision.chosen.host == 'thrifty-1'
    assert decision.chosen is decision.candidates[0]
    # 1 vCPU × 0.5 over 32 cores, on a straight line of 50 W.
    assert decision.chosen.marginal_power_w == pytest.approx(0.5 / 32 * 50)
    reasons = {
        (score.node_type, score.flavor): score.reason
        for score in decision.candidates
    }
    assert reasons['thrifty', 'small'].startswith('most work per watt')
    assert reasons['plain', 'small'].startswith('less work per watt')
    assert reasons['plain', 'large'] == 'larger than needed: small is enough'
    assert all(score.marginal_power_w for score in decision.candidates)


def test_equal_efficiency_falls_to_preference_then_name():
    twin = dataclasses.replace(world.PLAIN, name='another')
    cluster = world.cluster(
        world.host('a', world.PLAIN), world.host('b', twin)
    )
    for first, second, winner in ((1, 2, 'plain'), (2, 1, 'another')):
        (decision,) = select(
            component(
                targets=(
                    world.target(world.PLAIN, preference=first),
                    world.target(twin, preference=second),
                )
            ),
            cluster=cluster,
        )
        assert decision.chosen.node_type == winner
        assert 'less preferred' in decision.candidates[1].reason


def test_minima_choose_the_smallest_flavor_that_is_enough():
    (decision,) = select(component(minima=Minima(vcpus=2)))

    assert decision.chosen.flavor == 'large'
    small = [c for c in decision.candidates if c.flavor == 'small']
    assert {c.reason for c in small} == {
        'too small: small has 1 vCPUs, 2 are asked for'
    }


def test_an_architecture_is_a_minimum():
    (decision,) = select(component(minima=Minima(architecture='aarch64')))

    assert decision.chosen.node_type == 'arm'


def test_no_candidate_is_big_enough():
    text = _failure(component(minima=Minima(memory_mib=20000)))

    assert text.startswith('Node web, tag web: no candidate is big enough. ')
    assert 'large has 16384 MiB of memory, 20000 are asked for' in text


def test_no_candidate_has_room_now():
    cluster = world.cluster(
        world.host('plain-1', world.PLAIN, vcpus=0.5),
        world.host('thrifty-1', world.THRIFTY, memory_mib=100),
    )

    text = _failure(component(), cluster=cluster)

    assert 'no candidate has room now' in text
    assert 'needs 1 vCPUs, the most that is free is 0.5' in text
    assert 'needs 2048 MiB of memory, the most that is free is 100' in text


def test_no_host_of_a_candidate_is_known():
    text = _failure(
        component(targets=(world.target(world.ARM),)),
        cluster=world.cluster(world.host('p', world.PLAIN)),
    )

    assert 'no host of a candidate node type is known' in text


def test_no_hosts_at_all():
    cluster = dataclasses.replace(world.cluster(), hosts=())

    assert 'no host of a candidate' in _failure(component(), cluster=cluster)


def test_no_targets_at_all():
    assert 'The tag has no targets' in _failure(component(targets=()))


def test_a_flavor_that_the_cloud_lacks():
    cluster = world.cluster(flavors=(world.LARGE,))

    (decision,) = select(component(), cluster=cluster)

    assert decision.chosen.flavor == 'large'
    assert 'the cloud has no flavor small' in {
        score.reason for score in decision.candidates
    }


def test_hardware_without_an_image_does_not_win():
    unsuited = {('thrifty', 'small'): 'no image', ('plain', 'small'): 'none'}

    (decision,) = select(component(unsuited=unsuited))

    assert decision.chosen.node_type == 'arm' or (
        decision.chosen.flavor == 'large'
    )
    everything = {(t.node_type.name, t.flavor.name): 'no image' for t in WEB}
    assert 'has no image for any candidate' in _failure(
        component(unsuited=everything)
    )


@pytest.mark.parametrize('state', [HostState.DOWN, HostState.DRAINING])
def test_hosts_out_of_service_take_nothing(state):
    cluster = world.cluster(
        world.host('plain-1', world.PLAIN),
        world.host('thrifty-1', world.THRIFTY, state=state),
    )

    (decision,) = select(component(), cluster=cluster)

    assert decision.chosen.node_type == 'plain'
    assert 'none of its 1 hosts is in service' in {
        score.reason for score in decision.candidates
    }


def test_waking_a_host_costs():
    cluster = world.cluster(
        world.host('awake', world.PLAIN),
        world.host('asleep', world.THRIFTY, state=HostState.ASLEEP),
    )

    (decision,) = select(component(), cluster=cluster)

    assert decision.chosen.host == 'awake'
    asleep = next(c for c in decision.candidates if c.host == 'asleep')
    assert asleep.marginal_power_w > 45


def test_what_one_component_takes_is_gone_for_the_next():
    cluster = world.cluster(
        world.host('plain-1', world.PLAIN),
        world.host('thrifty-1', world.THRIFTY, vcpus=2),
    )

    decisions = select(
        *(component(f'web-{i}') for i in range(3)), cluster=cluster
    )

    assert [d.chosen.host for d in decisions] == [
        'thrifty-1',
        'thrifty-1',
        'plain-1',
    ]


def test_the_large_are_placed_before_the_small():
    cluster = world.cluster(world.host('thrifty-1', world.THRIFTY, vcpus=4))

    text = _failure(
        component('small'),
        component('big', minima=Minima(vcpus=4)),
        cluster=cluster,
    )

    assert text.startswith('Node small')


def test_a_woken_host_is_awake_for_the_next():
    cluster = world.cluster(
        world.host('a', world.PLAIN, state=HostState.ASLEEP)
    )

    first, second = select(
        component('first'), component('second'), cluster=cluster
    )

    assert first.chosen.marginal_power_w > 40
    assert second.chosen.marginal_power_w < 10


def test_companions_share_a_host_or_do_not():
    cluster = world.cluster(
        world.host('t1', world.THRIFTY),
        world.host('t2', world.THRIFTY),
        world.host('p1', world.PLAIN),
    )

    together = select(
        component('a'),
        component('b', together=frozenset('a')),
        cluster=cluster,
    )
    apart = select(
        component('a'),
        component('b', apart=frozenset('a')),
        component('c', apart=frozenset('ab')),
        cluster=cluster,
    )

    assert len({d.chosen.host for d in together}) == 1
    assert [d.chosen.host for d in apart] == ['t1', 't2', 'p1']


def test_an_unchanged_component_stays_even_where_there_is_no_room():
    cluster = world.cluster(
        world.host('plain-1', world.PLAIN, vcpus=0),
        world.host('thrifty-1', world.THRIFTY),
    )

    (decision,) = select(
        component(),
        cluster=cluster,
        previous={'web': Previous('plain', 'small')},
    )

    assert decision.chosen.node_type == 'plain'
    assert decision.chosen.reason.startswith('stays where it is')
    assert decision.chosen.is_feasible


@pytest.mark.parametrize(
    ('previous', 'minima'),
    [
        (Previous('plain', 'small'), Minima(vcpus=2)),
        (Previous('plain', 'small'), Minima(architecture='aarch64')),
        (Previous('gone', 'small'), Minima()),
        (Previous('plain', 'gone'), Minima()),
    ],
)
def test_a_component_moves_when_it_must(previous, minima):
    (decision,) = select(
        component(
            targets=(*WEB, world.target(world.ARM, world.LARGE)),
            minima=minima,
        ),
        previous={'web': previous},
    )

    assert not decision.chosen.reason.startswith('stays')


HOSTS = st.lists(
    st.builds(
        lambda kind, vcpus, load, state: (kind, vcpus, load, state),
        st.sampled_from([world.PLAIN, world.THRIFTY, world.ARM]),
        st.integers(0, 8),
        st.floats(0, 1),
        st.sampled_from(HostState),
    ),
    min_size=1,
    max_size=8,
)


@given(HOSTS, st.integers(1, 6))
def test_no_room_is_given_twice_and_no_better_host_is_passed_over(
    hosts, count
):
    cluster = world.cluster(
        *(
            world.host(f'h{i}', kind, vcpus, utilization=load, state=state)
            for i, (kind, vcpus, load, state) in enumerate(hosts)
        )
    )
    components = [component(f'c{i}') for i in range(count)]
    try:
        decisions = select(*components, cluster=cluster)
    except exception.PlacementError:
        return

    free = {host.name: host.vcpus_free for host in cluster.hosts}
    usable = {
        host.name
        for host in cluster.hosts
        if host.state in (HostState.AWAKE, HostState.ASLEEP)
    }
    for decision in decisions:
        free[decision.chosen.host] -= 1
        assert decision.chosen.host in usable
    assert min(free.values()) >= 0
    first = decisions[0].chosen
    for target in WEB:
        there = [
            host
            for host in cluster.hosts
            if host.node_type is target.node_type
            and host.name in usable
            and host.vcpus_free >= target.flavor.vcpus
        ]
        if there and target.flavor is world.SMALL:
            cost = ranking.marginal(
                HostArrays.of(there),
                1,
                target.expected_utilization,
                target.relative_speed,
            )
            assert np.max(cost.efficiency) <= first.efficiency + 1e-6


@given(HOSTS, st.randoms(use_true_random=False))
def test_the_order_of_hosts_and_targets_does_not_matter(hosts, random):
    made = [
        world.host(f'h{i}', kind, vcpus, utilization=load)
        for i, (kind, vcpus, load, _) in enumerate(hosts)
    ]
    shuffled = random.sample(made, len(made))
    targets = tuple(random.sample(WEB, len(WEB)))

    def chosen(*args, **kwargs):
        try:
            return select(*args, **kwargs)[0].chosen
        except exception.PlacementError:
            return None

    assert chosen(component(), cluster=world.cluster(*made)) == chosen(
        component(targets=targets), cluster=world.cluster(*shuffled)
    )
