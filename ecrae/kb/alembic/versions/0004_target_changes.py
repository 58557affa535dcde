# SPDX-License-Identifier: Apache-2.0

"""Every change of a tag's targets"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql


revision = '0004'
down_revision = '0003'

TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')
JSON = sa.Text().with_variant(mysql.LONGTEXT(), 'mysql', 'mariadb')

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
    op.create_table(
        'target_change',
        sa.Column('id', sa.Integer, nullable=False),
        sa.Column('changed_at', TIME, nullable=False),
        sa.Column('tag', sa.String(128), nullable=False),
        sa.Column('node_type', sa.String(128), nullable=False),
        sa.Column('flavor', sa.String(255), nullable=False),
        sa.Column('cause', sa.Text, nullable=False),
        sa.Column('old_fields', JSON, nullable=False),
        sa.Column('new_fields', JSON, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_target_change'),
        **OPTIONS,
    )
    op.create_index('ix_target_change_tag', 'target_change', ['tag'])
