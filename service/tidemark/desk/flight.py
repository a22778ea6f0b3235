"""Questions under way: equal ones share one flight, and a flight that nobody waits for ends."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from tidemark.desk.mark import Mark
from tidemark.query.caller import Caller

_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Flight(Generic[T]):
    """One run of a question, and those who wait for what comes of it.

    Attributes:
        caller: Who pays.
        waiters: How many wait.
        outcome: What they are told: a result or an error; cancelled once nobody waits any longer.
    """

    def __init__(self, caller: Caller, work: Callable[["Flight[T]"], Coroutine[Any, Any, T]]) -> None:
        loop = asyncio.get_running_loop()
        self.caller = caller
        self.waiters = 0
        self.outcome: asyncio.Future[T] = loop.create_future()
        self.task = loop.create_task(work(self))
        self.task.add_done_callback(self._land)

    def fail(self, error: BaseException) -> None:
        """Tell all who wait at once, though the work may not have ended yet."""
        if not self.outcome.done():
            self.outcome.set_exception(error)
            self.outcome.exception()  # seen: if all who wait are cancelled now, nothing is amiss

    def abandon(self) -> None:
        """End the work, since nobody waits for it."""
        self.outcome.cancel()
        self.task.cancel()

    def _land(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.outcome.cancel()
        elif (error := task.exception()) is None:
            if not self.outcome.done():
                self.outcome.set_result(task.result())
        elif not self.outcome.done():
            self.fail(error)
        elif self.outcome.cancelled() or self.outcome.exception() is not error:
            # by its type alone: its sentence may quote what the caller asked for
            _LOG.warning("a query that nobody waited for any longer ended with %s", type(error).__name__)


class Flights(Generic[T]):
    """All of them, by mark. Not for threads."""

    def __init__(self) -> None:
        self._open: dict[Mark, Flight[T]] = {}
        self._tasks: dict[asyncio.Task[T], Flight[T]] = {}

    def find(self, mark: Mark) -> Flight[T] | None:
        """A flight that may be joined."""
        flight = self._open.get(mark)
        return None if flight is None or flight.outcome.done() else flight

    def start(
        self, mark: Mark, caller: Caller, work: Callable[[Flight[T]], Coroutine[Any, Any, T]]
    ) -> Flight[T]:
        """Begin; `wait` for it without an ``await`` between.

        ``work`` is cancelled when nobody waits for it any longer; it may take its time to clean up.
        """
        flight = self._open[mark] = Flight(caller, work)
        self._tasks[flight.task] = flight
        flight.outcome.add_done_callback(lambda _: self._close(mark, flight))
        flight.task.add_done_callback(self._tasks.pop)
        return flight

    async def wait(self, flight: Flight[T]) -> T:
        """What comes of it. Who is cancelled leaves alone; the last one ends the flight."""
        flight.waiters += 1
        try:
            await asyncio.wait([flight.outcome])
            return flight.outcome.result()
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.outcome.done():
                flight.abandon()

    async def close(self) -> None:
        """End all flights and see them ended."""
        for flight in self._tasks.values():
            flight.abandon()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    def _close(self, mark: Mark, flight: Flight[T]) -> None:
        if self._open.get(mark) is flight:
            del self._open[mark]
