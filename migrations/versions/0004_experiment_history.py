"""What the experiment job was given of raw events.

Revision ID: 0004
"""

from alembic import op

from tidemark.store import script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run ``ddl/0004_experiment_history.sql``."""
    _run("ddl/0004_experiment_history.sql")


def downgrade() -> None:
    """Run ``ddl/0004_experiment_history_down.sql``."""
    _run("ddl/0004_experiment_history_down.sql")


def _run(file: str) -> None:
    for statement in script.statements(script.read(file)):
        op.get_bind().exec_driver_sql(statement)
