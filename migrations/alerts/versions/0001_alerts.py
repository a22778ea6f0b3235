"""Rules' progress and states, alerts, who was told, the outbox, silences and acknowledgements.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TABLES = (
    *("alert_acknowledgements", "alert_silences", "alert_notifications", "alert_told", "alerts"),
    *("alert_series", "alert_progress"),
)


def upgrade() -> None:
    """Make the tables; ``tidemark.alerts.store.tables`` says what they hold."""
    op.create_table(
        "alert_progress",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("judged_ms", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alert_series",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("series", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("phase", sa.String(8), nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("held_ms", sa.BigInteger),
        sa.Column("fired_ms", sa.BigInteger),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Float(53)),
        sa.Column("fired_open", sa.Boolean, nullable=False),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("annotations", sa.JSON, nullable=False),
        sa.Column("fired_ms", sa.BigInteger, nullable=False),
        sa.Column("resolved_ms", sa.BigInteger),
        sa.Column("corrected_ms", sa.BigInteger),
        sa.Column("value", sa.Float(53)),
        sa.Column("threshold", sa.Float(53)),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("alerts_by_end", "alerts", ["resolved_ms", "fired_ms"])
    op.create_index("alerts_by_start", "alerts", ["fired_ms"])
    _make_delivery()
    op.create_table(
        "alert_silences",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("matchers", sa.JSON, nullable=False),
        sa.Column("starts_ms", sa.BigInteger, nullable=False),
        sa.Column("ends_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
    )
    op.create_table(
        "alert_acknowledgements",
        sa.Column("alert", sa.String(36), sa.ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )


def _make_delivery() -> None:
    op.create_table(
        "alert_told",
        sa.Column("alert", sa.String(36), sa.ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("receiver", sa.Text, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
    )
    op.create_table(
        "alert_notifications",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("group_key", sa.Text, nullable=False),
        sa.Column("alerts", sa.JSON, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("is_repeat", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_ms", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_notifications_due", "alert_notifications", ["receiver", "state", "next_ms"])
    op.create_index("alert_notifications_in_order", "alert_notifications", ["receiver", "group_key", "state"])


def downgrade() -> None:
    """Take the tables away."""
    for table in _TABLES:
        op.drop_table(table)
