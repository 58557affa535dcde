# SPDX-License-Identifier: Apache-2.0

"""What the rebalancer proposes, step by step, and how far it got."""

import dataclasses
import datetime
import enum
from collections.abc import Mapping


class State(enum.StrEnum):
    """Where a plan, or one of its actions, is in its life."""

    #: Waits for a person, or for the rebalancer's own turn.
    PENDING = 'PENDING'
    APPROVED = 'APPROVED'
    ONGOING = 'ONGOING'
    SUCCEEDED = 'SUCCEEDED'
    FAILED = 'FAILED'
    CANCELLED = 'CANCELLED'
    #: A newer plan made it pointless.
    SUPERSEDED = 'SUPERSEDED'

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not NEXT[self]


#: What may follow on each state.
NEXT: Mapping[State, frozenset[State]] = {
    State.PENDING: frozenset(
        {State.APPROVED, State.CANCELLED, State.SUPERSEDED}
    ),
    State.APPROVED: frozenset(
        {State.ONGOING, State.CANCELLED, State.SUPERSEDED}
    ),
    State.ONGOING: frozenset(
        {
            State.SUCCEEDED,
            State.FAILED,
            State.CANCELLED,
            State.SUPERSEDED,
        }
    ),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.SUPERSEDED: frozenset(),
}


class ActionKind(enum.StrEnum):
    """What an action does to a workload or a host."""

    #: Move a workload, by whatever means its kind has.
    MIGRATE = 'migrate'
    #: Put a component on another architecture through its stack.
    REDEPLOY = 'redeploy'
    #: Take an emptied host out of service and power it down.
    SLEEP = 'sleep'
    #: Power a host up and put it back in service.
    WAKE = 'wake'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step of a plan; steps are done in the order of the plan."""

    kind: ActionKind
    #: Identifier of the workload; empty where the host itself is meant.
    workload: str
    #: Hostnames; of a host's own action both are that host.
    source: str
    destination: str
    reason: str
    #: Watts that the cloud draws less when this step is done.
    saving_w: float
    #: Energy that the step itself takes.
    cost_j: float
    state: State = State.PENDING
    error: str = ''
    started_at: datetime.datetime | None = None
    finished_at: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A proposal as a whole. Times are aware, in UTC."""

    #: A UUID.
    id: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    strategy: str
    actions: tuple[Action, ...]
    #: Draw of the whole cloud before, and as expected after.
    power_before_w: float
    power_after_w: float
    #: No placement draws less; None when it was not computed.
    power_bound_w: float | None = None
    state: State = State.PENDING
    error: str = ''
