# SPDX-License-Identifier: Apache-2.0

"""Policies by name."""

from collections.abc import Callable
from collections.abc import Mapping

from ecrae import exception
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import Strategy
from ecrae.simulator.policies import mmt
from ecrae.simulator.policies import static
from ecrae.simulator.policies.ecrae import Ecrae
from ecrae.simulator.policies.ecrae import Settings
from ecrae.simulator.policy import Policy


#: Strategies that name hosts mean nothing without an operator.
_STRATEGIES = [name for name in STRATEGIES if name != 'evacuate']


def _ecrae(strategy: Strategy) -> Callable[[int], Policy]:
    return lambda seed: Ecrae(Settings(strategy=strategy, seed=seed))


#: What makes each policy, from a seed.
POLICIES: Mapping[str, Callable[[int], Policy]] = {
    'none': lambda _: static.Placement(static.spread, sleeps=False),
    'first-fit': lambda _: static.Placement(static.first_fit),
    'best-fit': lambda _: static.Placement(static.best_fit),
    'nova-default': lambda _: static.Placement(static.spread),
    'thr-mmt': lambda _: mmt.thr_mmt(),
    'lr-mmt': lambda _: mmt.lr_mmt(),
    'ecrae-placement': lambda _: static.Placement(static.merit),
    'ecrae': _ecrae(STRATEGIES['energy']),
    **{
        f'ecrae-{name}': _ecrae(STRATEGIES[name])
        for name in _STRATEGIES
        if name != 'energy'
    },
}

#: What is compared unless something else is asked for.
COMPARED = (
    'none',
    'first-fit',
    'best-fit',
    'nova-default',
    'thr-mmt',
    'lr-mmt',
    'ecrae',
)


def policy(name: str, seed: int = 0) -> Policy:
    """A policy of that name.

    :raises UsageError: there is none.
    """
    if name not in POLICIES:
        raise exception.UsageError(
            f'{name}: no such policy; there are ' + ', '.join(POLICIES)
        )
    return POLICIES[name](seed)
