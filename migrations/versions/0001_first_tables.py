"""The tables of the first release.

Revision ID: 0001
"""

from alembic import op

from tidemark.store import script

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run ``ddl/0001_first_tables.sql``."""
    for statement in script.statements(script.read("ddl/0001_first_tables.sql")):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """There is nothing before the first tables.

    Raises:
        RuntimeError: always; dropping the raw events is no migration.
    """
    raise RuntimeError("0001 is the first migration; to go back before it, remove the data folder")
