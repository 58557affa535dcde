# SPDX-License-Identifier: Apache-2.0

import json

import pytest
import sqlalchemy as sa
from alembic import autogenerate
from alembic import migration
from alembic import script

from ecrae import exception
from ecrae.kb import knowledge
from ecrae.kb import models
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.cluster import Accelerator


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


def test_hardware_with_accelerators_outlives_the_upgrade(url):
    """It ranks as before: watts of boards stay in the node type's curve."""
    database = Database(url)
    schema.upgrade(database, '0004')
    tables = sa.MetaData()
    with database.connection() as connection:
        tables.reflect(connection)
        for name, row in _OLD_ROWS:
            connection.execute(sa.insert(tables.tables[name]), row)

    schema.upgrade(database)

    with database.reader() as session:
        known = knowledge.load(session)
    box = known.node_types['box']
    assert box.curve.power_w == (90.0,) * 11
    assert box.accelerators == (Accelerator('gpu', 'NVIDIA L4', 2),)
    [target] = known.tags['gpu'].targets
    assert (target.accelerator, target.accelerators_busy) == ('', 0.0)
    database.engine.dispose()


_OLD_ROWS = (
    (
        'power_profile',
        {
            'name': 'all',
            'quality': 'measured',
            'source': 'meter',
            'power_w': json.dumps([90.0] * 11),
            'sleep_w': 1.0,
        },
    ),
    (
        'node_type',
        {
            'name': 'box',
            'architecture': 'x86_64',
            'cpu': 'any',
            'cores': 4,
            'threads': 8,
            'memory_mib': 1024,
            'disk_gib': 10,
            'hypervisor_type': 'qemu',
            'power_profile': 'all',
        },
    ),
    (
        'accelerator',
        {'node_type': 'box', 'kind': 'gpu', 'model': 'NVIDIA L4', 'count': 2},
    ),
    (
        'flavor',
        {
            'name': 'g1',
            'vcpus': 2,
            'memory_mib': 512,
            'disk_gib': 1,
            'extra_specs': '{}',
        },
    ),
    (
        'tag',
        {'name': 'gpu', 'kind': 'hint', 'description': '', 'source': ''},
    ),
    (
        'tag_target',
        {
            'tag': 'gpu',
            'node_type': 'box',
            'flavor': 'g1',
            'preference': 1,
            'relative_speed': 1.0,
            'expected_utilization': 0.5,
        },
    ),
)
