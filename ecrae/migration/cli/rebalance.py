# SPDX-License-Identifier: Apache-2.0

"""``ecrae rebalance``: what the rebalancer would do, from a file."""

import argparse
import dataclasses
import pathlib
import sys
import time
from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.migration import snapshot_file
from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import Strategy
from ecrae.migration.optimizer.plan import Move
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Snapshot


STDIN = '-'

#: Fields of a plan in the order in which they are shown.
FIELDS = (
    'moves',
    'watts_before',
    'watts_after',
    'watts_bound',
    'hosts_on_before',
    'hosts_on_after',
    'seconds',
)


class Moves(command.Nested):
    """Moves: a line each for people, objects in JSON."""

    def human_readable(self) -> str:
        """One line for each move, numbered in order."""
        lines = [
            f'{number}. {move.workload}: {move.source} → {move.destination}, '
            f'saves {move.saving_w:.1f} W, costs {move.cost_j:.0f} J: '
            f'{move.reason}'
            for number, move in enumerate(self._value, start=1)
        ]
        return '\n'.join(lines) or 'none: the placement is good as it is'

    def machine_readable(self) -> list[dict[str, Any]]:
        """The moves as mappings."""
        return [dataclasses.asdict(move) for move in self._value]


class Watts(command.Nested):
    """A quantity: one decimal for people, all of them in JSON."""

    def human_readable(self) -> str:
        """With one decimal."""
        return f'{self._value:.1f}'


class Rebalance(command.ShowOne):
    """Show which migrations would make a cloud draw less power.

    FILE is a snapshot of hosts and workloads in JSON; nothing is migrated.
    Moves are listed in an order in which each of them is possible.
    """

    examples = """
        ecrae rebalance examples/snapshot.json
        ecrae rebalance examples/snapshot.json --max-migrations 3 -f json
        ecrae rebalance examples/snapshot.json --evacuate node-4
        ecrae rebalance - --strategy balance < examples/snapshot.json
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'file', metavar='FILE', help='Snapshot; - reads standard input.'
        )
        parser.add_argument(
            '--strategy',
            choices=sorted(STRATEGIES),
            help='What to aim at; default: energy, or evacuate where hosts '
            'are to be emptied.',
        )
        parser.add_argument(
            '--evacuate',
            metavar='HOST',
            action='append',
            default=[],
            help='Host to be emptied, whatever that costs; repeat it for '
            'several.',
        )
        parser.add_argument(
            '--time-limit',
            metavar='SECONDS',
            type=_positive,
            default=30.0,
            help='Stop searching after so long and take the best plan so '
            'far; default: 30.',
        )
        parser.add_argument(
            '--seed',
            metavar='N',
            type=_count,
            default=0,
            help='Start of the random numbers; default: 0. Unless the time '
            'limit strikes, the same seed gives the same plan.',
        )
        parser.add_argument(
            '--max-migrations',
            metavar='N',
            type=_count,
            help='Most moves of the plan; default: no limit.',
        )
        _add_rules(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Read, plan and show."""
        source = parsed_args.file
        snapshot = snapshot_file.read(_text(source), _name(source))
        plan = engine.optimize(
            Problem.of(snapshot, _rules(parsed_args)),
            _strategy(parsed_args, snapshot),
            seed=parsed_args.seed,
            max_migrations=parsed_args.max_migrations,
            time_limit_s=parsed_args.time_limit,
            clock=time.monotonic,
        )
        return FIELDS, [_cell(getattr(plan, field)) for field in FIELDS]


def _cell(value: tuple[Move, ...] | float) -> Any:
    if isinstance(value, tuple):
        return Moves(value)
    return Watts(value) if isinstance(value, float) else value


def _add_rules(parser: argparse.ArgumentParser) -> None:
    rules = parser.add_argument_group('rules')
    rules.add_argument(
        '--headroom',
        metavar='FRACTION',
        type=_fraction,
        default=0.0,
        help='Part of every capacity that moves leave free; default: 0.',
    )
    rules.add_argument(
        '--cpu-ceiling',
        metavar='FRACTION',
        type=_fraction,
        default=1.0,
        help='Part of a CPU that moves may fill with load; default: 1.',
    )
    rules.add_argument(
        '--spare-hosts',
        metavar='N',
        type=_count,
        default=0,
        help='Empty hosts that stay awake; default: 0.',
    )


def _rules(arguments: argparse.Namespace) -> Rules:
    return Rules(
        headroom=arguments.headroom,
        cpu_ceiling=arguments.cpu_ceiling,
        spare_hosts=arguments.spare_hosts,
        affinity_groups_move=bool(arguments.evacuate),
    )


def _strategy(arguments: argparse.Namespace, snapshot: Snapshot) -> Strategy:
    known = {host.name for host in snapshot.hosts}
    unknown = sorted(set(arguments.evacuate) - known)
    if unknown:
        raise exception.UsageError(
            f'--evacuate: the snapshot has no host {", ".join(unknown)}'
        )
    name = arguments.strategy
    if name == 'evacuate' and not arguments.evacuate:
        raise exception.UsageError(
            'the strategy evacuate needs hosts: give --evacuate HOST'
        )
    name = name or ('evacuate' if arguments.evacuate else 'energy')
    return dataclasses.replace(
        STRATEGIES[name], evacuate=frozenset(arguments.evacuate)
    )


def _name(source: str) -> str:
    return 'standard input' if source == STDIN else source


def _text(source: str) -> str:
    try:
        if source == STDIN:
            return sys.stdin.read()
        return pathlib.Path(source).read_text('utf-8')
    except OSError as error:
        raise exception.InputError(
            source=source, faults=[error.strerror or str(error)]
        ) from error
    except UnicodeDecodeError as error:
        raise exception.InputError(
            source=_name(source), faults=[f'not UTF-8: {error.reason}']
        ) from error


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return value


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return value
