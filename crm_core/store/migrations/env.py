"""Alembic's entry: runs the migrations on the connection that crm_core.store.schema hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from crm_core.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
