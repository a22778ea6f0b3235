"""The tables, as SQLAlchemy Core knows them; ``migrations/alerts`` makes them.

Instants are Unix ms: ticks on the data's clock; what was sent, silenced or acknowledged on the wall clock.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()
_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only by an INTEGER


progress = Table(
    "alert_progress",  # how far a rule was judged
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("rule", Text, nullable=False),
    Column("judged_ms", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
)

series = Table(
    "alert_series",  # the states that the machine goes on from
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("series", Text, primary_key=True),  # canonical JSON: [["campaign","summer"]]
    Column("rule", Text, nullable=False),
    Column("phase", String(8), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("held_ms", BigInteger),
    Column("fired_ms", BigInteger),
    Column("seen_ms", BigInteger, nullable=False),
    Column("value", Float(53)),
    Column("fired_open", Boolean, nullable=False),
)

alerts = Table(
    "alerts",  # one a firing
    metadata,
    Column("id", String(36), primary_key=True),
    Column("rule", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("series", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("fired_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger),
    Column("corrected_ms", BigInteger),
    Column("value", Float(53)),
    Column("threshold", Float(53)),
    Column("reason", Text, nullable=False),
    Index("alerts_by_end", "resolved_ms", "fired_ms"),
    Index("alerts_by_start", "fired_ms"),
)

told = Table(
    "alert_told",  # who was told that an alert fires, and when last
    metadata,
    Column("alert", String(36), ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("receiver", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("repeats", Integer, nullable=False),
)

notifications = Table(
    "alert_notifications",  # the outbox
    metadata,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("receiver", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("alerts", JSON, nullable=False),
    Column("payload", Text, nullable=False),
    Column("is_repeat", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("error", Text, nullable=False),
    Column("ended_ms", BigInteger),
    Index("alert_notifications_due", "receiver", "state", "next_ms"),
    Index("alert_notifications_in_order", "receiver", "group_key", "state"),
    sqlite_autoincrement=True,  # a number is never given twice, so that the order holds
)

silences = Table(
    "alert_silences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("matchers", JSON, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
)

acknowledgements = Table(
    "alert_acknowledgements",
    metadata,
    Column("alert", String(36), ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("by", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
