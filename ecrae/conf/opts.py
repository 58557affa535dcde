# SPDX-License-Identifier: Apache-2.0

"""Every option group of ECRAE, for ``register_opts`` and the generators."""

from oslo_config import cfg

from ecrae.conf import agent
from ecrae.conf import database
from ecrae.conf import deployer
from ecrae.conf import energy
from ecrae.conf import overload
from ecrae.conf import power
from ecrae.conf import rebalancer
from ecrae.conf import scheduler
from ecrae.conf import telemetry


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Groups with their options, in the order of the sample files."""
    return [
        (agent.GROUP, agent.OPTIONS),
        (database.GROUP, database.OPTIONS),
        (deployer.GROUP, deployer.OPTIONS),
        (energy.GROUP, energy.OPTIONS),
        (power.GROUP, power.OPTIONS),
        (overload.GROUP, overload.OPTIONS),
        (rebalancer.GROUP, rebalancer.OPTIONS),
        (telemetry.GROUP, telemetry.OPTIONS),
        (scheduler.GROUP, scheduler.OPTIONS),
    ]
