"""Following alerts: one reader for all, each told what is new to it, and a slow one in nobody's way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from alert_story import alert
from desks import ANNA, BEN, in_loop
from tidemark.alerts.rule import Severity
from tidemark.alerts.shown import AlertState, Shown, of_alert
from tidemark.desk.clock import Clock
from tidemark.desk.feed import MOST_WAITING, Feed, Tidings
from tidemark.desk.seats import Seats
from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError

FIRING, PENDING = AlertState.FIRING, AlertState.PENDING
RESOLVED, STALE, INACTIVE = AlertState.RESOLVED, AlertState.STALE, AlertState.INACTIVE


def firing(campaign: str = "summer") -> Shown:
    return of_alert(alert(campaign), is_stale=False)


def pending(campaign: str = "summer", value: float = 6.0) -> Shown:
    return replace(firing(campaign), id="", state=PENDING, value=value, summary="soon", decided_ms=90_000)


def quiet(rule: str = "Spend") -> Shown:
    return Shown("", rule, {}, INACTIVE, Severity.INFO, None, None, "", 1, 1, None)


class Board:
    """What is shown, and a feed of it; `looks` counts how often it was read."""

    def __init__(self, *shown: Shown, seats: Seats | None = None) -> None:
        self.shown: Sequence[Shown] = shown
        self.failure: Exception | None = None
        self.looks = 0
        self.feed = Feed(self._read, Clock(sleep=self._sleep), seats or Seats())

    async def _read(self) -> Sequence[Shown]:
        self.looks += 1
        if self.failure:
            raise self.failure
        return self.shown

    async def _sleep(self, _: float) -> None:
        await asyncio.sleep(0)

    async def put(self, *shown: Shown) -> None:
        """Show these from now on, until nothing happens any more."""
        self.shown = shown
        self.feed.ring()
        await settle()


async def settle(turns: int = 50) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


class Ear:
    """Somebody who follows, and keeps what came; `pause` it to make it slow."""

    def __init__(self, board: Board, *states: AlertState, caller: Caller = ANNA) -> None:
        self.heard: list[Tidings] = []
        self.error: Exception | None = None
        self.ready = asyncio.Event()
        self.ready.set()
        self._stream = board.feed.follow(states, caller)
        self.task = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        try:
            async for one in self._stream:
                self.heard.append(one)
                await self.ready.wait()
        except QueryError as error:
            self.error = error
        finally:
            await self._stream.aclose()

    def states(self) -> list[AlertState]:
        return [one.state for one in self.heard if isinstance(one, Shown)]

    async def hang_up(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@in_loop
async def test_each_alert_comes_once_and_then_what_changes_of_it() -> None:
    summer, winter = firing("summer"), firing("winter")
    board = Board(summer, winter)
    ear = Ear(board, FIRING)
    await settle()
    assert ear.heard == [summer, winter]
    await board.put(summer, winter)
    acknowledged = replace(winter, acknowledged_by="ann")
    await board.put(summer, acknowledged)
    await board.put(replace(summer, value=7.0), acknowledged)
    assert ear.heard[2:] == [acknowledged, replace(summer, value=7.0)]
    await ear.hang_up()


@in_loop
async def test_an_alert_that_leaves_the_states_comes_once_more_and_then_no_more() -> None:
    one = firing()
    board = Board(one)
    ear = Ear(board, FIRING)
    await settle()
    await board.put(replace(one, state=STALE))
    await board.put(replace(one, state=RESOLVED))
    await board.put(replace(one, state=RESOLVED, summary="taken back"))
    await board.put()
    assert ear.states() == [FIRING, STALE]
    await ear.hang_up()


@in_loop
async def test_a_series_is_followed_from_pending_to_firing_or_back_to_nothing() -> None:
    board = Board(quiet())
    ear, busy = Ear(board, PENDING), Ear(board, *AlertState)
    await settle()
    await board.put(pending("summer"), pending("winter"))
    await board.put(pending("summer", 7.0), pending("winter"))
    await board.put(firing("summer"))
    assert [(one.labels["campaign"], one.state) for one in ear.heard if isinstance(one, Shown)] == [
        ("summer", PENDING),
        ("winter", PENDING),
        ("summer", PENDING),
        ("summer", FIRING),
        ("winter", INACTIVE),
    ]
    await board.put(replace(firing("summer"), state=RESOLVED), quiet())
    assert ear.states()[5:] == [], "it left with firing"
    assert busy.states() == [INACTIVE, *ear.states(), RESOLVED, INACTIVE]
    for one in (ear, busy):
        await one.hang_up()


@in_loop
async def test_a_rule_that_is_judged_again_is_no_news() -> None:
    board = Board(quiet())
    ear = Ear(board, INACTIVE)
    await settle()
    await board.put(replace(quiet(), since_ms=2, decided_ms=2))
    assert ear.heard == [quiet()]
    await ear.hang_up()


@in_loop
async def test_however_many_follow_alerts_are_read_once_a_change_and_never_without_one() -> None:
    board = Board(firing())
    ears = [Ear(board, FIRING, caller=Caller(f"address:{number}")) for number in range(300)]
    await settle(400)
    assert board.looks == 1
    await board.put(replace(firing(), value=7.0))
    await settle(400)
    assert board.looks == 2
    assert all(len(ear.heard) == 2 for ear in ears)
    for ear in ears:
        await ear.hang_up()
    await board.put(firing())
    assert board.looks == 2, "nobody follows, so nobody reads"


@in_loop
async def test_a_slow_follower_finds_the_newest_of_each_and_holds_up_nobody() -> None:
    one = firing()
    board = Board(one)
    slow, quick = Ear(board, FIRING), Ear(board, FIRING, caller=BEN)
    await settle()
    slow.ready.clear()
    for value in (7.0, 8.0):
        await board.put(replace(one, value=value))
    await board.put(replace(one, state=STALE))
    await board.put(replace(one, state=RESOLVED))
    assert quick.states() == [FIRING, FIRING, FIRING, STALE]
    slow.ready.set()
    await settle()
    assert slow.states() == [FIRING, FIRING, RESOLVED], "it was busy with the second as the others came"
    for ear in (slow, quick):
        await ear.hang_up()


@in_loop
async def test_who_leaves_too_much_untaken_is_told_to_begin_anew() -> None:
    board = Board(firing("first"))
    ear = Ear(board, FIRING)
    await settle()
    ear.ready.clear()
    await board.put(*(firing(f"c{number}") for number in range(MOST_WAITING + 1)))
    ear.ready.set()
    await settle()
    assert isinstance(ear.error, QueryError)
    assert (ear.error.code, ear.error.details) == (Code.TOO_SLOW, {"limit": MOST_WAITING})


@in_loop
async def test_what_cannot_be_read_is_told_once_and_alerts_go_on_when_they_can() -> None:
    board = Board(firing())
    board.failure = RuntimeError("the disk is full")
    early = Ear(board, FIRING)
    await asyncio.sleep(0.001)
    late = Ear(board, FIRING)
    await settle()
    assert early.heard == late.heard == [board.failure]
    board.failure = None
    await settle()
    assert early.heard[1:] == late.heard[1:] == [firing()]
    for ear in (early, late):
        await ear.hang_up()


@in_loop
async def test_seats_are_limited_and_given_back() -> None:
    board = Board(firing(), seats=Seats(of_caller=1, in_all=2))
    first, again, other, third = (
        Ear(board, FIRING, caller=caller) for caller in (ANNA, ANNA, BEN, Caller("key:dora"))
    )
    await settle()
    told = [str(ear.error or "").partition(",")[0] for ear in (first, again, other, third)]
    assert told == ["", "This caller has 1 subscriptions", "", "All callers together have 2 subscriptions"]
    await first.hang_up()
    back = Ear(board, FIRING)
    await settle()
    assert back.heard == [firing()]
    for ear in (back, other):
        await ear.hang_up()


@in_loop
async def test_the_end_of_the_feed_ends_all_who_follow_and_a_late_ring_hurts_nobody() -> None:
    board = Board(firing())
    ear = Ear(board, FIRING)
    await settle()
    await board.feed.close()
    await settle()
    assert ear.task.done()
    assert ear.error is None
    board.feed.ring()


@pytest.mark.parametrize("states", [[], [RESOLVED]])
@in_loop
async def test_nothing_comes_of_states_that_no_alert_is_in(states: list[AlertState]) -> None:
    board = Board(firing())
    ear = Ear(board, *states)
    await settle()
    assert ear.heard == []
    await ear.hang_up()
