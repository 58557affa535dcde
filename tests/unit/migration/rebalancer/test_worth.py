# SPDX-License-Identifier: Apache-2.0

"""What actions claim to save is what the cloud draws less."""

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies as st

from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.rebalancer import proposal
from ecrae.migration.rebalancer import sleepers
from ecrae.migration.rebalancer import validity
from ecrae.migration.rebalancer.observer import View
from ecrae.migration.rebalancer.supplement import Supplement
from ecrae.migration.rebalancer.supplement import Switching
from ecrae.migration.rebalancer.worth import Baseline
from ecrae.model.cluster import HostState
from ecrae.model.plan import ActionKind
from tests.unit.migration.optimizer import clouds
from tests.unit.migration.rebalancer import world as worlds


MIGRATE, SLEEP = ActionKind.MIGRATE, ActionKind.SLEEP
STATES = {SLEEP: HostState.ASLEEP, ActionKind.WAKE: HostState.AWAKE}


def _aim(spare_hosts=0):
    return dataclasses.replace(
        worlds.SWITCHING,
        rules=dataclasses.replace(
            worlds.AIM.rules, spare_hosts=spare_hosts, may_wake=False
        ),
    )


def _supplemented(snapshot, aim, **rules):
    rules = sleepers.Rules(**{'spare_hosts': 0, **rules})
    supplement = Supplement(
        Switching(
            rules=rules,
            interval_s=300.0,
            never_sleep=frozenset(),
            switched_s=dict,
        ),
        None,
    )
    view = View(
        now=worlds.NOON,
        snapshot=snapshot,
        n_servers=len(snapshot.workloads),
        n_in_flux=0,
        n_measured=0,
        reading_age_s=None,
    )
    baseline = Baseline.of(snapshot, aim)
    return supplement(view, baseline, proposal.propose(baseline))


def _done(snapshot, actions):
    """The cloud once some actions are done."""
    places = {a.workload: a.destination for a in actions if a.kind is MIGRATE}
    states = {a.source: STATES[a.kind] for a in actions if a.kind in STATES}
    return dataclasses.replace(
        snapshot,
        hosts=tuple(
            dataclasses.replace(host, state=states.get(host.name, host.state))
            for host in snapshot.hosts
        ),
        workloads=tuple(
            dataclasses.replace(each, host=places.get(each.id, each.host))
            for each in snapshot.workloads
        ),
    )


def _draw_w(snapshot):
    return Baseline.of(snapshot, worlds.SWITCHING).draw_w()


def _claimed_w(actions):
    return sum(action.saving_w for action in actions)


@st.composite
def _clouds(draw):
    """Clouds of which nothing runs on a host that sleeps."""
    snapshot = draw(clouds.snapshots())
    held = {each.host for each in snapshot.workloads}
    return dataclasses.replace(
        snapshot,
        hosts=tuple(
            dataclasses.replace(host, state=HostState.AWAKE)
            if host.name in held and host.state is HostState.ASLEEP
            else host
            for host in snapshot.hosts
        ),
    )


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    _clouds(),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([0.0, 0.1, 1.0]),
)
def test_every_watt_is_claimed_once(snapshot, kept, spare_hosts, headroom):
    found = _supplemented(
        snapshot, _aim(kept), spare_hosts=spare_hosts, headroom=headroom
    )
    after = _done(snapshot, found.actions)
    assert found.power_before_w == pytest.approx(_draw_w(snapshot))
    assert found.power_after_w == pytest.approx(_draw_w(after))
    saved_w = _draw_w(snapshot) - _draw_w(after)
    assert _claimed_w(found.actions) == pytest.approx(saved_w)

    moved = _done(snapshot, [a for a in found.actions if a.kind is MIGRATE])
    moves_w = _draw_w(snapshot) - _draw_w(moved)
    claimed_w = _claimed_w(a for a in found.actions if a.kind is MIGRATE)
    assert claimed_w == pytest.approx(moves_w)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(_clouds(), st.sampled_from([0.0, 0.1, 1.0]), st.data())
def test_any_part_of_a_plan_is_worth_what_the_cloud_draws_less(
    snapshot, headroom, data
):
    aim = _aim()
    aim = dataclasses.replace(
        aim, strategy=dataclasses.replace(aim.strategy, sla_core_w=0.0)
    )
    found = _supplemented(snapshot, aim, headroom=headroom)
    n_done = data.draw(st.integers(0, len(found.actions)))
    actions = found.actions[:n_done]
    worth = Baseline.of(snapshot, aim).worth(actions)
    assert worth.present_w == pytest.approx(_draw_w(snapshot))
    after_w = _draw_w(_done(snapshot, actions))
    assert worth.gain_w == pytest.approx(worth.present_w - after_w, abs=1e-6)


def _two_hosts():
    world = [worlds.host('a'), worlds.host('b')]
    servers = [worlds.server('s', 'a'), worlds.server('t', 'b')]
    return Snapshot(hosts=tuple(world), workloads=tuple(servers))


def test_what_a_host_draws_idle_goes_with_its_sleep():
    found = _supplemented(_two_hosts(), _aim(), headroom=0.0)
    move, sleep = found.actions
    assert (move.kind, sleep.kind) == (MIGRATE, SLEEP)
    assert move.saving_w == pytest.approx(0.0)
    assert sleep.saving_w == pytest.approx(100.0)
    assert found.worth.gain_w == pytest.approx(100.0)


def test_a_host_that_stays_awake_saves_nothing():
    found = _supplemented(_two_hosts(), _aim(), spare_hosts=1)
    assert [action.kind for action in found.actions] == [MIGRATE]
    assert _claimed_w(found.actions) == pytest.approx(0.0)
    assert found.worth.gain_w == pytest.approx(0.0)
    assert found.power_after_w == pytest.approx(found.power_before_w)


def _migrations(snapshot):
    """What the optimizer would have, for whom an empty host sleeps."""
    return proposal.propose(Baseline.of(snapshot, worlds.AIM)).actions


def test_what_is_worth_it_only_if_an_empty_host_slept_is_not():
    snapshot = _two_hosts()
    moves = _migrations(snapshot)
    sleep = _supplemented(snapshot, _aim(), headroom=0.0).actions[-1]
    for aim, actions, gain_w in (
        (worlds.AIM, moves, 100.0),
        (_aim(), moves, 0.0),
        (_aim(), (*moves, sleep), 100.0),
    ):
        baseline = validity.baseline(snapshot, aim)
        assert baseline.worth(actions).gain_w == pytest.approx(gain_w)
        assert validity.is_worth_it(baseline, actions) is bool(gain_w)
