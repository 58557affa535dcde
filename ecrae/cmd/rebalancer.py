# SPDX-License-Identifier: Apache-2.0

"""``ecrae-rebalancer``: keeps workloads where they take the least energy."""

import argparse
import sys

from ecrae import exception
from ecrae.cmd import extras


_EXAMPLES = """
examples:
  ecrae-rebalancer --config-file /etc/ecrae/ecrae.conf
  ecrae-rebalancer --once --dry-run
  ecrae-rebalancer --once

All other options are those of every OpenStack service: --config-file,
--config-dir, --debug, --log-file. Without --config-file, ecrae.conf is read
from /etc/ecrae.
"""


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; the exit code is 1 for a wrong option."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = _parser()
    if {'-h', '--help'} & set(arguments):
        parser.print_help()
        return 0
    parsed, others = parser.parse_known_args(arguments)
    if parsed.dry_run and not parsed.once:
        parser.error('--dry-run goes with --once')
    try:
        return extras.run(
            'ecrae-rebalancer', 'rebalancer', lambda: _run(parsed, others)
        )
    except exception.EcraeError as error:
        sys.stderr.write(f'{error}\n')
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        'ecrae-rebalancer',
        description='Propose, and where told to make, the migrations that '
        'let the cloud draw less power. [ecrae_rebalancer] in ecrae.conf '
        'says how far it goes; by default it only gives advice.',
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        '--once',
        action='store_true',
        help='Take one turn, without waiting for the hold time, say what '
        'came of it, and end.',
    )
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='With --once: say what would be proposed and which brakes '
        'would hold; record nothing.',
    )
    return parser


def _run(parsed: argparse.Namespace, others: list[str]) -> int:
    # What only this process needs, so that --help needs no extra.
    from ecrae import service
    from ecrae.migration.rebalancer import process
    from ecrae.migration.rebalancer import single

    conf = service.prepare(
        'ecrae-rebalancer', others, logs_to_stderr=parsed.once
    )
    if not parsed.once:
        return service.run(conf, process.RebalancerProcess(conf))
    sys.stdout.write(single.turn(conf, is_dry=parsed.dry_run) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
