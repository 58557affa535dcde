# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage``: what an operator does to ECRAE's own database."""

import sys

from ecrae.cmd import application


COMMANDS = {
    'certificate issue': 'ecrae.migration.cli.certificate:Issue',
    'certificate list': 'ecrae.migration.cli.certificate:List',
    'certificate revoke': 'ecrae.migration.cli.certificate:Revoke',
    'db sync': 'ecrae.kb.cli.db:Sync',
    'db version': 'ecrae.kb.cli.db:Version',
    'decision list': 'ecrae.kb.cli.decision:List',
    'decision show': 'ecrae.kb.cli.decision:Show',
    'kb delete': 'ecrae.kb.cli.entry:Delete',
    'kb export': 'ecrae.kb.cli.transfer:Export',
    'kb history': 'ecrae.kb.cli.history:History',
    'kb import': 'ecrae.kb.cli.transfer:Import',
    'kb list': 'ecrae.kb.cli.entry:List',
    'kb revert': 'ecrae.kb.cli.history:Revert',
    'kb set': 'ecrae.kb.cli.entry:Set',
    'kb show': 'ecrae.kb.cli.entry:Show',
    'learn': 'ecrae.telemetry.cli.learn:Learn',
    'power fit': 'ecrae.telemetry.cli.power:Fit',
    'power reset': 'ecrae.telemetry.cli.power:Reset',
    'telemetry check': 'ecrae.telemetry.cli.readings:Check',
    'telemetry show': 'ecrae.telemetry.cli.readings:Show',
}


def main(argv: list[str] | None = None) -> int:
    """Run ``ecrae-manage`` and return its exit code."""
    return application.run(
        application.Application(
            'ecrae-manage',
            'Set up and fill the knowledge base of ECRAE.',
            COMMANDS,
        ),
        argv,
    )


if __name__ == '__main__':
    sys.exit(main())
