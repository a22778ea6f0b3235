"""Whose turn it is."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desks import ANNA, BEN, CARL, in_loop
from tidemark.desk.turns import Kind, Turns
from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError

CALLERS = (ANNA, BEN, CARL)


class Queue:
    """Queries that run until they are told to end; `running` are their numbers."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.running: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.begun: list[tuple[Caller, int]] = []

    async def add(self, caller: Caller, kind: Kind = Kind.QUESTION) -> int:
        number = len(self.tasks)
        self.tasks[number] = asyncio.create_task(self._run(caller, kind, number))
        await self.calm()
        return number

    async def end(self, number: int) -> None:
        self.running[number].set()
        await self.calm()

    async def _run(self, caller: Caller, kind: Kind, number: int) -> None:
        async with self.turns.turn(caller, kind):
            self.begun.append((caller, number))
            over = self.running[number] = asyncio.Event()
            try:
                await over.wait()
            finally:
                del self.running[number]

    @staticmethod
    async def calm() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def turns(**options: int) -> Turns:
    return Turns(**{"caller_queries": 64, "queries": 512} | options)


@in_loop
async def test_one_callers_flood_leaves_room_for_another() -> None:
    queue = Queue(turns())
    for _ in range(10):
        await queue.add(ANNA)
    assert sorted(queue.running) == [0, 1, 2, 3]
    number = await queue.add(BEN)
    assert number in queue.running
    await queue.close()


@in_loop
async def test_of_one_caller_who_came_first_goes_first_and_callers_take_turns() -> None:
    queue = Queue(turns(running=1))
    for caller in (ANNA, ANNA, ANNA, BEN, CARL, BEN):
        await queue.add(caller)
    while queue.running:
        await queue.end(next(iter(queue.running)))
    assert queue.begun == [(ANNA, 0), (ANNA, 1), (BEN, 3), (CARL, 4), (ANNA, 2), (BEN, 5)]
    assert queue.turns.under_way == 0


@in_loop
async def test_too_many_under_way_are_refused_of_one_caller_and_in_all() -> None:
    queue = Queue(turns(caller_queries=5, queries=8))
    for caller in (ANNA,) * 5 + (BEN,) * 3:
        await queue.add(caller)
    for caller, limit, words in ((ANNA, 5, "of this caller"), (CARL, 8, "of all callers")):
        with pytest.raises(QueryError, match=words) as caught:
            async with queue.turns.turn(caller):
                pass
        assert caught.value.code is Code.TOO_MANY_QUERIES
        assert caught.value.details == {"limit": limit, "requested": limit + 1, "retryAfterMs": 1_000}
    await queue.close()
    assert queue.turns.under_way == 0


@in_loop
async def test_a_question_waits_for_no_line_of_polls_and_polls_for_no_line_of_questions() -> None:
    queue = Queue(turns(running=1))
    for _ in range(5):
        await queue.add(ANNA, Kind.POLL)
    for _ in range(3):
        await queue.add(ANNA)
    while queue.running:
        await queue.end(next(iter(queue.running)))
    assert [number for _, number in queue.begun] == [0, 5, 1, 6, 2, 7, 3, 4]


@in_loop
async def test_polls_never_take_all_turns_and_are_not_refused() -> None:
    queue = Queue(turns(caller_queries=1, queries=1))
    for number in range(20):
        await queue.add((ANNA, BEN)[number % 2], Kind.POLL)
    assert len(queue.running) == 3
    number = await queue.add(ANNA)
    assert number in queue.running
    await queue.close()


@in_loop
async def test_who_is_cancelled_as_the_turn_comes_passes_it_on() -> None:
    queue = Queue(turns(running=1))
    first, second, third = [await queue.add(ANNA) for _ in range(3)]
    queue.running[first].set()
    for _ in range(3):  # until the second has been given the turn, perhaps before it has heard of it
        await asyncio.sleep(0)
        queue.tasks[second].cancel()
    await queue.calm()
    assert list(queue.running) == [third]
    await queue.close()


@in_loop
async def test_a_turn_is_not_given_to_who_has_been_cancelled_and_has_not_heard_of_it() -> None:
    queue = Queue(turns(running=1))
    first, second, third = [await queue.add(ANNA) for _ in range(3)]
    queue.running[first].set()
    queue.tasks[second].cancel()
    await queue.calm()
    assert list(queue.running) == [third]
    assert queue.tasks[first].exception() is None
    assert queue.turns.under_way == 1
    await queue.close()


@given(st.lists(st.tuples(st.sampled_from(["add", "end", "cancel"]), st.integers(0, 99)), max_size=80))
def test_whatever_comes_and_goes_turns_are_neither_lost_nor_given_twice(
    steps: Sequence[tuple[str, int]],
) -> None:
    async def scenario() -> None:
        queue = Queue(turns(running=3, running_of_one=2, running_polls=3))
        for step, number in steps:
            alive = [one for one, task in queue.tasks.items() if not task.done()]
            if step == "add":
                await queue.add(CALLERS[number % 3], Kind(number // 3 % 2))
            elif step == "end" and queue.running:
                await queue.end(list(queue.running)[number % len(queue.running)])
            elif step == "cancel" and alive:
                queue.tasks[alive[number % len(alive)]].cancel()
                if number % 2:
                    await queue.calm()
            await queue.calm()
            alive = [one for one, task in queue.tasks.items() if not task.done()]
            assert queue.turns.under_way == len(alive)
            whose = {number: caller for caller, number in queue.begun}
            callers = [whose[one] for one in queue.running]
            assert len(callers) <= 3
            assert all(callers.count(caller) <= 2 for caller in CALLERS)
            if len(alive) > len(callers):  # somebody waits: only because all turns are taken, or theirs are
                full = {caller for caller in CALLERS if callers.count(caller) == 2}
                assert len(callers) == 3 or full
        await queue.close()
        assert queue.turns.under_way == 0

    asyncio.run(scenario())
