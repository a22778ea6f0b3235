"""Where questions are asked: everything between a door and the answerer."""

from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeVar
from uuid import uuid4

from anyio import to_thread

from tidemark.alerts.serving import Serving
from tidemark.alerts.shown import AlertState, Shown
from tidemark.desk.allowance import Allowance
from tidemark.desk.answerer import Answerer
from tidemark.desk.budget import FEE, Budget, price
from tidemark.desk.cache import Cache
from tidemark.desk.clock import Clock
from tidemark.desk.feed import Feed, Tidings
from tidemark.desk.flight import Flight, Flights
from tidemark.desk.forecast import Forecast
from tidemark.desk.live import Live
from tidemark.desk.mark import Mark
from tidemark.desk.poller import Look, News
from tidemark.desk.reading import Reading
from tidemark.desk.refusal import is_personal
from tidemark.desk.runner import Runner
from tidemark.desk.seats import Seats
from tidemark.desk.turns import Kind, Turns
from tidemark.experiments.definition import Status
from tidemark.experiments.experiment import Experiment, Experiments
from tidemark.freshness import Freshness
from tidemark.query.answer import Prepared
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension
from tidemark.query.database import Database
from tidemark.query.errors import QueryError
from tidemark.query.execute import TooManyRowsError
from tidemark.query.explanation import Explanation
from tidemark.query.frame import Answer, Cost, Frame
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.request import Request
from tidemark.query.resolve import suggested_range
from tidemark.query.suggestion import Part
from tidemark.telemetry import Reuse, Telemetry

_CLOCK: Final = Clock()
# What a query that does not tell is charged: about what two cores read at most.
_UNITS_PER_SECOND: Final = 100.0
# What it costs to write something down: a commit keeps those who decide alerts waiting.
_WRITE_FEE: Final = 1.0
# Of what is left of a budget, so that a suggestion still fits when it is followed; and how often to look.
_SPARE: Final = 0.9
_LOOKS: Final = 4
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Question:
    """One that is being asked, ready to run."""

    request: Request
    prepared: Prepared
    mark: Mark
    caller: Caller
    began: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Got:
    """A frame, the units its caller was charged, and where it came from if no query ran for it alone."""

    frame: Frame
    charged: float
    reuse: Reuse | None = None


class Desk:
    """Takes questions in and sees that each is answered once, within its caller's limits.

    All of it belongs to one event loop and blocks it never. `close` it before the loop ends.
    """

    def __init__(
        self,
        answerer: Answerer,
        telemetry: Telemetry,
        *,
        cache_bytes: int,
        limits: Limits = DEFAULT_LIMITS,
        clock: Clock = _CLOCK,
        experiments: Experiments | None = None,
        alerts: Serving | None = None,
    ) -> None:
        self._experiments, self._alerts = experiments, alerts
        self._answerer, self._telemetry, self._limits, self._clock = answerer, telemetry, limits, clock
        self._runner = Runner(answerer, clock, limits.timeout_seconds)
        self._budget = Budget(limits.budget_per_minute, clock.monotonic)
        self._turns = Turns(caller_queries=limits.caller_queries, queries=limits.queries)
        self._cache = Cache(cache_bytes, clock.monotonic)
        self._flights: Flights[_Got] = Flights()
        self._forecast = Forecast()
        self._seats = Seats()
        self._live = Live(self._look, self._budget.remaining, clock, self._seats)
        self._feed = Feed(self._shown, clock, self._seats)
        if alerts is not None:
            alerts.bell.listen(self._feed.ring)
        telemetry.watch(
            queries=lambda: self._turns.under_way,
            subscribers=lambda: self._seats.taken,
            cache_bytes=lambda: self._cache.bytes_held,
        )

    async def ask(self, request: Request, caller: Caller) -> Answer:
        """The answer to a question. If cancelled, its query ends unless others wait for the same.

        Raises:
            QueryError: it is refused, or could not be answered.
        """
        with self._refusals_counted():
            return await self._answer(self._question(request, caller, Kind.QUESTION))

    def watch(self, request: Request, caller: Caller, min_interval_ms: int) -> AsyncGenerator[News, None]:
        """An answer at once and the newest one whenever its values changed, as `Live.watch` says.

        Raises:
            QueryError: when it is iterated, as there.
        """
        return self._live.watch(request, caller, min_interval_ms)

    async def freshness(self) -> Freshness:
        """How far answers are complete now."""
        return self._answerer.freshness()

    async def values(self, dimension: Dimension, search: str | None, first: int, caller: Caller) -> list[str]:
        """The ``first`` most frequent values of a dimension lately that contain ``search``.

        Raises:
            QueryError: the caller has no budget left, or too many queries under way.
        """
        with self._refusals_counted():
            async with self._turns.turn(caller):
                self._budget.charge(caller, FEE)
                return list(await self._runner.values(dimension, search, first))

    async def explain(self, request: Request, caller: Caller, *, analyze: bool = False) -> Explanation:
        """How a question would be answered and at what price; with ``analyze`` it is answered, too.

        Raises:
            QueryError: the question, or with ``analyze`` its answer, is refused.
        """
        with self._refusals_counted():
            question = self._question(request, caller, Kind.QUESTION)
            async with self._turns.turn(caller):
                self._budget.charge(caller, FEE)
                rows = await self._runner.estimate(question.prepared)
            told = Explanation.of(
                question.prepared.plan, estimated_rows=rows, price=price(rows), limits=self._limits
            )
            return told.with_run((await self._answer(question)).frame) if analyze else told

    def experiment(self, id_: str) -> Experiment | None:
        """The experiment of this id; None if there is none."""
        return self._experiments.find(id_) if self._experiments else None

    def experiments(self, status: Status | None) -> list[Experiment]:
        """All experiments, or those of a status, by their ids."""
        return self._experiments.all(status) if self._experiments else []

    async def read(self, work: Callable[[Database], T], caller: Caller) -> T:
        """What ``work`` finds of an experiment, in its turn and in a thread; charged by what it has read.

        If cancelled, its query ends.

        Raises:
            QueryError: it is refused, or could not be answered.
        """
        if self._experiments is None:
            raise ValueError("there are no experiments to read of")
        reading = Reading(self._experiments.database)
        with self._refusals_counted(), self._telemetry.timed():
            async with self._turns.turn(caller):
                reserved = self._budget.reserve(caller, FEE)
                try:
                    return await self._runner.read(lambda: work(reading), reading.id)
                finally:
                    self._budget.settle(reserved, price(reading.rows_read, reading.bytes_read))

    async def tend(self, work: Callable[[Serving], T], caller: Caller, *, writes: bool = False) -> T:
        """What ``work`` finds of alerts, or writes down, in its turn and in a thread.

        What is written down is charged a hundred times what is read.

        Raises:
            QueryError: it is refused, the caller has no budget left or too many questions under way.
        """
        serving = self._alerts
        if serving is None:
            raise ValueError("there are no alerts to tend to")
        with self._refusals_counted():
            async with self._turns.turn(caller):
                self._budget.charge(caller, _WRITE_FEE if writes else FEE)
                return await to_thread.run_sync(work, serving)

    def follow(self, states: Collection[AlertState], caller: Caller) -> AsyncGenerator[Tidings, None]:
        """Each alert in these states, then each that changes, as `Feed.follow` says.

        Raises:
            QueryError: the caller has no budget left; when it is iterated, as there.
        """
        with self._refusals_counted():
            self._budget.charge(caller, FEE)
        return self._feed.follow(states, caller)

    def allowance(self, caller: Caller) -> Allowance:  # noqa: ARG002 - all have the same; a key's own come with it
        """What the caller may ask now."""
        age = timedelta(seconds=self._limits.age_seconds)
        return Allowance(self._limits, self._answerer.freshness().now - age)

    async def close(self) -> None:
        """End what is under way, queries in the database too."""
        await self._live.close()
        await self._feed.close()
        await self._flights.close()

    async def _shown(self) -> list[Shown]:
        if self._alerts is None:
            return []
        return await to_thread.run_sync(self._alerts.alerts, list(AlertState))

    async def _look(self, request: Request, caller: Caller, seen: Mark | None) -> Look | None:
        with self._refusals_counted():
            question = self._question(request, caller, Kind.POLL)
            if question.mark.is_known and question.mark == seen:
                return None
            return Look(question.mark, await self._answer(question))

    def _question(self, request: Request, caller: Caller, kind: Kind) -> _Question:
        began = self._clock.monotonic()
        # before the data, so that the watermark never claims more than an answer holds
        freshness = self._answerer.freshness()
        prepared = self._answerer.prepare(request, freshness)
        return _Question(request, prepared, Mark.of(prepared), caller, began, kind)

    async def _answer(self, question: _Question) -> Answer:
        with self._telemetry.timed():
            got = self._cached(question) or await self._flown(question)
        frame = got.frame
        if got.reuse is None:
            self._telemetry.count_answer(frame.source)
        else:
            self._telemetry.count_reuse(got.reuse)
            # the same watermark, read later
            frame = replace(frame, freshness=replace(frame.freshness, now=question.prepared.freshness.now))
        cost = Cost(
            rows_read=frame.rows_read,
            bytes_read=frame.bytes_read,
            elapsed_ms=(self._clock.monotonic() - question.began) * 1000,
            cache_hit=got.reuse is not None,
            charged=got.charged,
            remaining=self._budget.remaining(question.caller),
        )
        return Answer(frame, cost)

    def _cached(self, question: _Question) -> _Got | None:
        frame = self._cache.get(question.mark)
        if frame is None:
            return None
        self._budget.charge(question.caller, FEE)
        return _Got(frame, FEE, Reuse.CACHED)

    async def _flown(self, question: _Question) -> _Got:
        while (flight := self._flights.find(question.mark)) is not None:
            fee, spent = self._budget.reserve(question.caller, FEE), FEE
            try:
                got = await self._flights.wait(flight)
                return _Got(got.frame, FEE, Reuse.JOINED)
            except QueryError as error:
                if flight.caller == question.caller or not is_personal(error):
                    raise
                spent = 0.0  # that was about who asked first; now the next one asks
            finally:
                self._budget.settle(fee, spent)
        flight = self._flights.start(
            question.mark, question.caller, lambda flight: self._work(flight, question)
        )
        return await self._flights.wait(flight)

    async def _work(self, flight: Flight[_Got], question: _Question) -> _Got:
        prepared, caller = question.prepared, question.caller
        async with self._turns.turn(caller, question.kind):
            left = self._budget.remaining(caller)
            # no more than is left: a guess refuses nobody, the engine knows better
            expected = max(FEE, min(left, price(self._forecast.rows(prepared) or 0)))
            reserved = self._budget.reserve(caller, expected)
            began, spent, frame = self._clock.monotonic(), None, None
            bounds = self._forecast.bounds(prepared, left)
            try:
                frame = await self._runner.run(prepared, uuid4().hex, bounds, flight.fail)
                spent = price(frame.rows_read, frame.bytes_read)
            except TooManyRowsError:
                spent = FEE
            finally:
                if spent is None:  # it ended early, and does not tell what it has read
                    spent = FEE + (self._clock.monotonic() - began) * _UNITS_PER_SECOND
                self._budget.settle(reserved, spent)
            if frame is None:
                raise await self._refusal(question)
        self._forecast.learn(prepared, frame.rows_read)
        self._cache.put(question.mark, frame, question.began)
        return _Got(frame, spent)

    async def _refusal(self, question: _Question) -> QueryError:
        """What is told to a caller who cannot pay for a question."""
        units = price(await self._runner.estimate(question.prepared))
        error = self._budget.refusal(question.caller, units)
        is_wanted = question.kind is Kind.QUESTION  # polls are refused again and again
        if is_wanted and (part := await self._affordable(question, units)) is not None:
            error.details["suggestion"] = part
        return error

    async def _affordable(self, question: _Question, units: float) -> Part | None:
        """A shorter range that the caller can pay for now; found by looking, as indexes may not help."""
        left = _SPARE * self._budget.remaining(question.caller)
        share = (left - FEE) / units
        for _ in range(_LOOKS if 0 < share < 1 else 0):
            within = question.prepared.shorter(share)
            if within is None:
                break
            prepared = self._answerer.prepare(
                replace(question.request, range=within), question.prepared.freshness
            )
            if price(await self._runner.estimate(prepared)) <= left:
                return suggested_range(within)
            share /= 4
        return None

    @contextmanager
    def _refusals_counted(self) -> Iterator[None]:
        try:
            yield
        except QueryError as error:
            self._telemetry.count_refusal(error.code)
            raise
