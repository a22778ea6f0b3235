"""Asking: equal questions run once, nobody's leaving hurts another, and each pays what is due."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desks import ANNA, BEN, CARL, CATALOGUE, NOON, Stage, clicks_of, in_loop, question, stage
from tidemark.desk.budget import FEE
from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import Answer
from tidemark.query.limits import Limits


def asking(on: Stage, number: int = 1, caller: Caller = ANNA) -> asyncio.Task[Answer]:
    return asyncio.get_running_loop().create_task(on.desk.ask(question(number), caller))


async def failure(task: asyncio.Task[Answer]) -> QueryError:
    with pytest.raises(QueryError) as caught:
        await task
    return caught.value


@in_loop
async def test_a_question_is_priced_run_and_refunded() -> None:
    async with stage(estimated=500_000_000, rows_read=2_000_000) as on:
        answer = await on.desk.ask(question(), ANNA)
        assert clicks_of(answer) == [1]
        assert not answer.cost.cache_hit
        assert answer.cost.rows_read == 2_000_000
        assert answer.cost.charged == pytest.approx(2 + FEE)
        assert answer.cost.remaining == pytest.approx(3_000 - 2 - FEE)


@in_loop
async def test_two_hundred_equal_questions_at_once_are_one_query() -> None:
    async with stage(holds=True, rows_read=1_000_000) as on:
        tasks = [asking(on, caller=(ANNA, BEN)[number % 2]) for number in range(200)]
        await on.settle()
        on.answerer.release()
        answers = await asyncio.gather(*tasks)
        assert len(on.answerer.runs) == 1
        assert {tuple(clicks_of(answer)) for answer in answers} == {(1,)}
        assert Counter(answer.cost.cache_hit for answer in answers) == {False: 1, True: 199}
        assert sum(answer.cost.charged for answer in answers) == pytest.approx(1 + 200 * FEE)
        assert on.metric('tidemark_query_reuses_total{how="joined"}') == 199


@in_loop
async def test_a_watermark_that_stands_still_is_a_hit_and_one_that_moved_is_a_miss() -> None:
    async with stage() as on:
        await on.desk.ask(question(), ANNA)
        on.answerer.now += timedelta(milliseconds=7)
        hit = await on.desk.ask(question(), BEN)
        assert hit.cost.cache_hit
        assert hit.cost.charged == FEE
        assert hit.frame.freshness.complete_through == NOON
        assert hit.frame.freshness.now == NOON + timedelta(milliseconds=7)
        on.answerer.moves(2)
        miss = await on.desk.ask(question(), BEN)
        assert clicks_of(miss) == [2]
        assert not miss.cost.cache_hit
        assert on.metric('tidemark_query_reuses_total{how="cached"}') == 1
        assert on.metric("tidemark_cache_bytes") > 0


@in_loop
async def test_the_age_of_an_answer_counts_from_its_question() -> None:
    async with stage(holds=True) as on:
        slow = asking(on)
        await on.advance(1.5)
        on.answerer.release()
        await slow
        await on.advance(0.4)
        assert (await on.desk.ask(question(), BEN)).cost.cache_hit
        await on.advance(0.2)
        assert not (await on.desk.ask(question(), BEN)).cost.cache_hit


@in_loop
async def test_without_a_watermark_every_question_runs() -> None:
    async with stage(complete=None) as on:
        for _ in range(2):
            assert not (await on.desk.ask(question(), ANNA)).cost.cache_hit


@in_loop
async def test_the_first_waiters_leaving_does_not_hurt_the_second() -> None:
    async with stage(holds=True) as on:
        first = asking(on)
        await on.settle()
        second = asking(on, caller=BEN)
        await on.settle()
        first.cancel()
        await on.settle()
        assert first.cancelled()
        assert not on.answerer.cancelled
        on.answerer.release()
        assert clicks_of(await second) == [1]
        assert len(on.answerer.runs) == 1


@in_loop
async def test_the_last_waiters_leaving_ends_the_query_and_frees_its_turn() -> None:
    async with stage(holds=True) as on:
        tasks = [asking(on), asking(on, caller=BEN)]
        await on.settle()
        assert on.metric("tidemark_queries_under_way") == 1
        for task in tasks:
            task.cancel()
        await on.settle()
        assert len(on.answerer.cancelled) == 1
        assert not on.answerer.held
        assert on.metric("tidemark_queries_under_way") == 0


@in_loop
async def test_a_cancelled_query_that_goes_on_is_cancelled_again_and_keeps_its_turn() -> None:
    async with stage(holds=True, is_stubborn=True) as on:
        task = asking(on)
        await on.settle()
        task.cancel()
        await on.settle()
        await on.advance(0.5)
        assert task.done()
        assert len(on.answerer.cancelled) == 3
        assert on.metric("tidemark_queries_under_way") == 1
        on.answerer.is_stubborn = False
        await on.advance(0.25)
        assert on.metric("tidemark_queries_under_way") == 0


@in_loop
async def test_a_question_asked_while_an_equal_one_is_being_cancelled_runs_anew() -> None:
    async with stage(holds=True, is_stubborn=True) as on:
        left = asking(on)
        await on.settle()
        left.cancel()
        await on.settle()
        on.answerer.holds = False
        assert clicks_of(await on.desk.ask(question(), BEN)) == [1]


@in_loop
async def test_a_query_that_outlives_the_engines_own_limit_is_ended_and_its_waiters_told_at_once() -> None:
    async with stage(holds=True, is_stubborn=True) as on:
        tasks = [asking(on), asking(on, caller=BEN)]
        await on.advance(10.9)
        assert not any(task.done() for task in tasks)
        await on.advance(0.2)
        for task in tasks:
            error = await failure(task)
            assert error.code is Code.QUERY_TIMEOUT
            assert error.details == {"limit": 10}
        assert on.answerer.cancelled
        assert on.metric("tidemark_queries_under_way") == 1
        assert on.metric('tidemark_query_refusals_total{code="QUERY_TIMEOUT"}') == 2


@in_loop
async def test_an_error_is_shared_but_not_kept() -> None:
    async with stage(holds=True, failure=QueryError(Code.QUERY_TOO_LARGE, "Too large.")) as on:
        tasks = [asking(on, caller=caller) for caller in (ANNA, BEN, CARL)]
        await on.settle()
        on.answerer.release()
        assert [(await failure(task)).code for task in tasks] == [Code.QUERY_TOO_LARGE] * 3
        assert len(on.answerer.runs) == 1
        on.answerer.failure = None
        assert clicks_of(await on.desk.ask(question(), ANNA)) == [1]


@in_loop
async def test_errors_that_nobody_expected_pass_through() -> None:
    async with stage(failure=OSError("the disk is gone")) as on:
        with pytest.raises(OSError, match="the disk is gone"):
            await on.desk.ask(question(), ANNA)


@in_loop
async def test_one_callers_empty_purse_is_no_refusal_for_another_who_asked_the_same() -> None:
    async with stage(estimated=2_000_000_000, rows_read=2_000_000_000) as on:
        await on.desk.ask(question(1), ANNA)
        on.answerer.holds = True
        blocking = [
            asking(on, number, CARL) for number in range(2, 6)
        ]  # so that equal questions wait together
        poor, rich, also_poor = asking(on, 9, ANNA), asking(on, 9, BEN), asking(on, 9, ANNA)
        await on.settle()
        on.answerer.release()
        await asyncio.wait(blocking)
        assert (await failure(poor)).code is Code.BUDGET_EXHAUSTED
        assert (await failure(also_poor)).code is Code.BUDGET_EXHAUSTED
        answer = await rich
        assert clicks_of(answer) == [1]
        assert answer.cost.remaining == pytest.approx(1_000 - FEE)


@in_loop
async def test_a_question_beyond_the_whole_budget_runs_never() -> None:
    async with stage(estimated=4_000_000_000, shorter_estimated=[3_500_000_000, 500_000_000]) as on:
        error = await failure(asking(on))
        assert error.code is Code.TOO_EXPENSIVE
        assert error.details["suggestion"] == {
            "range": {"from": "2026-11-23T07:58:00Z", "to": "2026-11-23T12:00:00Z"}
        }
        assert not on.answerer.runs
        assert on.metric('tidemark_query_refusals_total{code="TOO_EXPENSIVE"}') == 1


@in_loop
async def test_after_the_time_that_a_refusal_says_the_question_is_answered() -> None:
    async with stage(estimated=2_000_000_000, rows_read=2_000_000_000, cache_bytes=0) as on:
        await on.desk.ask(question(), ANNA)
        error = await failure(asking(on))
        after = error.details["retryAfterMs"]
        assert isinstance(after, int)
        await on.advance(after / 1000)
        await on.desk.ask(question(), ANNA)


@in_loop
async def test_a_query_that_ended_early_costs_what_its_time_is_worth() -> None:
    async with stage(holds=True) as on:
        task = asking(on)
        await on.settle()
        await on.advance(2)
        task.cancel()
        await on.settle()
        on.answerer.release()
        answer = await on.desk.ask(question(2), ANNA)
        assert answer.cost.remaining == pytest.approx(3_000 - 200 - FEE)


@in_loop
async def test_a_question_of_a_shape_that_was_small_gets_one_thread() -> None:
    async with stage(rows_read=1_000, cache_bytes=0) as on:
        for _ in range(2):
            await on.desk.ask(question(), ANNA)
        on.answerer.rows_read = 10**6
        for _ in range(2):
            await on.desk.ask(question(), ANNA)
        assert on.answerer.threads == [None, 1, 1, None]


@in_loop
async def test_more_questions_than_may_be_under_way_are_refused_and_equal_ones_are_none() -> None:
    async with stage(holds=True, limits=Limits(caller_queries=5)) as on:
        tasks = [asking(on, number) for number in range(1, 6)]
        await on.settle()
        assert len(on.answerer.held) == 4
        assert (await failure(asking(on, 6))).code is Code.TOO_MANY_QUERIES
        tasks.append(asking(on, 1))
        await on.settle()
        on.answerer.release()
        await asyncio.gather(*tasks)


@in_loop
async def test_a_refusal_of_the_planner_costs_nothing() -> None:
    async with stage(refusal=QueryError(Code.RANGE_TOO_LONG, "Too long.")) as on:
        assert (await failure(asking(on))).code is Code.RANGE_TOO_LONG
        assert not on.answerer.asked


@in_loop
async def test_values_and_allowance() -> None:
    async with stage() as on:
        campaign = CATALOGUE.dimensions["CAMPAIGN"]
        assert await on.desk.values(campaign, "x", 2, ANNA) == ["CAMPAIGN x"] * 2
        allowance = on.desk.allowance(ANNA)
        assert allowance.limits.rows == 10_000
        assert allowance.not_older_than == NOON - timedelta(days=30 * 366)
        assert (await on.desk.freshness()).now == NOON


@in_loop
async def test_elapsed_is_from_question_to_answer_waiting_included() -> None:
    async with stage(holds=True) as on:
        task = asking(on)
        await on.advance(3)
        on.answerer.release()
        assert (await task).cost.elapsed_ms == pytest.approx(3_000)


@in_loop
async def test_the_log_tells_of_a_cancelled_query_without_what_was_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "tidemark.desk.runner")
    async with stage(holds=True) as on:
        task = asking(on)
        await on.settle()
        task.cancel()
        await on.settle()
        assert caplog.messages == [
            f"query {on.answerer.cancelled[0]} was cancelled and ended with RuntimeError"
        ]


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "leave", "release", "move", "wait"]), st.integers(0, 60)), max_size=40
)


async def take(step: str, number: int, on: Stage, tasks: list[asyncio.Task[Answer]]) -> None:
    match step:
        case "ask":
            tasks.append(asking(on, 1 + number % 3, (ANNA, BEN, CARL)[number // 3 % 3]))
        case "leave" if tasks:
            task = tasks[number % len(tasks)]
            if task.cancel():
                task.set_name("left")
        case "release":
            on.answerer.release()
            on.answerer.holds = True
        case "move":
            on.answerer.moves(number)
        case "wait":
            await on.advance(number / 10)
    if number % 2:
        await on.settle()


@given(STEPS)
def test_whoever_comes_and_leaves_all_who_stay_are_answered_and_nothing_is_left_behind(
    steps: Sequence[tuple[str, int]],
) -> None:
    async def scenario() -> None:
        async with stage(holds=True) as on:
            tasks: list[asyncio.Task[Answer]] = []
            for step, number in steps:
                await take(step, number, on, tasks)
            await on.settle()
            on.answerer.release()
            await on.settle()
            for task in tasks:
                assert task.done()
                if task.get_name() == "left":
                    assert task.cancelled()
                elif error := task.exception():
                    assert isinstance(error, QueryError)
                    assert error.code is Code.QUERY_TIMEOUT
            assert on.metric("tidemark_queries_under_way") == 0
            await on.advance(60)
            for caller in (ANNA, BEN, CARL):  # all that was reserved is settled: nothing is lost for good
                answer = await on.desk.ask(question(9), caller)
                assert answer.cost.remaining == pytest.approx(3_000 - FEE)

    asyncio.run(scenario())
