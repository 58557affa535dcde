# SPDX-License-Identifier: Apache-2.0

"""The latest measurements of hosts and instances"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql


revision = '0002'
down_revision = '0001'

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
    op.create_table(
        'reading',
        sa.Column('subject', sa.String(16), nullable=False),
        sa.Column('name', sa.String(255), nullable=False),
        sa.Column('metric', sa.String(32), nullable=False),
        sa.Column('value', sa.Double, nullable=False),
        sa.Column('measured_at', TIME, nullable=False),
        sa.Column('source', sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint(
            'subject', 'name', 'metric', name='pk_reading'
        ),
        **OPTIONS,
    )
