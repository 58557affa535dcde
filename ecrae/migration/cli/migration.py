# SPDX-License-Identifier: Apache-2.0

"""``ecrae migration``: what was moved, and what is being moved."""

import argparse
from collections.abc import Iterator
from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.migration.cli import control


class List(command.Lister):
    """List the migrations that the agents remember, oldest first."""

    examples = """
    ecrae migration list
    ecrae migration list --open
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Only those under way, or all."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--open',
            action='store_true',
            help='Only those that are not over.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> tuple[Any, Iterator[Any]]:
        """One row for each."""
        columns = (
            'id',
            'workload',
            'source',
            'destination',
            'mode',
            'phase',
            'began',
        )
        rows = (
            (
                *(found[name] for name in columns[:-1]),
                control.instant(found['began']),
            )
            for found in control.each_migration(self.conf)
            if not parsed_args.open or found['phase'] not in _CLOSED
        )
        return columns, rows


_CLOSED = ('released', 'returned', 'kept', 'yielded')


class _One(command.Command):
    """A command about one migration."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its id."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('id', help='As "ecrae migration list" shows it.')
        return parser


class Show(_One, command.ShowOne):
    """Show one migration, with its progress while it lasts."""

    examples = """
    ecrae migration show 6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11
    """

    def take_action(self, parsed_args: Any) -> tuple[Any, Any]:
        """Everything its source says."""
        found = control.find_migration(self.conf, parsed_args.id)
        fields = {
            **found,
            'began': control.instant(found['began']),
            'changed': control.instant(found['changed']),
            'progress': command.Nested(found.get('progress', {})),
        }
        return tuple(fields), tuple(fields.values())


class Cancel(_One):
    """Stop a migration; the workload stays at its source.

    Refused once the workload runs at the destination and needs the source
    no more.
    """

    examples = """
    ecrae migration cancel 6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11
    """

    def take_action(self, parsed_args: Any) -> None:
        """Ask the source."""
        found = control.find_migration(self.conf, parsed_args.id)
        control.get_api(self.conf).cancel_migration(
            found['source'], parsed_args.id
        )


class GiveBack(_One):
    """Run a workload at its source again because the destination is dead.

    A source that has handed its workload over waits for the destination's
    word. If that host will never come back, or has been wiped, only you can
    know: make sure that its copy does not run, then say so here.
    """

    examples = """
    ecrae migration give-back 6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11 \
--destination-is-dead
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The operator's word."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--destination-is-dead',
            action='store_true',
            help='Vouch that the copy at the destination does not run.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> None:
        """Tell the source."""
        if not parsed_args.destination_is_dead:
            raise exception.UsageError(
                'Two copies could run: say --destination-is-dead if you have '
                'made sure.'
            )
        found = control.find_migration(self.conf, parsed_args.id)
        control.get_api(self.conf).give_back(
            found['source'], parsed_args.id, 'by the operator'
        )
