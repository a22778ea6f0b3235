"""The types of the contract that are the same whatever the catalogue says."""

from datetime import datetime

import strawberry

from tidemark import freshness
from tidemark.api.rules import MAX_ALIASES
from tidemark.api.scalars import Values
from tidemark.desk.allowance import Allowance
from tidemark.query import frame, grain, request
from tidemark.query.resolve import Resolved as ResolvedRequest

Grain = strawberry.enum(grain.Grain, name="Grain")
Compare = strawberry.enum(request.Compare, name="Compare")
Operator = strawberry.enum(request.Operator, name="Operator")
Direction = strawberry.enum(request.Direction, name="Direction")
ColumnKind = strawberry.enum(frame.ColumnKind, name="ColumnKind")


@strawberry.input(
    name="TimeRange",
    description="Half open: from <= event_time < to. Either from and to, or lastSeconds up to now.",
)
class Range:
    """The range as it was given."""

    from_: datetime | None = strawberry.field(name="from", default=strawberry.UNSET)
    to: datetime | None = strawberry.UNSET
    last_seconds: int | None = strawberry.field(
        default=strawberry.UNSET, description="Widened to whole minutes; resolved says to which."
    )


@strawberry.type
class Column:
    """One column of a frame; a `tidemark.query.frame.Column` is read in its place."""

    name: str
    kind: frame.ColumnKind
    unit: str | None
    values: Values


@strawberry.type(description="What was really asked, after defaults.")
class Resolved:
    """The range and grain that were answered."""

    from_: datetime = strawberry.field(name="from")
    to: datetime
    grain: grain.Grain | None
    timezone: str
    source: str
    previous_from: datetime | None
    previous_to: datetime | None

    @classmethod
    def of(cls, resolved: ResolvedRequest, source: str) -> "Resolved":
        """The API's form of a resolved question."""
        return cls(
            from_=resolved.start,
            to=resolved.end,
            grain=resolved.grain,
            timezone=resolved.timezone,
            source=source,
            previous_from=resolved.previous_start,
            previous_to=resolved.previous_end,
        )


@strawberry.type
class Freshness:
    """How far an answer is complete."""

    now: datetime
    complete_through: datetime | None = strawberry.field(
        description="Every event accepted before this instant is in the answer (estimate with a safety "
        "margin), but for events older than the job's state, which auditedThrough covers; that of the source "
        "that answered; null before the first heartbeat."
    )
    audited_through: datetime | None = strawberry.field(
        description="Up to here raw events and pre-aggregated rows were compared and agree."
    )
    lag_ms: float | None = strawberry.field(description="now - completeThrough.")
    open_bucket: bool = strawberry.field(description="The last bucket is still filling.")

    @classmethod
    def of(cls, known: freshness.Freshness, end: datetime) -> "Freshness":
        """The API's form; ``end`` is where the last bucket ends."""
        return cls(
            now=known.now,
            complete_through=known.complete_through,
            audited_through=known.audited_through,
            lag_ms=known.lag_ms,
            open_bucket=known.is_open(end),
        )


@strawberry.type
class Cost:
    """What an answer cost its caller; a `tidemark.query.frame.Cost` is read in its place."""

    rows_read: float
    bytes_read: float
    elapsed_ms: float
    cache_hit: bool
    charged: float
    remaining: float


@strawberry.type
class Limits:
    """What a caller may ask."""

    max_range_seconds: int
    not_older_than: datetime
    max_rows: int
    max_cells: int
    max_dimensions: int
    max_aliases: int
    budget_per_minute: float
    timeout_ms: int

    @classmethod
    def of(cls, allowance: Allowance) -> "Limits":
        """The API's form of an allowance."""
        limits = allowance.limits
        return cls(
            max_range_seconds=limits.range_seconds,
            not_older_than=allowance.not_older_than,
            max_rows=limits.rows,
            max_cells=limits.cells,
            max_dimensions=limits.dimensions,
            max_aliases=MAX_ALIASES,
            budget_per_minute=limits.budget_per_minute,
            timeout_ms=limits.timeout_seconds * 1000,
        )
