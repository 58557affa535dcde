# SPDX-License-Identifier: Apache-2.0

"""What servers had that are being replaced"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql


revision = '0006'
down_revision = '0005'

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
        'redeployment',
        sa.Column('server', sa.String(255), nullable=False),
        sa.Column('attachments', JSON, nullable=False),
        sa.Column('failure', sa.Text, nullable=False),
        sa.PrimaryKeyConstraint('server', name='pk_redeployment'),
        **OPTIONS,
    )
