"""A desk that answers what it is given, and frames to give it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from tidemark.api.context import Context
from tidemark.desk.allowance import Allowance
from tidemark.freshness import Freshness
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension
from tidemark.query.frame import Answer, Column, ColumnKind, Cost, Frame
from tidemark.query.grain import Grain
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.request import Request

NOW = datetime(2026, 11, 23, 12, 0, 17, tzinfo=UTC)
CALLER = Caller("address:test")


@dataclass(frozen=True, slots=True)
class Range:
    """What a frame resolved its question to."""

    start: datetime = NOW - timedelta(hours=2)
    end: datetime = NOW
    grain: Grain | None = Grain.HOUR
    timezone: str = "Europe/Berlin"
    previous_start: datetime | None = None
    previous_end: datetime | None = None


def column(name: str, kind: ColumnKind, values: Sequence[Any], unit: str | None = None) -> Column:
    """A column; its field is its name without the kind."""
    return Column(name, kind, unit, values, name.rpartition(".")[2])


def frame_of(*columns: Column, resolved: Range | None = None) -> Frame:
    """A frame of these columns."""
    return Frame(
        columns=columns,
        row_count=len(columns[0].values) if columns else 1,
        truncated=False,
        resolved=cast("Any", resolved or Range()),
        source="campaign_minute",
        freshness=Freshness(NOW, NOW - timedelta(seconds=1.5), None),
    )


def answer_of(frame: Frame, *, remaining: float = 90.0) -> Answer:
    """A frame with what it cost."""
    return Answer(frame, Cost(2_000, 40_000, 3.5, cache_hit=False, charged=10.0, remaining=remaining))


@dataclass
class StubDesk:
    """Answers ``answers`` in turn, the last one for ever, or raises ``failure``; keeps what it was asked."""

    answers: list[Answer]
    failure: Exception | None = None
    limits: Limits = DEFAULT_LIMITS
    asked: list[Request] = field(default_factory=list)
    intervals: list[int] = field(default_factory=list)
    searches: list[tuple[str, str | None, int]] = field(default_factory=list)
    watching: int = 0

    async def ask(self, request: Request, caller: Caller) -> Answer:
        """The next answer."""
        assert caller == CALLER
        self.asked.append(request)
        if self.failure:
            raise self.failure
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    async def watch(self, request: Request, caller: Caller, min_interval_ms: int) -> AsyncIterator[Answer]:
        """All of the answers, then the failure."""
        assert caller == CALLER
        self.asked.append(request)
        self.intervals.append(min_interval_ms)
        self.watching += 1
        try:
            for answer in self.answers:
                yield answer
            if self.failure:
                raise self.failure
        finally:
            self.watching -= 1

    async def freshness(self) -> Freshness:
        """Of a second and a half ago."""
        return Freshness(NOW, NOW - timedelta(seconds=1.5), None)

    async def values(self, dimension: Dimension, search: str | None, first: int, caller: Caller) -> list[str]:
        """Two."""
        assert caller == CALLER
        self.searches.append((dimension.name, search, first))
        return ["spring", "summer"]

    def allowance(self, caller: Caller) -> Allowance:
        """The limits, and a day."""
        assert caller == CALLER
        return Allowance(self.limits, datetime(2025, 1, 1, tzinfo=UTC))


def context_of(desk: StubDesk) -> Context:
    """A request's context."""
    return Context(desk, CALLER, "req-1")
