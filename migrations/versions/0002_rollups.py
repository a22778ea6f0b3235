"""Hour and day rollups, minutes by the day, and the settings that retention needs.

Revision ID: 0002
"""

from alembic import op

from tidemark.store import script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run ``ddl/0002_rollups.sql``; it copies the minutes, some seconds for ten million rows."""
    _run("ddl/0002_rollups.sql")


def downgrade() -> None:
    """Run ``ddl/0002_rollups_down.sql``."""
    _run("ddl/0002_rollups_down.sql")


def _run(file: str) -> None:
    for statement in script.statements(script.read(file)):
        op.get_bind().exec_driver_sql(statement)
