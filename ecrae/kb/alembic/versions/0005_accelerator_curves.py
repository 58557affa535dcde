# SPDX-License-Identifier: Apache-2.0

"""Power curves of accelerators, and what tags ask of them"""

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    with op.batch_alter_table('accelerator') as accelerator:
        accelerator.add_column(sa.Column('power_profile', sa.String(128)))
        accelerator.create_foreign_key(
            'fk_accelerator_power_profile',
            'power_profile',
            ['power_profile'],
            ['name'],
        )
        accelerator.create_index(
            'ix_accelerator_power_profile', ['power_profile']
        )
    with op.batch_alter_table('tag_target') as target:
        target.add_column(sa.Column('accelerator', sa.String(128)))
        target.add_column(sa.Column('accelerators_busy', sa.Double))
