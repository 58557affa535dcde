# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage db``: the tables of the knowledge base."""

from typing import Any

from ecrae import command
from ecrae.kb import schema
from ecrae.kb.db import Database


class Sync(command.ShowOne):
    """Make the tables of the knowledge base, or bring them up to date.

    Repeating it does no harm. Make a backup first: there is no way back.
    """

    examples = """
        ecrae-manage db sync
        ecrae-manage --config-file /etc/ecrae/ecrae.conf db sync
    """

    def take_action(self, parsed_args: Any) -> Any:
        """Upgrade and say what the version is now."""
        database = Database(self.conf.ecrae_database.connection)
        schema.upgrade(database)
        return _versions(database)


class Version(command.ShowOne):
    """Show the version of the tables, and the one this ECRAE needs."""

    examples = """
        ecrae-manage db version
        ecrae-manage db version -f value -c version
    """

    def take_action(self, parsed_args: Any) -> Any:
        """The two versions."""
        return _versions(Database(self.conf.ecrae_database.connection))


def _versions(database: Database) -> Any:
    present = schema.version(database)
    return zip(
        *(
            ('database', database.label),
            ('version', present or 'none'),
            ('newest', schema.newest()),
            ('is_newest', present == schema.newest()),
        ),
        strict=True,
    )
