"""Alerts as they change: read once whenever the bell rings, for all who follow them.

Nobody looks again and again: what was kept rings the bell, one reader looks, and each follower is told what
is new to it. What a slow follower has not taken yet is replaced by what is newer of the same alert.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tidemark.alerts.shown import AlertState, Shown
from tidemark.desk.clock import Clock
from tidemark.desk.seats import Seats
from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError

_LOG = logging.getLogger(__name__)
# The first ring is answered at once; in a storm of them there is a look each so many seconds.
_PAUSE_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 1.0
FIRST: Final = 1_000
"""Alerts that a follower is told at the start, as many as a query lists."""
MOST_WAITING: Final = 2_000
"""Alerts that a follower may leave untaken."""

Tidings = Shown | Exception
_Key = object


@dataclass(frozen=True, slots=True)
class _Change:
    """Of an alert, or of a series before it is one: what it was, None if nothing was shown of it, and is."""

    key: _Key
    old: Shown | None
    new: Shown


@dataclass(slots=True, eq=False)
class _Follower:
    """Who follows: which states, what it has yet to take by alert (an error under None), and why it ends."""

    states: frozenset[AlertState]
    due: dict[_Key, Tidings] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    failure: QueryError | None = None

    def begin(self, shown: Sequence[Shown]) -> None:
        """Tell the alerts that there are."""
        wanted = [one for one in shown if one.state in self.states]
        self.due = {_key(one): one for one in wanted[:FIRST]}
        self.woken.set()

    def tell(self, changes: Sequence[_Change]) -> None:
        """Tell what came into the states, changed within them, or left them."""
        for change in changes:
            was = change.old is not None and change.old.state in self.states
            if change.new.state in self.states or was or change.key in self.due:
                self.due[change.key] = change.new
        if len(self.due) > MOST_WAITING:
            self.due.clear()
            self.failure = QueryError(
                Code.TOO_SLOW,
                f"More than {MOST_WAITING:,} alerts changed that this subscription has not taken; subscribe "
                "anew, and read as they come.",
                limit=MOST_WAITING,
            )
        if self.due or self.failure:
            self.woken.set()

    def fail(self, error: Exception) -> None:
        """Tell that alerts cannot be read for the time being."""
        self.due[None] = error
        self.woken.set()


class Feed:
    """All who follow alerts. It belongs to one event loop, but for ``ring``."""

    def __init__(self, read: Callable[[], Awaitable[Sequence[Shown]]], clock: Clock, seats: Seats) -> None:
        """``read`` finds all alerts, what fires first; it is called whenever the bell rings."""
        self._read, self._clock, self._seats = read, clock, seats
        self._followers: dict[_Follower, None] = {}
        self._shown: Sequence[Shown] | None = None
        self._rung = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._is_over = False

    def ring(self) -> None:
        """Something changed. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._rung.set)

    async def follow(self, states: Collection[AlertState], caller: Caller) -> AsyncGenerator[Tidings, None]:
        """Each alert in these states once, then each that changes within them, comes into them or leaves.

        One that leaves is told once, with the state it is in then. What cannot be read is told *as a value*,
        once; alerts go on when they can.

        Raises:
            QueryError: TOO_MANY_QUERIES, there are too many subscriptions, of this caller or in all;
                TOO_SLOW, it has left too much untaken.
        """
        with self._seats.seat(caller):
            follower = _Follower(frozenset(states))
            self._join(follower)
            try:
                while not self._is_over:
                    follower.woken.clear()
                    if follower.failure is not None:
                        raise follower.failure
                    if follower.due:
                        yield follower.due.pop(next(iter(follower.due)))
                    else:
                        await follower.woken.wait()
            finally:
                self._leave(follower)

    async def close(self) -> None:
        """End all that is followed."""
        self._is_over, self._loop = True, None
        for follower in self._followers:
            follower.woken.set()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    def _join(self, follower: _Follower) -> None:
        self._followers[follower] = None
        if self._reader is None:
            self._loop = asyncio.get_running_loop()
            self._reader = self._loop.create_task(self._run())
        elif self._shown is not None:
            follower.begin(self._shown)
        if self._failure is not None:
            follower.fail(self._failure)

    def _leave(self, follower: _Follower) -> None:
        del self._followers[follower]
        if not self._followers and self._reader is not None:
            self._reader.cancel()
            self._reader = self._shown = self._failure = None

    async def _run(self) -> None:
        while True:
            self._rung.clear()
            try:
                shown = await self._read()
            except Exception as error:  # noqa: BLE001 - whatever it is, followers are told
                if self._failure is None:
                    _LOG.exception("alerts cannot be read for those who follow them, tried again")
                    for follower in self._followers:
                        follower.fail(error)
                self._failure = error
                await self._clock.sleep(_RETRY_SECONDS)
                continue
            self._failure = None
            await self._publish(shown)
            await self._clock.sleep(_PAUSE_SECONDS)
            await self._rung.wait()

    async def _publish(self, shown: Sequence[Shown]) -> None:
        before, self._shown = self._shown, shown
        told = list(self._followers)
        changes = None if before is None else list(_changes(before, shown))
        for follower in told:
            if changes is None:
                follower.begin(shown)
            elif changes:
                follower.tell(changes)
            await asyncio.sleep(0)  # however many follow, others have their turn


def _changes(before: Sequence[Shown], after: Sequence[Shown]) -> Iterator[_Change]:
    """What differs, in the order of what is."""
    old, new = ({_key(one): one for one in shown} for shown in (before, after))
    for key, one in new.items():
        # an alert that has just begun was a series that pended
        was = old.get(key) or (None if one.series in new else old.get(one.series))
        if was is None or _tells(was) != _tells(one):
            yield _Change(key, was, one)
    begun = {one.series for one in after if one.id and one.state in {AlertState.FIRING, AlertState.STALE}}
    for key, one in old.items():
        if key not in new and not one.id and one.state is not AlertState.INACTIVE and key not in begun:
            yield _Change(key, one, _ended(one))


def _ended(one: Shown) -> Shown:
    """A series that pended, and never fired."""
    at_ms = one.since_ms if one.decided_ms is None else one.decided_ms
    return replace(one, state=AlertState.INACTIVE, value=None, summary="", since_ms=at_ms)


def _key(one: Shown) -> _Key:
    return one.id or one.series


def _tells(one: Shown) -> tuple[object, ...]:
    """What of an alert is worth telling when it changes; a rule that is judged again is not."""
    return one.state, one.value, one.acknowledged_by, one.summary
