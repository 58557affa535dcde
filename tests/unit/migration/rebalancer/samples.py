# SPDX-License-Identifier: Apache-2.0

"""A plan of two actions in any state, for what is told of plans."""

from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind
from ecrae.model.plan import Plan
from tests.unit.migration.rebalancer import world


def plan(state, error=''):
    """Both actions are in the plan's state."""
    migrate = Action(
        kind=ActionKind.MIGRATE,
        workload='the-server',
        source='a',
        destination='b',
        reason='empties a, which can sleep then',
        saving_w=2.0,
        cost_j=10.0,
        state=state,
        error=error,
        started_at=world.NOON,
    )
    sleep = Action(
        kind=ActionKind.SLEEP,
        workload='',
        source='a',
        destination='a',
        reason='empty',
        saving_w=98.0,
        cost_j=0.0,
        state=state,
    )
    return Plan(
        id='11111111-2222-3333-4444-555555555555',
        created_at=world.NOON,
        updated_at=world.NOON,
        strategy='energy',
        actions=(migrate, sleep),
        power_before_w=300.0,
        power_after_w=200.0,
        power_bound_w=190.0,
        state=state,
        error=error,
    )
