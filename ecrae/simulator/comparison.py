# SPDX-License-Identifier: Apache-2.0

"""Policies side by side on one scenario."""

import dataclasses
import time
from collections.abc import Callable
from collections.abc import Sequence

from ecrae.simulator import bound
from ecrae.simulator import engine
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.meter import Outcome
from ecrae.simulator.policies import catalogue
from ecrae.simulator.policy import Rules
from ecrae.simulator.trace import Trace


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """What is replayed, and by which rules."""

    trace: Trace
    fleet: Fleet
    rules: Rules
    #: Intervals before this one are not metered.
    metered_from: int = 0

    def bound_kwh(self) -> float:
        """Energy that no policy can undercut."""
        return bound.energy_kwh(
            self.trace,
            self.fleet,
            self.rules,
            metered_from=self.metered_from,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What a policy made of a scenario."""

    policy: str
    outcome: Outcome
    #: Time that the replay took.
    seconds: float


#: Called with a policy, intervals done and intervals in all.
Progress = Callable[[str, int, int], None]


def run(
    scenario: Scenario,
    policies: Sequence[str],
    *,
    seed: int = 0,
    on_progress: Progress = lambda policy, done, total: None,
) -> list[Result]:
    """Replay the scenario under each policy in turn.

    :raises UsageError: a policy is not known.
    """
    chosen = [(name, catalogue.policy(name, seed)) for name in policies]
    results = []
    for name, policy in chosen:
        began = time.monotonic()

        def tell(done: int, total: int, name: str = name) -> None:
            on_progress(name, done, total)

        outcome = engine.run(
            scenario.trace,
            scenario.fleet,
            policy,
            scenario.rules,
            metered_from=scenario.metered_from,
            on_progress=tell,
        )
        results.append(Result(name, outcome, time.monotonic() - began))
    return results
