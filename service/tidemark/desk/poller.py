"""One question asked again and again, for all who watch it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from tidemark.desk.cache import MOST_SECONDS
from tidemark.desk.clock import Clock
from tidemark.desk.mark import Mark
from tidemark.desk.refusal import is_passing, is_personal, reason, retry_seconds
from tidemark.query.caller import Caller
from tidemark.query.frame import Answer
from tidemark.query.request import Request

# A question that failed is not asked again sooner, however short the intervals; then the pause doubles.
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
News = Answer | Exception


@dataclass(frozen=True, slots=True)
class Look:
    """An answer, and the mark it was asked at."""

    mark: Mark
    answer: Answer


# Asks like everybody else; None if the mark is still the given one, so that nothing can have changed.
Asker = Callable[[Request, Caller, Mark | None], Awaitable[Look | None]]


@dataclass(slots=True, eq=False)
class Subscriber:
    """Who watches.

    Attributes:
        caller: Who it is.
        interval: The least seconds between what it is sent.
        first_poll: The number of the poll whose outcome is the first that it is sent.
        told: What it was sent last; None before anything was.
        told_at: When.
        woken: Set when there may be something for it.
    """

    caller: Caller
    interval: float
    first_poll: int = 0
    told: News | None = None
    told_at: float = float("-inf")
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Poller:
    """Asks at the least interval of its subscribers, and tells each what is new to it.

    The subscriber that came first pays, when it leaves the next. If its budget does not suffice, that one of
    the others with most left pays from then on; so who has spent all freezes nobody else's dashboard.

    Attributes:
        is_over: Whether it has ended, so that nobody should join it.
    """

    def __init__(
        self, request: Request, ask: Asker, remaining: Callable[[Caller], float], clock: Clock
    ) -> None:
        self._request, self._ask, self._remaining, self._clock = request, ask, remaining, clock
        self._subscribers: dict[Subscriber, None] = {}
        self._payer: Subscriber | None = None
        self._paid_by: Subscriber | None = None  # what is known now
        self._news: News | None = None
        self._seen: Mark | None = None
        self._polls = 0  # that have ended
        self._began, self._pause = clock.monotonic(), 0.0  # of the last one; at least until the next
        self._news_at, self._asked_at = float("-inf"), float("-inf")
        self._joined = asyncio.Event()
        self._failure: Exception | None = None
        self.is_over = False

    @property
    def is_watched(self) -> bool:
        """Whether anybody is left."""
        return bool(self._subscribers)

    def join(self, subscriber: Subscriber) -> None:
        """Tell this one too: at once, if what is known is no older than its interval."""
        is_young = self._clock.monotonic() < self._news_at + subscriber.interval
        subscriber.first_poll = self._polls if is_young else self._polls + 1
        self._subscribers[subscriber] = None
        self._payer = self._payer or subscriber
        # what failed for others may succeed for the newcomer, who can pay too
        self._pause = 0.0
        self._joined.set()

    def leave(self, subscriber: Subscriber) -> None:
        """Tell this one nothing more."""
        del self._subscribers[subscriber]
        if subscriber is self._payer:
            self._payer = next(iter(self._subscribers), None)

    async def run(self) -> None:
        """Ask until cancelled, or until there is an error that will never pass."""
        try:
            while True:
                self._began = self._clock.monotonic()
                await self._poll()
                self._polls += 1
                self._wake()
                while (left := self._due - self._clock.monotonic()) > 0:
                    self._joined.clear()
                    await self._clock.wait_set(self._joined, left)
        except Exception as error:  # noqa: BLE001 - each subscriber raises it
            self._failure = error
        finally:
            self.is_over = True
            self._wake()

    async def next(self, subscriber: Subscriber) -> News | None:
        """What is new to a subscriber, as soon as its interval is over; always the newest.

        An error that may pass is given, once; the next frame follows when the question can be answered.
        None: nothing more comes, the service ends.

        Raises:
            Exception: the error that ended the poller.
        """
        while True:
            subscriber.woken.clear()
            if self._failure is not None:
                raise self._failure
            if self.is_over:
                return None
            if (news := self._for(subscriber)) is None:
                await subscriber.woken.wait()
            elif (early := subscriber.told_at + subscriber.interval - self._clock.monotonic()) > 0:
                await self._clock.sleep(early)
            else:
                subscriber.told, subscriber.told_at = news, self._clock.monotonic()
                return self._billed(news, subscriber)

    def _wake(self) -> None:
        """Wake those for whom there is something; most polls have nothing for anybody."""
        for subscriber in self._subscribers:
            if self.is_over or self._for(subscriber) is not None:
                subscriber.woken.set()

    @property
    def _due(self) -> float:
        least = min((one.interval for one in self._subscribers), default=0.0)
        return self._began + max(least, self._pause)

    def _for(self, subscriber: Subscriber) -> News | None:
        if self._polls < subscriber.first_poll or self._news is subscriber.told:
            return None
        if _differ(self._news, subscriber.told):
            return self._news
        # it says the same: remembered instead, so that it is compared once and the older one may go
        subscriber.told = self._news
        return None

    async def _poll(self) -> None:
        if self._began - self._asked_at >= MOST_SECONDS:
            self._seen = None
        try:
            look = await self._paid()
        except Exception as error:
            if not is_passing(error):
                raise
            longer = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
            self._pause = max(_PAUSE_SECONDS, longer, retry_seconds(error))
            self._news, self._news_at, self._seen = error, float("-inf"), None
            return
        self._pause, self._news_at = 0.0, self._began
        if look is not None:
            self._asked_at, self._seen = self._began, look.mark
            self._news = _with_known_columns(look.answer, self._news)

    async def _paid(self) -> Look | None:
        payer = self._payer
        if payer is None:
            return None
        try:
            look = await self._ask(self._request, payer.caller, self._seen)
        except Exception as error:
            others = [one for one in self._subscribers if one.caller != payer.caller]
            if not is_personal(error) or not others:
                raise
            self._payer = payer = max(others, key=lambda one: self._remaining(one.caller))
            look = await self._ask(self._request, payer.caller, self._seen)
        self._paid_by = payer if look is not None else self._paid_by
        return look

    def _billed(self, news: News, subscriber: Subscriber) -> News:
        if isinstance(news, Exception) or subscriber is self._paid_by:
            return news
        left = self._remaining(subscriber.caller)
        return replace(news, cost=replace(news.cost, cache_hit=True, charged=0.0, remaining=left))


def _with_known_columns(answer: Answer, known: News | None) -> Answer:
    """The answer; if its columns say the same, with the very same columns, so that they are compared once."""
    if not isinstance(known, Answer) or _differ(answer, known):
        return answer
    return replace(answer, frame=replace(answer.frame, columns=known.frame.columns))


def _differ(one: News | None, other: News | None) -> bool:
    """Whether one tells more than the other: other values, or an error for another reason."""
    if isinstance(one, Answer) and isinstance(other, Answer):
        return one.frame.columns is not other.frame.columns and one.frame.columns != other.frame.columns
    if isinstance(one, Exception) and isinstance(other, Exception):
        return reason(one) != reason(other)
    return one is not other
