# SPDX-License-Identifier: Apache-2.0

"""A power curve of a host's own"""

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    with op.batch_alter_table('host') as host:
        host.add_column(sa.Column('power_profile', sa.String(128)))
        host.create_foreign_key(
            'fk_host_power_profile',
            'power_profile',
            ['power_profile'],
            ['name'],
        )
        host.create_index('ix_host_power_profile', ['power_profile'])
