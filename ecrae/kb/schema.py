# SPDX-License-Identifier: Apache-2.0

"""Version of the knowledge base's tables, and how they get to the newest.

There is no way back: what to return to after a bad upgrade is a backup.
"""

from alembic import command
from alembic import config
from alembic import migration
from alembic import script

from ecrae import exception
from ecrae.kb.db import Database


def newest() -> str:
    """Revision that this ECRAE works with."""
    head = script.ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise exception.ConfigError('ECRAE was installed without its schema.')
    return head


def version(database: Database) -> str | None:
    """Revision of the database's tables; None when there are none.

    :raises ConfigError: the database cannot be reached.
    """
    with database.connection() as connection:
        context = migration.MigrationContext.configure(connection)
        return context.get_current_revision()


def upgrade(database: Database, revision: str = 'head') -> None:
    """Bring the tables to a revision, from wherever they are.

    :raises ConfigError: the database cannot be reached, or its tables are
        of a newer ECRAE.
    """
    alembic_config = _config()
    with database.connection() as connection:
        present = migration.MigrationContext.configure(
            connection
        ).get_current_revision()
        known = script.ScriptDirectory.from_config(alembic_config)
        revisions = {each.revision for each in known.walk_revisions()}
        if present is not None and present not in revisions:
            raise exception.ConfigError(
                f'The knowledge base at {database.label} has revision '
                f'{present}, which is newer than this ECRAE: upgrade ECRAE.'
            )
        alembic_config.attributes['connection'] = connection
        command.upgrade(alembic_config, revision)


def _config() -> config.Config:
    result = config.Config()
    result.set_main_option('script_location', 'ecrae.kb:alembic')
    result.set_main_option('path_separator', 'os')
    return result
