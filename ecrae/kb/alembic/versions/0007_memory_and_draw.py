# SPDX-License-Identifier: Apache-2.0

"""What targets expect of memory, and what their busy cores draw"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    with op.batch_alter_table('tag_target') as target:
        target.add_column(sa.Column('expected_memory', sa.Double))
        target.add_column(sa.Column('relative_draw', sa.Double))
