"""The types of the contract that are the same whatever the catalogue says."""

from datetime import datetime

import strawberry

from tidemark import freshness
from tidemark.api.scalars import Values
from tidemark.query import frame, grain, request
from tidemark.query.resolve import Resolved as ResolvedRequest

Grain = strawberry.enum(grain.Grain, name="Grain")
Operator = strawberry.enum(request.Operator, name="Operator")
ColumnKind = strawberry.enum(frame.ColumnKind, name="ColumnKind")


@strawberry.input(
    description="Half open: from <= event_time < to. Either from and to, or lastSeconds up to now."
)
class TimeRange:
    """The range as it was given."""

    from_: datetime | None = strawberry.field(name="from", default=strawberry.UNSET)
    to: datetime | None = strawberry.UNSET
    last_seconds: int | None = strawberry.field(
        default=strawberry.UNSET, description="Widened to whole minutes; resolved says to which."
    )

    def parsed(self) -> request.TimeRange:
        """The same for the planner; what was not given is None."""
        last = None if self.last_seconds is strawberry.UNSET else self.last_seconds
        return request.TimeRange(self.from_ or None, self.to or None, last)


@strawberry.type
class Column:
    """One column of a frame."""

    name: str
    kind: frame.ColumnKind
    unit: str | None
    values: Values

    @classmethod
    def of(cls, column: frame.Column) -> "Column":
        """The API's form of a planner's column."""
        return cls(name=column.name, kind=column.kind, unit=column.unit, values=Values(column.values))


@strawberry.type(description="What was really asked, after defaults.")
class Resolved:
    """The range and grain that were answered."""

    from_: datetime = strawberry.field(name="from")
    to: datetime
    grain: grain.Grain | None
    timezone: str
    source: str

    @classmethod
    def of(cls, resolved: ResolvedRequest, source: str) -> "Resolved":
        """The API's form of a resolved question."""
        return cls(
            from_=resolved.start,
            to=resolved.end,
            grain=resolved.grain,
            timezone=resolved.timezone,
            source=source,
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
