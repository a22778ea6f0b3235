"""Questions that are watched: one poller each, however many watch it."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from tidemark.desk.clock import Clock
from tidemark.desk.key import canonical
from tidemark.desk.poller import Asker, News, Poller, Subscriber
from tidemark.desk.seats import Seats
from tidemark.query.caller import Caller
from tidemark.query.request import Request

LEAST_INTERVAL_MS = 200


class Live:
    """All that is watched. ``ask`` asks like everybody else; ``remaining`` is a caller's budget."""

    def __init__(
        self,
        ask: Asker,
        remaining: Callable[[Caller], float],
        clock: Clock,
        seats: Seats,
    ) -> None:
        self._ask, self._remaining, self._clock, self._seats = ask, remaining, clock, seats
        self._pollers: dict[str, Poller] = {}
        self._tasks: dict[Poller, asyncio.Task[None]] = {}

    @property
    def pollers(self) -> int:
        """How many questions they watch."""
        return len(self._tasks)

    async def watch(
        self, request: Request, caller: Caller, min_interval_ms: int
    ) -> AsyncGenerator[News, None]:
        """An answer at once; then, whenever column values changed, the newest one.

        At most one comes in ``min_interval_ms`` (not less than 200). What comes while the consumer is busy is
        not kept: it gets the newest when it asks for more. Closing the iterator ends the subscription; the
        last one ends the query.

        A failure that may pass (no budget left, a time-out, whatever nobody expected) is given *as a
        value*, once, and answers go on when they can. GraphQL's execution makes it the error of
        that one response, and the stream lives on.

        Raises:
            QueryError: the question can never be answered; or TOO_MANY_QUERIES, there are too many
                subscriptions, of this caller or in all.
        """
        with self._seats.seat(caller):
            poller = self._poller(request)
            subscriber = Subscriber(caller, max(min_interval_ms, LEAST_INTERVAL_MS) / 1000)
            poller.join(subscriber)
            try:
                while (news := await poller.next(subscriber)) is not None:
                    yield news
            finally:
                poller.leave(subscriber)
                if not poller.is_watched and poller in self._tasks:
                    self._tasks[poller].cancel()

    async def close(self) -> None:
        """End all pollers, and with them all subscriptions."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _poller(self, request: Request) -> Poller:
        key = canonical(request)
        poller = self._pollers.get(key)
        # one that nobody watches any longer is about to end
        if poller is None or poller.is_over or not poller.is_watched:
            poller = self._pollers[key] = Poller(request, self._ask, self._remaining, self._clock)
            task = self._tasks[poller] = asyncio.get_running_loop().create_task(poller.run())
            task.add_done_callback(lambda _: self._forget(key, poller))
        return poller

    def _forget(self, key: str, poller: Poller) -> None:
        del self._tasks[poller]
        if self._pollers.get(key) is poller:
            del self._pollers[key]
