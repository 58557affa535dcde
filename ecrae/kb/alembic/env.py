# SPDX-License-Identifier: Apache-2.0

"""Run migrations on the connection that :mod:`ecrae.kb.schema` hands in."""

from alembic import context

from ecrae.kb import models


context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=models.Base.metadata,
    # SQLite changes a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
