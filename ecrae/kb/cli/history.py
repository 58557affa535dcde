# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage kb history`` and ``revert``: changes of tags' targets."""

from typing import Any

from ecrae import command
from ecrae.kb import editing
from ecrae.kb import history
from ecrae.kb.db import Database


class History(command.Lister):
    """List changes of tags' targets, the newest first."""

    examples = """
        ecrae-manage kb history
        ecrae-manage kb history web-frontend --limit 5 -f json
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'tag', nargs='?', metavar='TAG', help='Only changes of this tag.'
        )
        parser.add_argument(
            '--limit',
            type=int,
            default=50,
            metavar='N',
            help='How many to list; 50 unless given.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """A row for each change."""
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            found = history.list_newest(
                session, parsed_args.tag, max(0, parsed_args.limit)
            )
        return _COLUMNS, [
            (
                change.id,
                change.changed_at.isoformat(timespec='seconds'),
                change.tag,
                change.node_type,
                change.flavor,
                change.cause,
                command.Nested(change.before),
                command.Nested(change.after),
            )
            for change in found
        ]


class Revert(command.Command):
    """Put a target back to what it was before a change.

    Later changes of the same target go with it. Reverting is a change
    itself, and can be reverted.
    """

    examples = """
        ecrae-manage kb revert 1
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'change', type=int, metavar='ID', help='As kb history lists it.'
        )
        return parser

    def take_action(self, parsed_args: Any) -> None:
        """Revert one change."""
        database = Database(self.conf.ecrae_database.connection)
        with database.writer() as session:
            editing.revert(session, history.get(session, parsed_args.change))


_COLUMNS = (
    'id',
    'changed_at',
    'tag',
    'node_type',
    'flavor',
    'cause',
    'before',
    'after',
)
