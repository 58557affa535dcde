# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage power``: curves measured on the hosts themselves."""

from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.kb import editing
from ecrae.kb import measured_curves as kept_curves
from ecrae.kb.db import Database
from ecrae.telemetry import measured_curves
from ecrae.telemetry.cli import lesson
from ecrae.telemetry.measured_curves import Outcome


class Fit(lesson.LessonCommand):
    """Fit hosts' power curves to what was measured on them.

    Each host uses its own curve from then on. A host with too few readings
    is left as it is, and the outcome says so.
    """

    examples = """
        ecrae-manage power fit --since 168
        ecrae-manage power fit compute-1 compute-2 --dry-run -f json
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'hosts',
            nargs='*',
            metavar='HOST',
            help='Hosts to fit; none: all that the knowledge base has.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """Measure, keep, and say how good each curve is."""
        known = self.known()
        for name in parsed_args.hosts:
            editing.check_exists('host', name, known.hosts)
        outcomes = measured_curves.measure(
            known,
            self.history(known, parsed_args.since),
            parsed_args.hosts or sorted(known.hosts),
        )
        profiles = {
            outcome.host: outcome.profile
            for outcome in outcomes
            if outcome.profile
        }
        if not profiles:
            refused = '; '.join(f'{o.host}: {o.reason}' for o in outcomes[:5])
            raise exception.NotFound(
                f'No host has enough readings. {refused or "There are none"}.'
            )
        if not parsed_args.dry_run:
            with self.database().writer() as session:
                kept_curves.keep(session, profiles)
        done = 'fitted' if parsed_args.dry_run else 'kept'
        return _COLUMNS, [_row(outcome, done) for outcome in outcomes]


class Reset(command.Command):
    """Make hosts use the curves of their node types again.

    What was measured stays in the knowledge base; ``ecrae-manage kb set host
    HOST power_profile=measured:HOST`` takes it up again.
    """

    examples = """
        ecrae-manage power reset compute-1
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument('hosts', nargs='+', metavar='HOST')
        return parser

    def take_action(self, parsed_args: Any) -> None:
        """Reset all, or none."""
        database = Database(self.conf.ecrae_database.connection)
        with database.writer() as session:
            kept_curves.reset(session, parsed_args.hosts)


_COLUMNS = (
    'host',
    'outcome',
    'samples',
    'lowest_load',
    'highest_load',
    'mean_error_w',
    'p95_error_w',
    'idle_w',
    'max_w',
)


def _row(outcome: Outcome, done: str) -> Any:
    found = outcome.fit
    if found is None:
        blanks = (None,) * (len(_COLUMNS) - 3)
        refused = f'refused: {outcome.reason}'
        return (outcome.host, refused, outcome.samples, *blanks)
    return (
        outcome.host,
        done,
        outcome.samples,
        *found.observed,
        round(found.mean_error_w, 2),
        round(found.p95_error_w, 2),
        round(found.curve.power_w[0], 2),
        round(found.curve.power_w[-1], 2),
    )
