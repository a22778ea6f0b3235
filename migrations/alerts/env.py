"""Alembic's environment: the connection is what ``tidemark.alerts.store.migrate`` passes in."""

from alembic import context

from tidemark.alerts.store.migrate import VERSIONS
from tidemark.alerts.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSIONS
)
with context.begin_transaction():
    context.run_migrations()
