"""Whose turn it is: how many queries run at once, and how many wait."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError

# Each is a thread and a handle of the database, whose pool has 8: watermark and audit must never wait.
MOST_RUNNING = 6
# Of one caller, so that its flood leaves room for others.
MOST_RUNNING_OF_ONE = 4
_RETRY_MS = 1_000


@dataclass(slots=True)
class _Line:
    """One caller's queries: how many run, and who waits, in the order they came."""

    running: int = 0
    waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)

    @property
    def under_way(self) -> int:
        return self.running + len(self.waiting)


class Turns:
    """Lets a few queries run at once. Callers take turns; of one caller, who came first goes first."""

    def __init__(
        self,
        *,
        caller_queries: int,
        queries: int,
        running: int = MOST_RUNNING,
        running_of_one: int = MOST_RUNNING_OF_ONE,
    ) -> None:
        self._most_of_caller, self._most = caller_queries, queries
        self._most_running, self._most_running_of_one = running, running_of_one
        self._running = 0
        # the caller who had a turn last stands last
        self._lines: OrderedDict[Caller, _Line] = OrderedDict()

    @property
    def under_way(self) -> int:
        """Queries that run or wait."""
        return sum(line.under_way for line in self._lines.values())

    @asynccontextmanager
    async def turn(self, caller: Caller) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the time of the context.

        Raises:
            QueryError: TOO_MANY_QUERIES: too many are under way, of this caller or in all.
        """
        line = self._lines.get(caller, _Line())
        if line.under_way >= self._most_of_caller:
            raise _refused(f"{self._most_of_caller:,} queries of this caller", self._most_of_caller)
        if self.under_way >= self._most:
            raise _refused(f"{self._most:,} queries of all callers", self._most)
        self._lines[caller] = line
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(place)
        self._give()
        try:
            await place
            yield
        finally:
            if place in line.waiting:  # cancelled while it waited
                line.waiting.remove(place)
            else:  # also where it was cancelled between getting the turn and hearing of it
                line.running -= 1
                self._running -= 1
            if not line.under_way:
                del self._lines[caller]
            self._give()

    def _give(self) -> None:
        """Give turns to those who may have one."""
        while self._running < self._most_running and (found := self._next()):
            caller, line, place = found
            line.waiting.remove(place)
            line.running += 1
            self._running += 1
            self._lines.move_to_end(caller)
            place.set_result(None)

    def _next(self) -> tuple[Caller, _Line, "asyncio.Future[None]"] | None:
        for caller, line in self._lines.items():
            if line.running < self._most_running_of_one:
                for place in line.waiting:
                    # a cancelled place leaves by itself, as soon as its task hears of it
                    if not place.done():
                        return caller, line, place
        return None


def _refused(what: str, limit: int) -> QueryError:
    return QueryError(
        Code.TOO_MANY_QUERIES,
        f"{what} are under way, which is the limit; ask again when one has ended.",
        limit=limit,
        requested=limit + 1,
        retryAfterMs=_RETRY_MS,
    )
