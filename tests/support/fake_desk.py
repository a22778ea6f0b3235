"""A desk that answers what a test says and keeps what it was asked, and columns and frames to answer with."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tidemark.alerts.serving import Serving
from tidemark.alerts.shown import AlertState
from tidemark.api.context import Context
from tidemark.desk.allowance import Allowance
from tidemark.desk.feed import Tidings
from tidemark.experiments.definition import Status
from tidemark.experiments.experiment import Experiment
from tidemark.freshness import Freshness
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension, load
from tidemark.query.database import Database
from tidemark.query.explanation import Explanation, Part, parameters_in
from tidemark.query.frame import Answer, Column, ColumnKind, Cost, Frame
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.parse import parse_request
from tidemark.query.request import Request, TimeRange
from tidemark.query.resolve import resolve
from tidemark.settings import Settings

CATALOGUE = load(Settings().catalogue)
NOW = datetime(2026, 11, 23, 12, 0, 17, tzinfo=UTC)
FRESH = Freshness(NOW, NOW - timedelta(seconds=1.8), None)
COST = Cost(
    rows_read=1234, bytes_read=56_789, elapsed_ms=3.21, cache_hit=False, charged=0.0112, remaining=2999.5
)
CALLER = Caller("address:test")
SQL = "SELECT campaign_id FROM tidemark.campaign_minute WHERE campaign_id IN {where_0:Array(String)}"
QUESTION = parse_request(
    CATALOGUE,
    metrics=["CLICKS"],
    time_range=TimeRange(last_seconds=7200),
    grain="HOUR",
    timezone="Europe/Berlin",
)

Columns = Callable[[Request], Sequence[Column]]
T = TypeVar("T")


def column(
    name: str, values: Sequence[Any], kind: ColumnKind = ColumnKind.METRIC, unit: str | None = None
) -> Column:
    """A column; its field is what stands behind the last dot of its name."""
    return Column(name, kind, unit, values, name.rpartition(".")[2])


def frame_of(*columns: Column, request: Request = QUESTION, truncated: bool = False) -> Frame:
    """A frame of these columns, as the answer to a question that was asked at `NOW`."""
    rows = len(columns[0].values) if columns else 1
    return Frame(columns, rows, truncated, resolve(request, NOW), "campaign_minute", FRESH)


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


def constant(number: int, padding: int = 0) -> Columns:
    """One row whose every metric is ``number`` and whose every dimension is a text of ``padding`` bytes."""

    def columns(request: Request) -> Sequence[Column]:
        texts = [column(one.field, ["x" * padding], ColumnKind.DIMENSION) for one in request.dimensions]
        return [*texts, *(column(one.field, [number]) for one in request.metrics)]

    return columns


@dataclass
class FakeDesk:
    """Answers with ``columns`` of the question, or raises ``failure``; questions wait while ``held``.

    A watch goes on with each `publish`; where there are ``frames`` it yields those instead (it raises what is
    an exception) and ends, and the first of them answers every question.
    """

    columns: Columns = campaigns
    frames: Sequence[Frame | Exception] = ()
    failure: Exception | None = None
    truncated: Callable[[Request], bool] = lambda _: False
    limits: Limits = DEFAULT_LIMITS
    fresh: Freshness = FRESH
    known: Sequence[Experiment] = ()
    serving: Serving | None = None
    tidings: Sequence[Tidings] = ()
    database: Database | None = None
    cost: Cost = COST
    held: bool = False
    asked: list[Request] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    allowed: list[Caller] = field(default_factory=list)
    intervals: list[int] = field(default_factory=list)
    searches: list[tuple[str, str | None, int]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    watching: int = 0
    yielded: int = 0
    written: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def tend(self, work: Callable[[Serving], T], caller: Caller, *, writes: bool = False) -> T:
        self.callers.append(caller)
        self.written += writes
        assert self.serving is not None, "there are no alerts"
        return work(self.serving)

    async def follow(self, states: Collection[AlertState], caller: Caller) -> AsyncIterator[Tidings]:
        self.callers.append(caller)
        for one in self.tidings:
            if isinstance(one, Exception) or one.state in states:
                yield one

    def publish(self, columns: Columns) -> None:
        """Answer with these from now on; to be called in the desk's event loop."""
        self.columns = columns
        self._changed.set()
        self._changed = asyncio.Event()

    async def ask(self, request: Request, caller: Caller) -> Answer:
        self._keep(request, caller)
        self.waiting += 1
        try:
            while self.held:
                await self._changed.wait()
        finally:
            self.waiting -= 1
        return self._answer(self.frames[0] if self.frames else self._frame(request))

    async def watch(self, request: Request, caller: Caller, min_interval_ms: int) -> AsyncIterator[Answer]:
        self._keep(request, caller)
        self.intervals.append(min_interval_ms)
        self.watching += 1
        try:
            for one in self.frames:
                yield self._answer(one)
            while not self.frames:
                shown = self.columns
                self.yielded += 1
                yield self._answer(self._frame(request))
                while shown is self.columns:
                    await self._changed.wait()
        finally:
            self.watching -= 1

    async def explain(self, request: Request, caller: Caller, *, analyze: bool = False) -> Explanation:
        self._keep(request, caller)
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
        return self.fresh

    async def values(self, dimension: Dimension, search: str | None, first: int, caller: Caller) -> list[str]:
        self.callers.append(caller)
        self.searches.append((dimension.name, search, first))
        return ["spring", "summer"]

    def experiment(self, id_: str) -> Experiment | None:
        return next((one for one in self.known if one.definition.id == id_), None)

    def experiments(self, status: Status | None) -> list[Experiment]:
        return [one for one in self.known if status in (None, one.definition.status)]

    async def read(self, work: Callable[[Database], T], caller: Caller) -> T:
        self.callers.append(caller)
        if self.failure or self.database is None:
            raise self.failure or AssertionError("there is nothing to read")
        return work(self.database)

    def allowance(self, caller: Caller) -> Allowance:
        self.allowed.append(caller)
        return Allowance(self.limits, NOW - timedelta(seconds=self.limits.age_seconds))

    def _keep(self, request: Request, caller: Caller) -> None:
        self.came.set()
        self.asked.append(request)
        self.callers.append(caller)
        if self.failure:
            raise self.failure

    def _frame(self, request: Request) -> Frame:
        return frame_of(*self.columns(request), request=request, truncated=self.truncated(request))

    def _answer(self, frame: Frame | Exception) -> Answer:
        if isinstance(frame, Exception):
            raise frame
        return Answer(frame, self.cost)


def context_of(desk: FakeDesk) -> Context:
    """A request's context."""
    return Context(desk, CALLER, "req-1")
