"""The increments of experiments, and what brings them in.

Revision ID: 0003
"""

from alembic import op

from tidemark.store import script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run ``ddl/0003_experiments.sql``."""
    _run("ddl/0003_experiments.sql")


def downgrade() -> None:
    """Run ``ddl/0003_experiments_down.sql``."""
    _run("ddl/0003_experiments_down.sql")


def _run(file: str) -> None:
    for statement in script.statements(script.read(file)):
        op.get_bind().exec_driver_sql(statement)
