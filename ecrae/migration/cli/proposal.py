# SPDX-License-Identifier: Apache-2.0

"""``ecrae proposal``: the rebalancer's plans, and a person's word on them."""

import argparse
import datetime
from collections.abc import Iterator
from typing import Any

from oslo_config import cfg

from ecrae import command
from ecrae import exception
from ecrae.kb import plans
from ecrae.kb.db import Database
from ecrae.migration.cli import plan_fields as shown
from ecrae.model.plan import Plan
from ecrae.model.plan import State


#: Plans among which the begin of an identifier is looked for.
_KNOWN = 1000

_OPEN = (State.PENDING, State.APPROVED, State.ONGOING)


class List(command.Lister):
    """List the rebalancer's plans, newest first."""

    examples = """
    ecrae proposal list
    ecrae proposal list --open
    ecrae proposal list --state FAILED --limit 5 -f json
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Which, and how many."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            '--open',
            action='store_true',
            help='Only those that wait or are under way.',
        )
        which.add_argument(
            '--state',
            type=str.upper,
            choices=[str(state) for state in State],
            help='Only those in this state.',
        )
        _add_limit(parser, 'plans')
        return parser

    def take_action(self, parsed_args: Any) -> tuple[Any, Iterator[Any]]:
        """One row for each."""
        states = _OPEN if parsed_args.open else tuple(State)
        if parsed_args.state:
            states = (State(parsed_args.state),)
        with _database(self.conf).reader() as session:
            found = plans.list_newest(session, parsed_args.limit, states)
        columns = (
            'id',
            'state',
            'created',
            'strategy',
            'actions',
            'saving_w',
            'error',
        )
        return columns, (
            (
                plan.id,
                str(plan.state),
                shown.moment(plan.created_at),
                plan.strategy,
                len(plan.actions),
                shown.saving_w(plan),
                plan.error,
            )
            for plan in found
        )


class _One(command.Command):
    """A command about one plan."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its id."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            'id', help='As "ecrae proposal list" shows it, or its begin.'
        )
        return parser


class Show(_One, command.ShowOne):
    """Show one plan with every action and how far it got."""

    examples = """
    ecrae proposal show 6f1c0a52
    ecrae proposal show 6f1c0a52 -f json
    """

    def take_action(self, parsed_args: Any) -> tuple[Any, Any]:
        """All that is known of it."""
        return shown.of_plan(_find(_database(self.conf), parsed_args.id))


class Approve(_One, command.ShowOne):
    """Let the rebalancer enact a plan, whatever its mode is.

    It looks first whether the plan can still be done and still makes the
    cloud better; if not, the plan is SUPERSEDED, and nothing is touched.
    """

    examples = """
    ecrae proposal approve 6f1c0a52
    """

    def take_action(self, parsed_args: Any) -> tuple[Any, Any]:
        """The plan as it is then."""
        return _changed(self.conf, parsed_args.id, State.APPROVED)


class Cancel(_One, command.ShowOne):
    """Let nothing more be done of a plan.

    Of a plan under way no further action begins, and the migration that is
    under way is aborted where that is still possible. What was moved stays
    where it is.
    """

    examples = """
    ecrae proposal cancel 6f1c0a52
    """

    def take_action(self, parsed_args: Any) -> tuple[Any, Any]:
        """The plan as it is then."""
        return _changed(self.conf, parsed_args.id, State.CANCELLED)


class History(command.Lister):
    """List what the rebalancer did, newest first: one row for each action."""

    examples = """
    ecrae proposal history
    ecrae proposal history --workload 0b5bb3a2-53c5-4a55-8f6b-6f0e5d8f0d3a
    ecrae proposal history --host compute-7 -f json
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Of which workload or host."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--workload',
            metavar='ID',
            help='Only of this server or container.',
        )
        parser.add_argument(
            '--host', metavar='HOST', help='Only from or to this host.'
        )
        _add_limit(parser, 'plans that are looked through')
        return parser

    def take_action(self, parsed_args: Any) -> tuple[Any, Iterator[Any]]:
        """One row for each that was begun."""
        with _database(self.conf).reader() as session:
            found = plans.list_newest(session, parsed_args.limit)
        columns = (
            'finished',
            'kind',
            'workload',
            'source',
            'destination',
            'state',
            'saving_w',
            'plan',
            'error',
        )
        return columns, (
            (
                shown.moment(action.finished_at),
                str(action.kind),
                action.workload,
                action.source,
                action.destination,
                str(action.state),
                round(action.saving_w, 1),
                plan.id,
                action.error,
            )
            for plan in found
            for action in reversed(plan.actions)
            if action.started_at is not None
            and parsed_args.workload in (None, action.workload)
            and parsed_args.host in (None, action.source, action.destination)
        )


def _add_limit(parser: argparse.ArgumentParser, noun: str) -> None:
    parser.add_argument(
        '--limit',
        metavar='N',
        type=_count,
        default=50,
        help=f'Most {noun}; default: 50.',
    )


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return value


def _database(conf: cfg.ConfigOpts) -> Database:
    return Database(conf.ecrae_database.connection)


def _find(database: Database, begin: str) -> Plan:
    """The plan of an identifier, or of the only one that begins so.

    :raises NotFound: there is none.
    :raises Conflict: there are several.
    """
    with database.reader() as session:
        found = [
            plan
            for plan in plans.list_newest(session, _KNOWN)
            if plan.id.startswith(begin)
        ]
        if not found:
            return plans.get(session, begin)
    if len(found) > 1:
        raise exception.Conflict(
            f'{len(found)} plans begin with {begin}: write more of it.'
        )
    return found[0]


def _changed(
    conf: cfg.ConfigOpts, begin: str, state: State
) -> tuple[Any, Any]:
    database = _database(conf)
    plan = _find(database, begin)
    now = datetime.datetime.now(datetime.UTC)
    with database.writer() as session:
        plans.set_state(session, plan.id, state, now)
    return shown.of_plan(_find(database, plan.id))
