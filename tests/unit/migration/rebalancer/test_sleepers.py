# SPDX-License-Identifier: Apache-2.0

import dataclasses

import hypothesis
import numpy as np
from hypothesis import strategies as st

from ecrae.migration.rebalancer import growth
from ecrae.migration.rebalancer import sleepers
from ecrae.migration.rebalancer.growth import History
from ecrae.migration.rebalancer.sleepers import Machine
from ecrae.migration.rebalancer.sleepers import Rules
from ecrae.model import power
from ecrae.model.cluster import HostState
from ecrae.model.plan import ActionKind


AWAKE, ASLEEP = HostState.AWAKE, HostState.ASLEEP
BARE = Rules(headroom=0.1, spare_hosts=0, min_off_s=1800, min_on_s=1800)


def machine(name, *, used=0.0, size=10.0, state=AWAKE, idle_w=100.0, **fields):
    return Machine(
        name=name,
        pool=fields.pop('pool', 'x86_64 nova'),
        state=state,
        free=np.array([1.0, 4.0, 1.0]) * (size - used),
        used=np.array([1.0, 4.0, 1.0]) * used,
        curve=power.linear(idle_w, 2 * idle_w, sleep_w=min(5.0, idle_w)),
        is_empty=fields.pop('is_empty', used == 0),
        **fields,
    )


def decided(machines, rules=BARE, histories=None):
    """Actions in words: ``sleep a``."""
    return [
        f'{action.kind} {action.source}'
        for action in sleepers.decide(machines, histories or {}, rules)
    ]


def steps(*used, interval_s=300.0):
    """A history of vCPUs used, with memory at four times that."""
    column = np.array(used, dtype=float)
    return History(
        used=np.stack([column, 4 * column, column], axis=1),
        interval_s=interval_s,
    )


def test_an_empty_host_that_is_not_needed_sleeps():
    hosts = [machine('a', used=6), machine('b'), machine('c', is_empty=False)]
    assert decided(hosts) == ['sleep b']


def test_the_most_wasteful_sleeps_and_headroom_stays():
    hosts = [
        machine('a', used=10),
        machine('b', idle_w=90),
        machine('c', idle_w=200),
    ]
    assert decided(hosts) == ['sleep c']
    (action,) = sleepers.decide(hosts, {}, BARE)
    assert (action.saving_w, action.cost_j) == (195.0, 0.0)


def test_spare_hosts_stay_on_in_each_pool():
    hosts = [
        machine('a', used=2),
        machine('b'),
        machine('c'),
        machine('d', pool='aarch64 nova'),
    ]
    rules = dataclasses.replace(BARE, spare_hosts=1)
    assert decided(hosts, rules) == ['sleep c']


def test_a_host_that_may_not_or_was_just_woken_stays_on():
    hosts = [
        machine('a', used=2),
        machine('b', may_sleep=False),
        machine('c', switched_s=1799),
    ]
    assert decided(hosts) == []


def test_what_is_draining_or_down_counts_for_nothing():
    hosts = [
        machine('a', used=9.5),
        machine('b', state=HostState.DRAINING),
        machine('c', state=HostState.DOWN),
        machine('d', state=ASLEEP),
    ]
    assert decided(hosts) == ['wake d']


def test_low_headroom_wakes_the_cheapest_that_will_do():
    hosts = [
        machine('a', used=9.5),
        machine('b', state=ASLEEP, idle_w=300),
        machine('c', state=ASLEEP, idle_w=60),
    ]
    assert decided(hosts) == ['wake c']
    (action,) = sleepers.decide(hosts, {}, BARE)
    assert action.saving_w == -55.0
    assert action.cost_j == 55.0 * BARE.lead_s
    assert 'has 0.5 vCPUs free, 1 should be' in action.reason


def test_one_small_component_does_not_wake_the_largest_host():
    """However little the large one draws for each core that it has."""
    hosts = [
        machine('a', used=9.5),
        machine('large', state=ASLEEP, size=128, idle_w=200),
        machine('small', state=ASLEEP, size=8, idle_w=80),
    ]
    assert decided(hosts) == ['wake small']


def test_a_large_host_is_woken_where_small_ones_draw_more():
    hosts = [
        machine('a', used=99, size=100),
        machine('large', state=ASLEEP, size=128, idle_w=150),
        *(
            machine(f'small-{i}', state=ASLEEP, size=2, idle_w=40)
            for i in range(9)
        ),
    ]
    assert decided(hosts) == ['wake large']


def test_growth_wakes_before_the_room_is_gone():
    hosts = [machine('a', used=6), machine('b', state=ASLEEP)]
    calm = {'x86_64 nova': steps(*[6.0] * 200)}
    surges = {'x86_64 nova': steps(*[0.5, 6.0] * 100)}
    assert decided(hosts, histories=calm) == []
    assert decided(hosts, histories=surges) == ['wake b']


def test_a_host_sleeps_only_if_it_is_not_needed_for_its_minimum_off_time():
    hosts = [machine('a', used=7), machine('b')]
    # A rise of two in ten minutes, of six within forty.
    ramp = [1, 2, 3, 4, 5, 6, 7, 1] * 20
    slow = {'x86_64 nova': steps(*ramp)}
    assert decided(hosts, histories=slow) == []
    brief = dataclasses.replace(BARE, min_off_s=0, lead_s=300, safety=0)
    assert decided(hosts, brief, slow) == ['sleep b']


def test_the_minimum_off_time_yields_only_to_need():
    asleep = machine('b', state=ASLEEP, switched_s=60)
    assert decided([machine('a', used=9.2), asleep]) == []
    assert decided([machine('a', used=9.8), asleep]) == ['wake b']


def test_steady_use_is_expected_to_stay_from_the_first_sample_on():
    capacity = np.array([100.0, 400.0, 100.0])
    for samples in (2, 3, 50):
        history = steps(*[10.0] * samples)
        assert (growth.growth(history, 600, capacity, 3.0) == 0).all()


def test_a_short_history_says_nothing():
    capacity = np.array([10.0, 40.0, 10.0])
    for history in (steps(), steps(5.0)):
        history = dataclasses.replace(
            history, used=history.used.reshape(-1, 3)
        )
        assert (growth.growth(history, 600, capacity, 2.0) == 0).all()


def test_none_is_woken_that_one_still_resting_makes_needless():
    fleet = [
        machine('busy', used=57.6, size=64.0),
        machine('awake', size=30.0, may_sleep=False),
        machine('small', size=4.0, state=ASLEEP),
        machine('large', size=64.0, state=ASLEEP, switched_s=0.0),
    ]
    rules = Rules(headroom=1.0, spare_hosts=0)
    assert sleepers.decide(fleet, {}, rules) == []
    (wake,) = sleepers.decide(_after(fleet, []), {}, rules)
    assert (wake.kind, wake.source) == (ActionKind.WAKE, 'large')


@st.composite
def fleets(draw):
    hosts = []
    for i in range(draw(st.integers(1, 9))):
        size = draw(st.sampled_from([4.0, 8.0, 16.0, 64.0]))
        is_asleep = draw(st.booleans())
        busy = draw(st.sampled_from([0.0, 0.0, 0.25, 0.9]))
        hosts.append(
            machine(
                f'h{i}',
                used=0.0 if is_asleep else busy * size,
                size=size,
                state=ASLEEP if is_asleep else AWAKE,
                idle_w=draw(st.floats(1, 400)),
                pool=draw(st.sampled_from(['a', 'b'])),
                may_sleep=draw(st.booleans()) or is_asleep,
                switched_s=draw(st.sampled_from([0.0, 1800.0, float('inf')])),
            )
        )
    rules = Rules(
        headroom=draw(st.floats(0, 1)),
        spare_hosts=draw(st.integers(0, 2)),
        safety=draw(st.floats(0, 3)),
    )
    histories = {}
    if draw(st.booleans()):
        levels = draw(st.lists(st.floats(0, 60), min_size=2, max_size=30))
        histories['a'] = steps(*levels)
    return hosts, histories, rules


def _after(hosts, actions):
    """The hosts once the actions are done, an hour later."""
    states = {
        action.source: AWAKE if action.kind is ActionKind.WAKE else ASLEEP
        for action in actions
    }
    return [
        dataclasses.replace(
            host, state=states.get(host.name, host.state), switched_s=3600.0
        )
        for host in hosts
    ]


def _free(hosts, pool):
    return sum(
        (h.free for h in hosts if h.pool == pool and h.state is AWAKE),
        np.zeros(3),
    )


@hypothesis.given(fleets())
def test_sleep_never_takes_headroom_or_spares(fleet):
    hosts, histories, rules = fleet
    actions = sleepers.decide(hosts, histories, rules)
    after = _after(hosts, actions)
    by_name = {host.name: host for host in hosts}
    for action in actions:
        if action.kind is not ActionKind.SLEEP:
            continue
        host = by_name[action.source]
        assert host.is_empty
        assert host.may_sleep
        assert host.switched_s >= rules.min_on_s
        here = [h for h in hosts if h.pool == host.pool]
        used = sum((h.used for h in here), np.zeros(3))
        free = _free(after, host.pool)
        assert (free + 1e-6 >= rules.headroom * used).all()
        if host.pool in histories:
            capacity = sum((h.free + h.used for h in here), np.zeros(3))
            rise = growth.growth(
                histories[host.pool], rules.lead_s, capacity, rules.safety
            )
            assert (free + 1e-6 >= rise).all()
        awake = [h for h in after if h.pool == host.pool and h.state is AWAKE]
        assert sum(h.is_empty for h in awake) >= rules.spare_hosts


@hypothesis.given(fleets())
def test_under_steady_demand_no_host_is_switched_twice(fleet):
    hosts, histories, rules = fleet
    switched = set()
    for _ in range(2 * len(hosts) + 2):
        actions = sleepers.decide(hosts, histories, rules)
        names = {action.source for action in actions}
        assert len(names) == len(actions)
        assert not names & switched, 'flapping'
        switched |= names
        if not actions:
            return
        hosts = _after(hosts, actions)
    raise AssertionError('it does not come to rest')


@hypothesis.given(fleets(), st.randoms())
def test_the_order_of_hosts_changes_nothing(fleet, rng):
    hosts, histories, rules = fleet
    shuffled = list(hosts)
    rng.shuffle(shuffled)
    assert sleepers.decide(shuffled, histories, rules) == sleepers.decide(
        hosts, histories, rules
    )
