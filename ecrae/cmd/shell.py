# SPDX-License-Identifier: Apache-2.0

"""``ecrae``: what tenants and operators do with an energy-aware cloud."""

import sys

from ecrae.cmd import application


COMMANDS = {
    'deploy': 'ecrae.deployer.cli.deploy:Deploy',
    'explain': 'ecrae.deployer.cli.explain:Explain',
    'hosts': 'ecrae.deployer.cli.hosts:Hosts',
    'plan': 'ecrae.deployer.cli.plan:Plan',
    'rebalance': 'ecrae.migration.cli.rebalance:Rebalance',
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
