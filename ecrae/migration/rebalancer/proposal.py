# SPDX-License-Identifier: Apache-2.0

"""What would be better than the present placement, and by how much. Pure."""

import dataclasses
from collections.abc import Callable
from collections.abc import Iterable

from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer.plan import Plan
from ecrae.migration.rebalancer.worth import Baseline
from ecrae.migration.rebalancer.worth import Worth
from ecrae.model.plan import Action
from ecrae.model.plan import ActionKind


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Actions in order, and the figures that the brakes ask for."""

    actions: tuple[Action, ...]
    worth: Worth
    power_before_w: float
    power_after_w: float
    power_bound_w: float
    #: Empty hosts to keep awake, by name.
    spare_hosts: tuple[str, ...] = ()
    #: What the plan is called; empty: by the aim's strategy.
    strategy: str = ''


def propose(
    baseline: Baseline, clock: Callable[[], float] | None = None
) -> Proposal:
    """The best migrations that are found; none when it is good as it is."""
    aim = baseline.aim
    plan = engine.optimize(
        baseline.problem,
        aim.strategy,
        seed=aim.seed,
        max_migrations=aim.max_migrations,
        time_limit_s=aim.time_limit_s,
        clock=clock,
        migration=aim.migration,
    )
    actions = tuple(_actions(plan))
    return Proposal(
        actions=actions,
        worth=baseline.worth(actions),
        power_before_w=plan.watts_before,
        power_after_w=plan.watts_after,
        power_bound_w=plan.watts_bound,
        spare_hosts=plan.spare_hosts,
    )


def _actions(plan: Plan) -> Iterable[Action]:
    for move in plan.moves:
        yield Action(
            kind=ActionKind.MIGRATE,
            workload=move.workload,
            source=move.source,
            destination=move.destination,
            reason=move.reason,
            saving_w=move.saving_w,
            cost_j=move.cost_j,
        )
