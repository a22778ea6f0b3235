"""The answerer's blocking steps in threads, and the end of a query that is not wanted or takes too long."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, to_thread

from tidemark.desk.answerer import Answerer
from tidemark.desk.clock import Clock
from tidemark.desk.turns import MOST_RUNNING
from tidemark.query.answer import Prepared
from tidemark.query.catalogue import Dimension
from tidemark.query.errors import Code, QueryError
from tidemark.query.execute import Bounds
from tidemark.query.frame import Frame

_LOG = logging.getLogger(__name__)
# Beyond the engine's own time limit, before it is cancelled from outside.
_GRACE_SECONDS = 1
# A query may not have reached the engine when it is cancelled, so it is cancelled until its thread returns.
_AGAIN_SECONDS: Final = 0.25
_COMPLAIN_EVERY: Final = 40
T = TypeVar("T")


class Runner:
    """Runs one answerer's steps. A cancelled step ends only when its thread has returned.

    So who holds a turn for the time of a step holds it as long as the thread is busy. Threads cannot be
    ended; cancelling the query in the engine makes them return.
    """

    def __init__(self, answerer: Answerer, clock: Clock, timeout_seconds: float) -> None:
        self._answerer, self._clock, self._timeout = answerer, clock, timeout_seconds
        self._queries, self._others = CapacityLimiter(MOST_RUNNING), CapacityLimiter(2)
        self._killers = CapacityLimiter(2)

    async def estimate(self, prepared: Prepared) -> int:
        """About how many rows it will read."""
        return await _to_its_end(self._thread(self._queries, self._answerer.estimate, prepared))

    async def values(self, dimension: Dimension, search: str | None, first: int) -> Sequence[str]:
        """A dimension's values."""
        return await _to_its_end(self._thread(self._others, self._answerer.values, dimension, search, first))

    async def read(self, work: Callable[[], T], query_id: str) -> T:
        """What ``work`` finds by queries of this id. If cancelled, they are cancelled in the engine too."""
        reading = self._thread(self._queries, work)
        try:
            await asyncio.wait([reading])
        except asyncio.CancelledError:
            await _to_its_end(asyncio.ensure_future(self._kill(reading, query_id)))
            raise
        return reading.result()

    async def run(
        self, prepared: Prepared, query_id: str, bounds: Bounds, overdue: Callable[[QueryError], None]
    ) -> Frame:
        """The answer. If cancelled, the query is cancelled in the engine too.

        Raises:
            TooManyRowsError: of the answerer.
            QueryError: of the answerer; or QUERY_TIMEOUT, where the engine let it run for longer than its
                limit and a second. ``overdue`` is told that at once, before the query has ended.
        """
        query = self._thread(self._queries, self._answerer.run, prepared, query_id, bounds)
        try:
            if await self._clock.wait_for(query, self._timeout + _GRACE_SECONDS):
                return query.result()
        except asyncio.CancelledError:
            await _to_its_end(asyncio.ensure_future(self._kill(query, query_id)))
            raise
        error = QueryError(
            Code.QUERY_TIMEOUT,
            f"The query took longer than {self._timeout:g} s; ask for a shorter range, a coarser grain or "
            "fewer campaigns.",
            limit=self._timeout,
            **prepared.less,
        )
        overdue(error)
        await _to_its_end(asyncio.ensure_future(self._kill(query, query_id)))
        raise error

    def _thread(
        self, limiter: CapacityLimiter, call: Callable[..., T], *arguments: object
    ) -> "asyncio.Future[T]":
        return asyncio.ensure_future(to_thread.run_sync(call, *arguments, limiter=limiter))

    async def _kill(self, query: "asyncio.Future[Any]", query_id: str) -> None:
        tries = 0
        while not query.done():
            tries += 1
            if not tries % _COMPLAIN_EVERY:
                _LOG.error("query %s does not end, though it was cancelled %s times", query_id, tries)
            try:
                await to_thread.run_sync(self._answerer.cancel, query_id, limiter=self._killers)
            except Exception:  # noqa: BLE001 - whatever it is, the query still runs
                _LOG.exception("query %s could not be cancelled; it is tried again", query_id)
            await self._clock.wait_for(query, _AGAIN_SECONDS)
        error = None if query.cancelled() else query.exception()
        # by its type alone: the engine's sentence may quote what the caller asked for
        _LOG.info(
            "query %s was cancelled and ended with %s", query_id, type(error).__name__ if error else "rows"
        )


async def _to_its_end(work: "asyncio.Future[T]") -> T:
    """What comes of it; a cancellation is heard only once it has ended."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not work.cancelled():
            work.exception()  # nobody is there to hear it
        raise cancelled
    return work.result()
