# SPDX-License-Identifier: Apache-2.0

"""``ecrae-agent``: one on every compute host, moves its workloads."""

import sys

from ecrae import exception
from ecrae.cmd import extras


def main(argv: list[str] | None = None) -> int:
    """Run until a signal ends it; the exit code is 1 for a wrong option."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        return extras.run('ecrae-agent', 'agent', lambda: _run(arguments))
    except exception.EcraeError as error:
        sys.stderr.write(f'{error}\n')
        return 1


def _run(arguments: list[str]) -> int:
    # Only here, so that what is missing can be named.
    from ecrae import privsep
    from ecrae import service
    from ecrae.migration import process

    conf = service.prepare('ecrae-agent', arguments)
    privsep.configure(arguments)
    return service.run(conf, process.AgentProcess(conf))


if __name__ == '__main__':
    sys.exit(main())
