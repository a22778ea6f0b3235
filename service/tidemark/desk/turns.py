"""Whose turn it is: how many queries run at once, and how many wait."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError

# Each is a thread and a handle of the database, whose pool has 8: watermark and audit must never wait.
MOST_RUNNING = 6
# Of one caller, so that its flood leaves room for others; of polls, so that questions hardly wait for them.
MOST_RUNNING_OF_ONE = 4
MOST_RUNNING_POLLS = 3
_RETRY_MS = 1_000


class Kind(IntEnum):
    """What a turn is for: a question that somebody waits for, or a poll of a subscription."""

    QUESTION = 0
    POLL = 1


_Place = asyncio.Future[None]


@dataclass(slots=True)
class _Line:
    """One caller's queries: how many run, and who waits, by kind, in the order they came.

    ``kinds`` is the order in which the kinds have their next turn.
    """

    running: list[int] = field(default_factory=lambda: [0, 0])
    waiting: tuple[deque[_Place], deque[_Place]] = field(default_factory=lambda: (deque(), deque()))
    kinds: deque[Kind] = field(default_factory=lambda: deque(Kind))

    def under_way(self, *kinds: Kind) -> int:
        return sum(self.running[kind] + len(self.waiting[kind]) for kind in kinds)


class Turns:
    """Lets a few queries run at once.

    Callers take turns, and of one caller questions and polls do; of its questions, who came first goes first.
    """

    def __init__(
        self,
        *,
        caller_queries: int,
        queries: int,
        running: int = MOST_RUNNING,
        running_of_one: int = MOST_RUNNING_OF_ONE,
        running_polls: int = MOST_RUNNING_POLLS,
    ) -> None:
        self._most_of_caller, self._most = caller_queries, queries
        self._most_running, self._most_running_of_one = running, running_of_one
        self._most_running_polls = running_polls
        self._running = [0, 0]
        # the caller who had a turn last stands last
        self._lines: OrderedDict[Caller, _Line] = OrderedDict()

    @property
    def under_way(self) -> int:
        """Queries that run or wait."""
        return sum(line.under_way(*Kind) for line in self._lines.values())

    @asynccontextmanager
    async def turn(self, caller: Caller, kind: Kind = Kind.QUESTION) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the time of the context.

        Polls wait and are never refused: subscriptions are bounded themselves.

        Raises:
            QueryError: TOO_MANY_QUERIES: too many questions are under way, of this caller or in all.
        """
        line = self._lines.get(caller, _Line())
        if kind is Kind.QUESTION:
            self._admit(line)
        self._lines[caller] = line
        place: _Place = asyncio.get_running_loop().create_future()
        line.waiting[kind].append(place)
        self._give()
        try:
            await place
            yield
        finally:
            if place in line.waiting[kind]:  # cancelled while it waited
                line.waiting[kind].remove(place)
            else:  # also where it was cancelled between getting the turn and hearing of it
                line.running[kind] -= 1
                self._running[kind] -= 1
            if not line.under_way(*Kind):
                del self._lines[caller]
            self._give()

    def _admit(self, line: _Line) -> None:
        if line.under_way(Kind.QUESTION) >= self._most_of_caller:
            raise _refused(f"{self._most_of_caller:,} queries of this caller", self._most_of_caller)
        if sum(one.under_way(Kind.QUESTION) for one in self._lines.values()) >= self._most:
            raise _refused(f"{self._most:,} queries of all callers", self._most)

    def _give(self) -> None:
        """Give turns to those who may have one."""
        while sum(self._running) < self._most_running and (found := self._next()):
            caller, kind, place = found
            line = self._lines[caller]
            line.waiting[kind].remove(place)
            line.running[kind] += 1
            self._running[kind] += 1
            line.kinds.remove(kind)
            line.kinds.append(kind)
            self._lines.move_to_end(caller)
            place.set_result(None)

    def _next(self) -> tuple[Caller, Kind, _Place] | None:
        may_poll = self._running[Kind.POLL] < self._most_running_polls
        for caller, line in self._lines.items():
            if sum(line.running) >= self._most_running_of_one:
                continue
            for kind in line.kinds:
                if kind is Kind.QUESTION or may_poll:
                    # a cancelled place leaves by itself, as soon as its task hears of it
                    place = next((one for one in line.waiting[kind] if not one.done()), None)
                    if place is not None:
                        return caller, kind, place
        return None


def _refused(what: str, limit: int) -> QueryError:
    return QueryError(
        Code.TOO_MANY_QUERIES,
        f"{what} are under way, which is the limit; ask again when one has ended.",
        limit=limit,
        requested=limit + 1,
        retryAfterMs=_RETRY_MS,
    )
