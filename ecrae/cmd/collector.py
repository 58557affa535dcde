# SPDX-License-Identifier: Apache-2.0

"""``ecrae-collector``: keeps the newest measurements where all can read."""

import sys

from ecrae import exception
from ecrae.cmd import extras


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; the exit code is 1 for a wrong option."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        return extras.run(
            'ecrae-collector', 'collector', lambda: _run(arguments)
        )
    except exception.EcraeError as error:
        sys.stderr.write(f'{error}\n')
        return 1


def _run(argv: list[str]) -> int:
    # What only this process needs, so that --help needs no extra.
    from ecrae import service
    from ecrae.kb.db import Database
    from ecrae.telemetry import factory
    from ecrae.telemetry import rounds

    conf = service.prepare('ecrae-collector', argv)
    group = conf.ecrae_telemetry
    process = rounds.Rounds(
        Database(conf.ecrae_database.connection),
        factory.make_collector(conf),
        group.max_age,
    )
    return service.run(conf, service.Periodic(group.interval, process.run_one))


if __name__ == '__main__':
    sys.exit(main())
