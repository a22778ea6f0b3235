"""A desk that answers what the test says, and keeps what it was asked."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tidemark.desk.allowance import Allowance
from tidemark.freshness import Freshness
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension
from tidemark.query.explanation import Explanation, Part, parameters_in
from tidemark.query.frame import Answer, Column, ColumnKind, Cost, Frame
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.query.request import Request
from tidemark.query.resolve import resolve

NOW = datetime(2026, 11, 23, 12, 0, 17, tzinfo=UTC)
FRESH = Freshness(NOW, NOW - timedelta(seconds=1.8), None)
COST = Cost(
    rows_read=1234, bytes_read=56_789, elapsed_ms=3.21, cache_hit=False, charged=0.0112, remaining=2999.5
)
SQL = "SELECT campaign_id FROM tidemark.campaign_minute WHERE campaign_id IN {where_0:Array(String)}"


def column(
    name: str, values: Sequence[Any], kind: ColumnKind = ColumnKind.METRIC, unit: str | None = None
) -> Column:
    """A column; its field is what stands behind the last dot of its name."""
    return Column(name, kind, unit, values, name.rpartition(".")[2])


def campaigns(request: Request) -> Sequence[Column]:
    """Two campaigns, whatever is asked: their clicks and rates, by minute where a grain is asked for."""
    if request.grain is None:
        return (
            column("campaign", ["summer", "winter"], ColumnKind.DIMENSION),
            column("clicks", [1500, 3]),
            column("ctr", [0.15, None], unit="fraction"),
        )
    minutes = ["2026-11-23T11:59:00Z", "2026-11-23T12:00:00Z"]
    return (
        column("bucket", [*minutes, *minutes], ColumnKind.BUCKET),
        column("campaign", ["summer", "summer", "winter", "winter"], ColumnKind.DIMENSION),
        column("clicks", [500, 1000, 0, 3]),
        column("ctr", [0.05, None, None, None], unit="fraction"),
    )


@dataclass
class FakeDesk:
    """Answers with ``columns`` of the question, or fails with ``failure``."""

    columns: Callable[[Request], Sequence[Column]] = campaigns
    failure: Exception | None = None
    truncated: Callable[[Request], bool] = lambda _: False
    asked: list[Request] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)

    async def ask(self, request: Request, caller: Caller) -> Answer:
        self.asked.append(request)
        self.callers.append(caller)
        if self.failure:
            raise self.failure
        columns = tuple(self.columns(request))
        rows = len(columns[0].values)
        frame = Frame(columns, rows, self.truncated(request), resolve(request, NOW), "campaign_minute", FRESH)
        return Answer(frame, COST)

    async def explain(self, request: Request, caller: Caller, *, analyze: bool = False) -> Explanation:
        self.asked.append(request)
        self.callers.append(caller)
        found = resolve(request, NOW)
        return Explanation(
            resolved=found,
            buckets=None,
            source="campaign_minute",
            parts=(Part("campaign_minute", found.start, found.end),),
            sql=SQL,
            parameters=parameters_in(SQL, {"where_0": ["summer"]}),
            estimated_rows=2_000_000,
            price=2.01,
            limits=DEFAULT_LIMITS,
            rows_read=1_900_000 if analyze else None,
            bytes_read=30_000_000 if analyze else None,
            elapsed_ms=12.5 if analyze else None,
        )

    async def freshness(self) -> Freshness:
        return FRESH

    async def values(self, dimension: Dimension, search: str | None, first: int, caller: Caller) -> list[str]:
        raise NotImplementedError("no door asks for values")

    def watch(self, request: Request, caller: Caller, min_interval_ms: int) -> AsyncIterator[Answer]:
        raise NotImplementedError("no door watches")

    def allowance(self, caller: Caller) -> Allowance:  # noqa: ARG002 - all have the same
        return Allowance(DEFAULT_LIMITS, NOW - timedelta(seconds=DEFAULT_LIMITS.age_seconds))
