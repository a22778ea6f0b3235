"""A desk on a stage: an answerer that does as it is told, real threads, and time that a test drives."""

import asyncio
import functools
import heapq
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ParamSpec, cast
from unittest import mock

from anyio import to_thread

from tidemark.desk import runner
from tidemark.desk.clock import Clock
from tidemark.desk.desk import Desk
from tidemark.desk.key import canonical
from tidemark.freshness import Freshness
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension, load
from tidemark.query.execute import Bounds, TooManyRowsError
from tidemark.query.frame import Answer, Column, ColumnKind, Frame
from tidemark.query.instant import to_ms
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.parse import parse_request
from tidemark.query.request import Request, TimeRange
from tidemark.query.resolve import Resolved
from tidemark.settings import Settings
from tidemark.telemetry import Telemetry

if TYPE_CHECKING:
    from tidemark.desk.answerer import Answerer
    from tidemark.experiments.experiment import Experiments

CATALOGUE = load(Settings().catalogue)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANNA, BEN, CARL = Caller("key:anna"), Caller("key:ben"), Caller("key:carl")
P = ParamSpec("P")


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that runs in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def question(number: int = 1, **options: Any) -> Request:
    """Another question for each number: the last so many seconds."""
    asked: dict[str, Any] = {"metrics": ["CLICKS"], "time_range": TimeRange(last_seconds=number)}
    return parse_request(CATALOGUE, **asked | options)


def frame_of(request: Request, freshness: Freshness, clicks: Sequence[int], rows_read: int = 0) -> Frame:
    column = Column("clicks", ColumnKind.METRIC, None, list(clicks), "clicks")
    resolved = Resolved(request, to_ms(NOON), to_ms(NOON) + 3_600_000)
    return Frame((column,), len(clicks), False, resolved, "fake", freshness, rows_read=rows_read)


def clicks_of(news: object) -> Sequence[int]:
    assert isinstance(news, Answer), news
    return list(news.frame.columns[0].values)


@dataclass(frozen=True)
class Plan:
    key: str
    request: Request
    freshness: Freshness
    source: str = "fake"

    @property
    def less(self) -> dict[str, object]:
        return {}

    def shorter(self, share: float) -> TimeRange | None:
        assert share < 1
        minutes = int(share * 24 * 60)
        return TimeRange(NOON - timedelta(minutes=minutes), NOON) if minutes else None

    @property
    def plan(self) -> "SimpleNamespace":
        return SimpleNamespace(sql=self.key)


@dataclass
class FakeAnswerer:
    """Answers with `clicks`; while `holds`, runs wait for `release` or for being cancelled.

    `held` are the ids of those; `runs` the keys that were run, `cancelled` the ids that were cancelled.
    """

    clicks: list[int] = field(default_factory=lambda: [1])
    complete: datetime | None = NOON
    now: datetime = NOON
    estimated: int = 0
    rows_read: int = 0
    refusal: Exception | None = None
    failure: Exception | None = None
    holds: bool = False
    is_stubborn: bool = False
    shorter_estimated: list[int] = field(default_factory=list)
    asked: int = 0
    threads: list[int | None] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    held: dict[str, threading.Event] = field(default_factory=dict)

    def freshness(self) -> Freshness:
        return Freshness(self.now, self.complete, None)

    def prepare(self, request: Request, freshness: Freshness) -> Plan:
        assert freshness.now
        if self.refusal:
            raise self.refusal
        return Plan(canonical(request), request, freshness)

    def estimate(self, prepared: Any) -> int:
        assert prepared
        is_shorter = prepared.request.range.last_seconds is None
        return self.shorter_estimated.pop(0) if is_shorter and self.shorter_estimated else self.estimated

    def run(self, prepared: Any, query_id: str, bounds: Bounds) -> Frame:
        self.asked += 1
        if bounds.rows is not None and self.estimated > bounds.rows:
            raise TooManyRowsError
        self.runs.append(prepared.key)
        self.threads.append(bounds.threads)
        if self.holds:
            gate = self.held[query_id] = threading.Event()
            assert gate.wait(30), "nobody released it"
        if query_id in self.cancelled:
            raise RuntimeError("Code: 394. QUERY_WAS_CANCELLED")
        if self.failure:
            raise self.failure
        return frame_of(prepared.request, prepared.freshness, self.clicks, self.rows_read)

    def cancel(self, query_id: str) -> None:
        self.cancelled.append(query_id)
        if not self.is_stubborn and query_id in self.held:
            self.held.pop(query_id).set()

    def release(self) -> None:
        """Let all that wait go on, and those that come."""
        self.holds = False
        while self.held:
            self.held.popitem()[1].set()

    def values(self, dimension: Dimension, search: str | None, first: int) -> list[str]:
        return [f"{dimension.name} {search}"] * first

    def moves(self, *clicks: int) -> None:
        """New events, and a new watermark."""
        self.clicks = list(clicks) or self.clicks
        assert self.complete
        self.complete += timedelta(milliseconds=1)
        self.now += timedelta(milliseconds=1)


@dataclass
class Stage:
    """A desk, what stands behind it, and its time."""

    answerer: FakeAnswerer
    limits: Limits
    cache_bytes: int
    experiments: "Experiments | None" = None
    telemetry: Telemetry = field(default_factory=Telemetry)
    at: float = 1_000.0
    threads: int = 0
    desk: Desk = field(init=False)
    _sleepers: list[tuple[float, int, "asyncio.Future[None]"]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        clock = Clock(lambda: self.at, self._sleep)
        self.desk = Desk(
            cast("Answerer", self.answerer),  # its plans are no real ones
            self.telemetry,
            cache_bytes=self.cache_bytes,
            limits=self.limits,
            clock=clock,
            experiments=self.experiments,
        )

    async def _sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.at + seconds, next(self._numbers), woken))
        await woken

    async def thread(self, call: Callable[..., Any], *arguments: object, limiter: Any) -> Any:
        self.threads += 1
        try:
            return await to_thread.run_sync(call, *arguments, limiter=limiter)
        finally:
            self.threads -= 1

    async def settle(self) -> None:
        """Until nothing happens any more without time going on or a query being released."""
        calm = 0
        while calm < 10:
            await asyncio.sleep(0)
            calm += 1
            if self.threads > len(self.answerer.held):
                await asyncio.sleep(0.0005)
                calm = 0

    async def advance(self, seconds: float) -> None:
        """Let time go on, from one sleeper to the next."""
        end = self.at + seconds
        await self.settle()
        # a rounding error must not make a sleeper late
        while self._sleepers and self._sleepers[0][0] <= end + 1e-9:
            due, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.at = max(self.at, due)
                woken.set_result(None)
                await self.settle()
        self.at = max(self.at, end)
        await self.settle()

    def metric(self, line: str) -> float:
        """The value of a line of the exposition."""
        found = [one for one in self.telemetry.exposition(None).decode().splitlines() if one.startswith(line)]
        return float(found[0].split()[-1]) if found else 0.0


@asynccontextmanager
async def stage(
    *,
    limits: Limits = DEFAULT_LIMITS,
    cache_bytes: int = 1_000_000,
    experiments: "Experiments | None" = None,
    **answerer: Any,
) -> AsyncIterator[Stage]:
    """A desk in real threads, ended with the context; nothing may be left of it then."""
    made = Stage(FakeAnswerer(**answerer), limits, cache_bytes, experiments)
    with mock.patch.object(runner, "to_thread", SimpleNamespace(run_sync=made.thread)):
        try:
            yield made
        finally:
            made.answerer.is_stubborn = False
            closing = asyncio.ensure_future(made.desk.close())
            while not closing.done():
                await made.advance(0.25)
            await closing
            made.answerer.release()
            await made.settle()
            assert made.threads == 0


class Viewer:
    """Somebody who watches, and keeps what came in `news`; `pause` it to make it slow."""

    def __init__(self, on: Stage, request: Request, caller: Caller = ANNA, interval_ms: int = 1_000) -> None:
        self.caller = caller
        self.news: list[object] = []
        self.error: Exception | None = None
        self.ready = asyncio.Event()
        self.ready.set()
        self._stream = on.desk.watch(request, caller, interval_ms)
        self.task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        try:
            async for one in self._stream:
                self.news.append(one)
                await self.ready.wait()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            await self._stream.aclose()

    @property
    def clicks(self) -> list[Sequence[int]]:
        return [clicks_of(one) for one in self.news if isinstance(one, Answer)]

    async def hang_up(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
