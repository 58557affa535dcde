# SPDX-License-Identifier: Apache-2.0

"""What commands show of the rebalancer's plans."""

import dataclasses
import datetime
from typing import Any

from ecrae import command
from ecrae.model.plan import Action
from ecrae.model.plan import Plan


class Actions(command.Nested):
    """Actions: a line each for people, objects in JSON."""

    def human_readable(self) -> str:
        """One line for each, numbered in order."""
        return '\n'.join(
            f'{number}. {action.state}: {_words(action)}, saves '
            f'{action.saving_w:.1f} W, costs {action.cost_j:.0f} J: '
            f'{action.error or action.reason}'
            for number, action in enumerate(self._value, start=1)
        )

    def machine_readable(self) -> list[dict[str, Any]]:
        """The actions as mappings."""
        return [
            {
                **dataclasses.asdict(action),
                'kind': str(action.kind),
                'state': str(action.state),
                'started_at': moment(action.started_at),
                'finished_at': moment(action.finished_at),
            }
            for action in self._value
        ]


def of_plan(plan: Plan) -> tuple[Any, Any]:
    """Names and values of all that is known of a plan."""
    fields = {
        'id': plan.id,
        'state': str(plan.state),
        'created': moment(plan.created_at),
        'updated': moment(plan.updated_at),
        'strategy': plan.strategy,
        'power_before_w': round(plan.power_before_w, 1),
        'power_after_w': round(plan.power_after_w, 1),
        'power_bound_w': round(plan.power_bound_w or 0.0, 1),
        'saving_w': saving_w(plan),
        'cost_j': round(sum(each.cost_j for each in plan.actions)),
        'actions': Actions(plan.actions),
        'error': plan.error,
    }
    return tuple(fields), tuple(fields.values())


def saving_w(plan: Plan) -> float:
    """Watts that the cloud draws less after a plan, rounded."""
    return round(plan.power_before_w - plan.power_after_w, 1)


def _words(action: Action) -> str:
    if action.source == action.destination:
        return f'{action.kind} {action.source}'
    return (
        f'{action.kind} {action.workload}: {action.source} → '
        f'{action.destination}'
    )


def moment(when: datetime.datetime | None) -> str:
    """A time as ISO 8601 has it; empty for none."""
    return when.isoformat(timespec='seconds') if when else ''
