"""Alembic's environment: migrations run on the connection that ``tidemark.store.migrate`` passes in."""

import clickhouse_connect.cc_sqlalchemy.alembic  # noqa: F401 - teaches alembic the dialect
from alembic import context

# ClickHouse has no transactions; each migration's statements are written so that running one again says what
# is wrong
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    version_table="alembic_version",
    version_table_schema="tidemark",
)
with context.begin_transaction():
    context.run_migrations()
