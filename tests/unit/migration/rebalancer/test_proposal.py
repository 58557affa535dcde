# SPDX-License-Identifier: Apache-2.0

"""What is proposed is worth its cost, can be done, and is enough."""

import dataclasses

import hypothesis

from ecrae.migration.rebalancer import proposal
from ecrae.migration.rebalancer import validity
from ecrae.migration.rebalancer.worth import Baseline
from tests.unit.migration.optimizer import clouds
from tests.unit.migration.rebalancer import world as worlds


AIM = dataclasses.replace(worlds.AIM, max_migrations=None)


def _after(snapshot, actions):
    places = {each.workload: each.destination for each in actions}
    return dataclasses.replace(
        snapshot,
        workloads=tuple(
            dataclasses.replace(each, host=places.get(each.id, each.host))
            for each in snapshot.workloads
        ),
    )


def _propose(snapshot):
    return proposal.propose(Baseline.of(snapshot, AIM))


@hypothesis.settings(max_examples=15)
@hypothesis.given(clouds.snapshots())
def test_a_proposal_pays_can_be_done_and_leaves_nothing_to_do(snapshot):
    found = _propose(snapshot)
    worth = found.worth

    if found.actions:
        horizon_s = AIM.migration.horizon_s
        assert worth.is_urgent or worth.gain_w * horizon_s >= worth.cost_j
        baseline = validity.baseline(snapshot, AIM)
        assert validity.obstacle(baseline, found.actions) == ''
        assert worth.is_urgent or validity.is_worth_it(baseline, found.actions)
    again = _propose(_after(snapshot, found.actions))
    assert again.actions == ()
