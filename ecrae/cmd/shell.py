# SPDX-License-Identifier: Apache-2.0

"""``ecrae``: what tenants and operators do with an energy-aware cloud."""

import sys

from ecrae.cmd import application


COMMANDS = {
    'agent list': 'ecrae.migration.cli.agent:List',
    'agent show': 'ecrae.migration.cli.agent:Show',
    'deploy': 'ecrae.deployer.cli.deploy:Deploy',
    'explain': 'ecrae.deployer.cli.explain:Explain',
    'hosts': 'ecrae.deployer.cli.hosts:Hosts',
    'migrate': 'ecrae.migration.cli.migrate:Migrate',
    'migration cancel': 'ecrae.migration.cli.migration:Cancel',
    'migration give-back': 'ecrae.migration.cli.migration:GiveBack',
    'migration list': 'ecrae.migration.cli.migration:List',
    'migration show': 'ecrae.migration.cli.migration:Show',
    'plan': 'ecrae.deployer.cli.plan:Plan',
    'proposal approve': 'ecrae.migration.cli.proposal:Approve',
    'proposal cancel': 'ecrae.migration.cli.proposal:Cancel',
    'proposal history': 'ecrae.migration.cli.proposal:History',
    'proposal list': 'ecrae.migration.cli.proposal:List',
    'proposal show': 'ecrae.migration.cli.proposal:Show',
    'rebalance': 'ecrae.migration.cli.rebalance:Rebalance',
    'servers': 'ecrae.deployer.cli.servers:Servers',
    'simulate': 'ecrae.simulator.cli.simulate:Simulate',
}


def main(argv: list[str] | None = None) -> int:
    """Run ``ecrae`` and return its exit code."""
    return application.run(
        application.Application(
            'ecrae',
            'Put applications on the hardware that runs them for the least '
            'energy.',
            COMMANDS,
        ),
        argv,
    )


if __name__ == '__main__':
    sys.exit(main())
