# SPDX-License-Identifier: Apache-2.0

"""What commands share that learn from what telemetry remembers."""

import argparse
import time
from typing import Any

from ecrae import command
from ecrae.kb import knowledge
from ecrae.kb.db import Database
from ecrae.model.knowledge import Knowledge
from ecrae.telemetry import factory
from ecrae.telemetry.history import History


class LessonCommand(command.Lister):
    """A command that looks back and changes the knowledge base, or may not."""

    def get_parser(self, prog_name: str) -> Any:
        """How far to look back, and whether to keep what is found."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--since',
            type=_hours,
            default=24.0,
            metavar='HOURS',
            help='How far back to look; 24 hours unless given.',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='Only show what would be kept.',
        )
        return parser

    def database(self) -> Database:
        """The knowledge base."""
        return Database(self.conf.ecrae_database.connection)

    def known(self) -> Knowledge:
        """What it knows now."""
        with self.database().reader() as session:
            return knowledge.load(session)

    def history(self, known: Knowledge, hours: float) -> History:
        """What telemetry remembers of the last hours.

        :raises ConfigError: an option is wrong, or a source's package is not
            installed.
        """
        stop = time.time()
        return factory.make_history(
            self.conf, known, stop - hours * 3600, stop
        )


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 < hours < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} hours: use more than 0')
    return hours
