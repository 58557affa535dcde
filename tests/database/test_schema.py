# SPDX-License-Identifier: Apache-2.0

import pytest
import sqlalchemy as sa
from alembic import autogenerate
from alembic import migration
from alembic import script

from ecrae import exception
from ecrae.kb import models
from ecrae.kb import schema
from ecrae.kb.db import Database


def _revisions():
    directory = script.ScriptDirectory.from_config(schema._config())
    return [each.revision for each in directory.walk_revisions()][::-1]


def test_migrations_make_what_the_models_say(database):
    with database.connection() as connection:
        context = migration.MigrationContext.configure(
            connection,
            opts={'compare_type': True, 'compare_server_default': True},
        )
        difference = autogenerate.compare_metadata(
            context, models.Base.metadata
        )
    assert difference == []


def test_every_revision_is_reached_from_the_one_before(url):
    database = Database(url)
    assert schema.version(database) is None
    for revision in _revisions():
        schema.upgrade(database, revision)
        assert schema.version(database) == revision
    assert schema.version(database) == schema.newest()


def test_upgrading_the_newest_changes_nothing(database):
    schema.upgrade(database)
    assert schema.version(database) == schema.newest()


def test_tables_of_a_newer_version_are_left_alone(database):
    with database.connection() as connection:
        connection.execute(
            sa.text("UPDATE alembic_version SET version_num = '9999'")
        )
    with pytest.raises(exception.ConfigError, match='newer than this ECRAE'):
        schema.upgrade(database)
    assert schema.version(database) == '9999'


def test_constraints_have_their_names(database):
    inspector = sa.inspect(database.engine)
    for table in models.Base.metadata.sorted_tables:
        expected = {str(key.name) for key in table.foreign_key_constraints}
        found = {key['name'] for key in inspector.get_foreign_keys(table.name)}
        assert found == expected
