# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage decision``: why components are where they are."""

from typing import Any

from ecrae import command
from ecrae.kb import decisions
from ecrae.kb.db import Database
from ecrae.model import decision


class List(command.Lister):
    """List the newest decisions, newest first."""

    examples = """
        ecrae-manage decision list
        ecrae-manage decision list --limit 3 -f json
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--limit',
            type=_positive,
            default=20,
            metavar='N',
            help='Decisions to list. Default: 20.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """A row for each decision."""
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            newest = decisions.list_newest(session, parsed_args.limit)
        return (
            ('id', 'created_at', 'source', 'node_types'),
            [
                (
                    made.id,
                    made.created_at.isoformat(timespec='seconds'),
                    made.source,
                    command.Nested(
                        {
                            component.node: component.chosen.node_type
                            for component in made.components
                        }
                    ),
                )
                for made in newest
            ],
        )


class Show(command.ShowOne):
    """Show one decision with every candidate and why it lost."""

    examples = """
        ecrae-manage decision show 6c8f0a4e-9d5c-4b7c-8f0e-0d8b3c1f2a59
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'id',
            metavar='ID',
            help='Identifier, as servers carry it in ecrae:decision.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """The decision's fields."""
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            made = decisions.get(session, parsed_args.id)
        shown = decision.as_document(made)
        shown['components'] = command.Nested(shown['components'])
        return tuple(shown), tuple(shown.values())


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
