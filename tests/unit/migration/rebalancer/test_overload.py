# SPDX-License-Identifier: Apache-2.0

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies as st

from ecrae.migration.rebalancer import overload
from ecrae.migration.rebalancer.component import Component
from ecrae.migration.rebalancer.overload import Rules
from ecrae.model import power
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Host
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.plan import ActionKind
from ecrae.model.tariff import Tariff


def _type(name, architecture, max_w=300.0):
    return NodeType(
        name=name,
        architecture=architecture,
        cpu=name,
        cores=32,
        threads=32,
        memory_mib=65536,
        disk_gib=100,
        hypervisor_type='qemu',
        curve=power.linear(max_w / 3, max_w, 5.0),
    )


SLOW_ARM = _type('slow-arm', 'aarch64', 100.0)
FAST_ARM = _type('fast-arm', 'aarch64', 250.0)
X86 = _type('x86', 'x86_64')
SMALL = Flavor(name='small', vcpus=2, memory_mib=2048, disk_gib=0)
LARGE = Flavor(name='large', vcpus=4, memory_mib=8192, disk_gib=0)
WEB = Tag(
    name='web-frontend',
    kind=TagKind.HINT,
    description='',
    targets=tuple(
        TagTarget(
            node_type=kind, flavor=flavor, preference=1, relative_speed=speed
        )
        for kind, speed in ((SLOW_ARM, 0.5), (FAST_ARM, 0.9), (X86, 1.0))
        for flavor in (SMALL, LARGE)
    ),
)


def host(name, kind, **fields):
    defaults = {
        'vcpus_free': 32.0,
        'memory_free_mib': 65536.0,
        'disk_free_gib': 100.0,
        'utilization': 0.2,
    }
    return Host(name=name, node_type=kind, **{**defaults, **fields})


def web(**fields):
    defaults = {
        'id': 'web',
        'host': 'arm-1',
        'vcpus': 4,
        'memory_mib': 4096,
        'busy_cores': 3.6,
        'max_load': 0.8,
        'tag': WEB,
    }
    return Component(**{**defaults, **fields})


ARM_1 = host('arm-1', SLOW_ARM)


def decided(components, hosts, *, held_s=300.0, **rules):
    """Actions in words: ``migrate web arm-2``."""
    since = dict.fromkeys((c.id for c in components), 1000.0)
    return [
        f'{a.kind} {a.workload} {a.destination}'
        for a in overload.decide(
            components,
            hosts,
            since,
            1000.0 + held_s,
            Rules(**rules),
            lambda component, host: 'forbidden' not in host.name,
        )
    ]


def test_it_moves_within_its_architecture_if_that_is_better():
    hosts = [ARM_1, host('arm-2', FAST_ARM), host('x86-1', X86)]
    relocatable = web(is_relocatable=True)
    assert decided([relocatable], hosts) == ['migrate web arm-2']
    assert decided([web()], hosts) == ['migrate web arm-2']


def test_a_zone_of_cleaner_power_is_preferred_when_carbon_counts():
    hosts = [
        ARM_1,
        host('x86-1', X86, zone='coal'),
        host('x86-2', X86, zone='wind'),
    ]
    tariff = Tariff(
        carbon_g_per_kwh={'coal': 900.0, 'wind': 20.0}, carbon_weight=1.0
    )
    component = web(is_relocatable=True)
    assert decided([component], hosts) == ['redeploy web x86-1']
    assert decided([component], hosts, tariff=tariff) == ['redeploy web x86-2']


def test_where_no_host_of_its_architecture_is_better_it_is_redeployed():
    hosts = [ARM_1, host('arm-2', SLOW_ARM), host('x86-1', X86)]
    assert decided([web(is_relocatable=True)], hosts) == ['redeploy web x86-1']
    assert decided([web()], hosts) == []


@pytest.mark.parametrize(
    'fast',
    [
        host('forbidden', FAST_ARM),
        host('arm-2', FAST_ARM, vcpus_free=3),
        host('arm-2', FAST_ARM, memory_free_mib=1024),
        host('arm-2', FAST_ARM, state=HostState.ASLEEP),
        host('arm-2', FAST_ARM, zone='other'),
        host('arm-2', FAST_ARM, utilization=1.0),
    ],
    ids=['forbidden', 'vcpus', 'memory', 'asleep', 'zone', 'crowded'],
)
def test_a_host_that_cannot_have_it_is_not_better(fast):
    hosts = [ARM_1, dataclasses.replace(fast), host('x86-1', X86)]
    # A margin that a crowded host misses and an idle one meets.
    assert decided([web(is_relocatable=True)], hosts, margin=0.3) == [
        'redeploy web x86-1'
    ]


def test_it_is_redeployed_only_where_its_tag_has_a_flavor_as_large():
    big = web(is_relocatable=True, memory_mib=16384)
    assert decided([big], [ARM_1, host('x86-1', X86)]) == []
    full = host('x86-1', X86, memory_free_mib=4096)
    assert decided([web(is_relocatable=True)], [ARM_1, full]) == []
    untagged = web(is_relocatable=True, tag=None)
    assert decided([untagged], [ARM_1, host('x86-1', X86)]) == []


def test_a_passing_peak_moves_nothing():
    hosts = [ARM_1, host('arm-2', FAST_ARM)]
    assert decided([web()], hosts, held_s=299) == []
    assert decided([web(busy_cores=3.2)], hosts) == []


def test_watching_begins_anew_when_load_falls():
    since = overload.watch({}, [web()], 100.0)
    assert since == {'web': 100.0}
    assert overload.watch(since, [web()], 200.0) == since
    since = overload.watch(since, [web(busy_cores=1)], 300.0)
    assert since == {}
    assert overload.watch(since, [web()], 400.0) == {'web': 400.0}


def test_requests_count_against_their_own_threshold():
    calm = {'busy_cores': 1, 'max_requests_per_s': 200}
    hosts = [ARM_1, host('arm-2', FAST_ARM)]
    assert decided([web(requests_per_s=201, **calm)], hosts) == [
        'migrate web arm-2'
    ]
    assert decided([web(requests_per_s=199, **calm)], hosts) == []
    assert decided([web(requests_per_s=None, **calm)], hosts) == []
    # Twice what the slow one can serve is still too much for the fast one.
    assert decided([web(requests_per_s=400, **calm)], hosts) == []


def test_room_is_given_out_once_and_the_most_strained_goes_first():
    hosts = [ARM_1, host('arm-2', FAST_ARM, vcpus_free=4)]
    components = [web(id='a', busy_cores=3.4), web(id='b', busy_cores=3.8)]
    assert decided(components, hosts) == ['migrate b arm-2']


def test_no_more_moves_than_allowed_and_none_too_soon():
    hosts = [ARM_1, host('arm-2', FAST_ARM)]
    components = [web(id=name) for name in 'abc']
    assert len(decided(components, hosts, max_moves=2)) == 2
    since = dict.fromkeys('abc', 0.0)
    actions = overload.decide(
        components,
        hosts,
        since,
        1e6,
        Rules(),
        lambda *_: True,
        moved={'a', 'c'},
    )
    assert [action.workload for action in actions] == ['b']


def test_the_reason_says_what_is_expected():
    (action,) = overload.decide(
        [web(is_relocatable=True)],
        [ARM_1, host('x86-1', X86)],
        {'web': 0.0},
        1e6,
        Rules(),
        lambda *_: True,
    )
    assert action.kind is ActionKind.REDEPLOY
    assert action.reason == (
        'at 112 % of its threshold on slow-arm; is redeployed to x86, '
        'expected at 56 %'
    )


@hypothesis.given(
    st.lists(
        st.tuples(
            st.sampled_from([SLOW_ARM, FAST_ARM, X86]),
            st.floats(0, 1),
            st.sampled_from([0.0, 4.0, 32.0]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.lists(
        st.tuples(st.floats(0, 8), st.booleans(), st.integers(0, 5)),
        max_size=6,
    ),
    st.randoms(),
)
def test_no_move_overfills_strains_or_crosses_without_leave(kinds, loads, rng):
    hosts = [
        host(f'h{i}', kind, utilization=u, vcpus_free=free)
        for i, (kind, u, free) in enumerate(kinds)
    ]
    components = [
        web(
            id=f'w{i}',
            busy_cores=busy,
            is_relocatable=is_relocatable,
            host=f'h{at % len(hosts)}',
        )
        for i, (busy, is_relocatable, at) in enumerate(loads)
    ]
    since = dict.fromkeys((c.id for c in components), 0.0)

    def decide(components, hosts):
        return overload.decide(
            components, hosts, since, 1e6, Rules(), lambda *_: True
        )

    actions = decide(components, hosts)
    by_name = {h.name: h for h in hosts}
    by_id = {c.id: c for c in components}
    free = {h.name: h.vcpus_free for h in hosts}
    for action in actions:
        component = by_id[action.workload]
        here, there = by_name[action.source], by_name[action.destination]
        assert component.strain > 1
        free[there.name] -= component.vcpus
        assert free[there.name] >= 0
        crosses = here.node_type.architecture != there.node_type.architecture
        assert crosses == (action.kind is ActionKind.REDEPLOY)
        assert component.is_relocatable or not crosses
    shuffled, others = list(hosts), list(components)
    rng.shuffle(shuffled)
    rng.shuffle(others)
    assert decide(others, shuffled) == actions
