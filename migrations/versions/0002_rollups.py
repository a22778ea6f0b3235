"""Hour and day rollups, the minutes' index by time, and the settings that retention needs.

Revision ID: 0002
"""

from alembic import op

from tidemark.store import script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run ``ddl/0002_rollups.sql``."""
    for statement in script.statements(script.read("ddl/0002_rollups.sql")):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop what was made; nothing in it that the minutes do not hold, unless retention took them."""
    for statement in (
        "DROP TABLE tidemark.campaign_day",
        "DROP TABLE tidemark.campaign_hour",
        "DROP TABLE tidemark.rollup_progress",
        "DROP TABLE tidemark.retained",
        "ALTER TABLE tidemark.campaign_minute DROP INDEX minute_range",
        *(
            f"ALTER TABLE tidemark.{table} RESET SETTING {setting}"
            for table in ("campaign_minute", "events")
            for setting in ("ttl_only_drop_parts", "materialize_ttl_recalculate_only")
        ),
    ):
        op.get_bind().exec_driver_sql(statement)
