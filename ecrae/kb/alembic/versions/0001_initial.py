# SPDX-License-Identifier: Apache-2.0

"""The first tables"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql


revision = '0001'
down_revision = None

NAME = sa.String(128)
LABEL = sa.String(255)
STATE = sa.String(16)
UUID = sa.String(36)
JSON = sa.Text().with_variant(mysql.LONGTEXT(), 'mysql', 'mariadb')
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')

OPTIONS: Any = {
    f'{dialect}_{option}': value
    for dialect in ('mysql', 'mariadb')
    for option, value in (
        ('engine', 'InnoDB'),
        ('charset', 'utf8mb4'),
        ('collate', 'utf8mb4_bin'),
    )
}


def upgrade() -> None:
    _hardware()
    _workloads()
    _records()
    _plans()


def _column(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def _primary_key(table: str, *columns: str) -> sa.Constraint:
    return sa.PrimaryKeyConstraint(*columns, name=f'pk_{table}')


def _reference(
    table: str, column: str, target: str, **options: Any
) -> sa.Constraint:
    return sa.ForeignKeyConstraint(
        [column], [target], name=f'fk_{table}_{column}', **options
    )


def _table(name: str, *parts: Any) -> None:
    op.create_table(name, *parts, **OPTIONS)


def _index(table: str, column: str) -> None:
    op.create_index(f'ix_{table}_{column}', table, [column])


def _hardware() -> None:
    _table(
        'power_profile',
        _column('name', NAME),
        _column('quality', STATE),
        _column('source', sa.Text()),
        _column('power_w', JSON),
        _column('sleep_w', sa.Double()),
        _primary_key('power_profile', 'name'),
    )
    _table(
        'node_type',
        _column('name', NAME),
        _column('architecture', NAME),
        _column('cpu', LABEL),
        _column('cores', sa.Integer()),
        _column('threads', sa.Integer()),
        _column('memory_mib', sa.Integer()),
        _column('disk_gib', sa.Integer()),
        _column('hypervisor_type', NAME),
        _column('power_profile', NAME),
        _primary_key('node_type', 'name'),
        _reference('node_type', 'power_profile', 'power_profile.name'),
    )
    _index('node_type', 'power_profile')
    _table(
        'accelerator',
        _column('node_type', NAME),
        _column('kind', NAME),
        _column('model', LABEL),
        _column('count', sa.Integer()),
        _primary_key('accelerator', 'node_type', 'kind', 'model'),
        _reference('accelerator', 'node_type', 'node_type.name'),
    )
    _table(
        'host',
        _column('name', LABEL),
        _column('node_type', NAME),
        _column('state', STATE),
        _primary_key('host', 'name'),
        _reference('host', 'node_type', 'node_type.name'),
    )
    _index('host', 'node_type')


def _workloads() -> None:
    _table(
        'flavor',
        _column('name', LABEL),
        _column('vcpus', sa.Integer()),
        _column('memory_mib', sa.Integer()),
        _column('disk_gib', sa.Integer()),
        _column('extra_specs', JSON),
        _primary_key('flavor', 'name'),
    )
    _table(
        'tag',
        _column('name', NAME),
        _column('kind', STATE),
        _column('description', sa.Text()),
        _column('source', sa.Text()),
        _primary_key('tag', 'name'),
    )
    _table(
        'tag_target',
        _column('tag', NAME),
        _column('node_type', NAME),
        _column('flavor', LABEL),
        _column('preference', sa.Integer()),
        _column('relative_speed', sa.Double()),
        _column('expected_utilization', sa.Double()),
        _primary_key('tag_target', 'tag', 'node_type', 'flavor'),
        _reference('tag_target', 'tag', 'tag.name'),
        _reference('tag_target', 'node_type', 'node_type.name'),
        _reference('tag_target', 'flavor', 'flavor.name'),
    )
    _index('tag_target', 'node_type')
    _index('tag_target', 'flavor')


def _records() -> None:
    _table(
        'decision',
        _column('id', UUID),
        _column('created_at', TIME),
        _column('source', sa.Text()),
        _column('components', JSON),
        _primary_key('decision', 'id'),
    )
    _index('decision', 'created_at')
    _table(
        'agent',
        _column('hostname', LABEL),
        _column('capabilities', JSON),
        _column('started_at', TIME),
        _column('heartbeat_at', TIME),
        _primary_key('agent', 'hostname'),
    )


def _plans() -> None:
    _table(
        'plan',
        _column('id', UUID),
        _column('created_at', TIME),
        _column('updated_at', TIME),
        _column('state', STATE),
        _column('strategy', NAME),
        _column('power_before_w', sa.Double()),
        _column('power_after_w', sa.Double()),
        sa.Column('power_bound_w', sa.Double()),
        _column('error', sa.Text()),
        _primary_key('plan', 'id'),
    )
    _index('plan', 'created_at')
    _index('plan', 'state')
    _table(
        'action',
        _column('plan_id', UUID),
        _column('position', sa.Integer(), autoincrement=False),
        _column('kind', NAME),
        _column('workload', LABEL),
        _column('source', LABEL),
        _column('destination', LABEL),
        _column('reason', sa.Text()),
        _column('saving_w', sa.Double()),
        _column('cost_j', sa.Double()),
        _column('state', STATE),
        _column('error', sa.Text()),
        sa.Column('started_at', TIME),
        sa.Column('finished_at', TIME),
        _primary_key('action', 'plan_id', 'position'),
        _reference('action', 'plan_id', 'plan.id', ondelete='CASCADE'),
    )
    _index('action', 'workload')
