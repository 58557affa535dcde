# SPDX-License-Identifier: Apache-2.0

"""Tells the message bus of every plan and action, for other programs.

Event types are ``rebalancer.plan.STATE`` and ``rebalancer.action.STATE``
with the state in lower case; both payloads carry ``version``, whose first
number changes when a field goes or means something else. Which drivers get
them says ``[oslo_messaging_notifications] driver``; by default none does.
"""

from oslo_config import cfg

from ecrae import rpc
from ecrae.migration.rebalancer import ledger
from ecrae.model.plan import Plan
from ecrae.model.plan import State


VERSION = '1.0'


class Notifications:
    """Emits a notification for each change."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._notifier = rpc.get_notifier(conf, 'ecrae-rebalancer')

    def plan(self, plan: Plan) -> None:
        """A plan is in a new state."""
        self._emit('plan', plan.state, ledger.payload(plan))

    def action(self, plan: Plan, position: int) -> None:
        """An action is in a new state."""
        action = plan.actions[position]
        self._emit(
            'action',
            action.state,
            {
                'plan': plan.id,
                'position': position,
                **ledger.action_payload(action),
            },
        )

    def _emit(
        self, noun: str, state: State, payload: dict[str, object]
    ) -> None:
        emit = (
            self._notifier.error
            if state is State.FAILED
            else self._notifier.info
        )
        emit(
            {},
            f'rebalancer.{noun}.{state.lower()}',
            {'version': VERSION, **payload},
        )
