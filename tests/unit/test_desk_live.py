"""Watching: one query for all who watch the same, each told what is new to it, the newest, at its pace."""

import asyncio

import pytest

from desks import ANNA, BEN, CARL, Viewer, clicks_of, in_loop, question, stage
from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import Answer


def codes(viewer: Viewer) -> list[str]:
    return [one.code for one in viewer.news if isinstance(one, QueryError)]


@in_loop
async def test_the_first_frame_comes_at_once_and_then_only_what_changed() -> None:
    async with stage(clicks=[1]) as on:
        viewer = Viewer(on, question())
        await on.settle()
        assert viewer.clicks == [[1]]
        for clicks in (1, 2, 2, 2, 3):
            on.answerer.moves(clicks)
            await on.advance(1)
        assert viewer.clicks == [[1], [2], [3]]
        assert len(on.answerer.runs) == 6
        await viewer.hang_up()


@in_loop
async def test_five_hundred_who_watch_twenty_questions_cause_twenty_queries_an_interval() -> None:
    async with stage() as on:
        callers = [Caller(f"address:{number}") for number in range(10)]
        viewers = [Viewer(on, question(1 + number % 20), callers[number % 10]) for number in range(500)]
        await on.settle()
        assert len(on.answerer.runs) == 20
        assert on.metric("tidemark_subscribers") == 500
        for second in range(1, 4):
            on.answerer.moves(10 + second)
            await on.advance(1)
            assert len(on.answerer.runs) == 20 * (second + 1)
        assert all(viewer.clicks == [[1], [11], [12], [13]] for viewer in viewers)
        for viewer in viewers:
            await viewer.hang_up()
        assert on.metric("tidemark_subscribers") == 0
        await on.advance(5)
        assert len(on.answerer.runs) == 80


@in_loop
async def test_while_the_watermark_stands_still_nothing_is_asked_for_two_seconds_at_most() -> None:
    async with stage(cache_bytes=0) as on:
        viewer = Viewer(on, question(), interval_ms=200)
        await on.advance(1.9)
        assert len(on.answerer.runs) == 1
        on.answerer.clicks = [2]  # a collector is gone, so that the watermark stalls, and events still come
        await on.advance(0.2)
        assert viewer.clicks == [[1], [2]]
        await viewer.hang_up()


@in_loop
async def test_a_slow_viewer_gets_the_newest_and_no_backlog() -> None:
    async with stage() as on:
        slow, quick = Viewer(on, question()), Viewer(on, question(), BEN)
        await on.settle()
        slow.ready.clear()
        for clicks in (2, 3, 4):
            on.answerer.moves(clicks)
            await on.advance(1)
        slow.ready.set()
        await on.settle()
        assert slow.clicks == [[1], [2], [4]]  # it was busy with the second as the third came
        assert quick.clicks == [[1], [2], [3], [4]]
        for viewer in (slow, quick):
            await viewer.hang_up()


@in_loop
async def test_each_has_an_interval_of_its_own_and_the_shortest_is_that_of_the_queries() -> None:
    async with stage() as on:
        seldom, often = Viewer(on, question(), interval_ms=2_000), Viewer(on, question(), BEN, 500)
        await on.settle()
        for clicks in range(2, 10):
            on.answerer.moves(clicks)
            await on.advance(0.5)
        assert often.clicks == [[clicks] for clicks in range(1, 10)]
        assert seldom.clicks == [[1], [4], [8]]  # what was known as its interval was over
        await often.hang_up()
        runs = len(on.answerer.runs)
        for clicks in range(20, 28):
            on.answerer.moves(clicks)
            await on.advance(0.5)
        assert len(on.answerer.runs) - runs == 2
        await seldom.hang_up()


@in_loop
async def test_no_interval_is_shorter_than_a_fifth_of_a_second() -> None:
    async with stage() as on:
        viewer = Viewer(on, question(), interval_ms=0)
        await on.settle()
        for clicks in range(2, 12):
            on.answerer.moves(clicks)
            await on.advance(0.1)
        assert len(on.answerer.runs) == 6
        await viewer.hang_up()


@in_loop
async def test_a_change_that_is_taken_back_before_a_viewer_may_be_told_is_none() -> None:
    async with stage() as on:
        viewer, other = Viewer(on, question(), interval_ms=2_000), Viewer(on, question(), BEN, 500)
        await on.settle()
        for clicks in (2, 1, 1, 1, 1):
            on.answerer.moves(clicks)
            await on.advance(0.5)
        assert viewer.clicks == [[1]]
        assert other.clicks == [[1], [2], [1]]
        for one in (viewer, other):
            await one.hang_up()


@in_loop
async def test_a_newcomer_gets_what_is_known_if_it_is_young_enough_and_else_a_new_answer() -> None:
    async with stage() as on:
        first = Viewer(on, question(), interval_ms=5_000)
        await on.advance(0.5)
        on.answerer.moves(2)
        second = Viewer(on, question(), BEN, 1_000)
        await on.settle()
        assert second.clicks == [[1]]
        await on.advance(1)
        assert second.clicks == [[1], [2]]
        await second.hang_up()
        await on.advance(2)
        on.answerer.moves(3)
        third = Viewer(on, question(), CARL, 1_000)
        await on.settle()
        assert third.clicks == [[3]]
        for viewer in (first, third):
            await viewer.hang_up()


@in_loop
async def test_who_hangs_up_last_ends_the_query_that_runs() -> None:
    async with stage(holds=True) as on:
        viewers = [Viewer(on, question()), Viewer(on, question(), BEN)]
        await on.settle()
        await viewers[0].hang_up()
        await on.settle()
        assert not on.answerer.cancelled
        await viewers[1].hang_up()
        await on.settle()
        assert len(on.answerer.cancelled) == 1
        assert on.metric("tidemark_queries_under_way") == 0


@in_loop
async def test_a_question_watched_anew_right_after_the_last_one_left_is_answered() -> None:
    async with stage(holds=True, cache_bytes=0) as on:
        first = Viewer(on, question())
        await on.settle()
        first.task.cancel()
        second = Viewer(on, question(), BEN)
        on.answerer.holds = False
        await on.settle()
        third = Viewer(on, question(), CARL)
        await on.settle()
        assert second.clicks == third.clicks == [[1]]
        assert len(on.answerer.runs) == 2  # that of the first, who has left, and one for both
        await on.advance(1)
        for viewer in (second, third):
            await viewer.hang_up()


@in_loop
async def test_the_first_pays_then_the_next_and_the_others_see_their_own_purse() -> None:
    async with stage(estimated=10**6, rows_read=10**6) as on:
        viewers = [Viewer(on, question()), Viewer(on, question(), BEN)]
        await on.settle()
        costs = [viewer.news[0].cost for viewer in viewers if isinstance(viewer.news[0], Answer)]
        assert [cost.charged for cost in costs] == [pytest.approx(1.01), 0.0]
        assert [cost.remaining for cost in costs] == [pytest.approx(2_998.99), 3_000.0]
        assert [cost.cache_hit for cost in costs] == [False, True]
        await viewers[0].hang_up()
        on.answerer.moves(2)
        await on.advance(1)
        last = viewers[1].news[-1]
        assert isinstance(last, Answer)
        assert last.cost.charged == pytest.approx(1.01)
        await viewers[1].hang_up()


@in_loop
async def test_a_caller_who_has_spent_all_freezes_nobody_elses_dashboard() -> None:
    async with stage(estimated=2 * 10**9, rows_read=2 * 10**9) as on:
        viewers = [Viewer(on, question()), Viewer(on, question(), BEN)]
        await on.settle()
        on.answerer.estimated = on.answerer.rows_read = 900 * 10**6
        await on.desk.ask(question(2), ANNA)
        on.answerer.moves(2)
        await on.advance(1)
        assert on.answerer.asked == 4  # the first cannot pay any longer
        on.answerer.moves(3)
        await on.advance(1)
        assert on.answerer.asked == 5  # who could pay pays on
        on.answerer.moves(4)
        await on.advance(1)
        assert [viewer.clicks for viewer in viewers] == [[[1], [2], [3], [4]]] * 2
        on.answerer.moves(5)
        await on.advance(1)  # now neither can
        assert [codes(viewer) for viewer in viewers] == [[Code.BUDGET_EXHAUSTED]] * 2
        for viewer in viewers:
            await viewer.hang_up()


@in_loop
async def test_an_error_that_passes_is_told_once_and_frames_go_on() -> None:
    async with stage() as on:
        viewer = Viewer(on, question())
        await on.settle()
        for _ in range(3):
            on.answerer.failure = QueryError(Code.QUERY_TIMEOUT, "Too long.")
            on.answerer.moves()
            await on.advance(4)
        on.answerer.failure = None
        on.answerer.moves()
        await on.advance(30)
        kinds = [type(one) for one in viewer.news]
        assert kinds == [Answer, QueryError, Answer]  # the last one too, though its values are those before
        await viewer.hang_up()


@in_loop
async def test_a_question_that_fails_is_asked_more_and_more_seldom() -> None:
    async with stage(failure=OSError("the disk is gone")) as on:
        viewer = Viewer(on, question(), interval_ms=200)
        await on.advance(100)
        assert len(on.answerer.runs) == 8  # after 0, 1, 3, 7, 15, 31, 61 and 91 s
        assert [type(one) for one in viewer.news] == [OSError]
        await viewer.hang_up()


@in_loop
async def test_for_a_newcomer_a_question_that_failed_is_asked_again_soon() -> None:
    async with stage(failure=OSError("the disk is gone")) as on:
        viewers = [Viewer(on, question())]
        await on.advance(40)
        on.answerer.failure = None
        viewers.append(Viewer(on, question(), BEN))
        await on.settle()
        assert viewers[1].clicks == [[1]]
        for viewer in viewers:
            await viewer.hang_up()


@in_loop
async def test_a_refusal_is_retried_when_it_says_so() -> None:
    async with stage(estimated=2 * 10**9, rows_read=2 * 10**9) as on:
        viewer = Viewer(on, question(), interval_ms=200)
        await on.settle()
        on.answerer.moves(2)
        await on.advance(19)
        assert codes(viewer) == [Code.BUDGET_EXHAUSTED]
        assert on.answerer.asked == 2
        await on.advance(2)
        assert viewer.clicks == [[1], [2]]
        await viewer.hang_up()


@in_loop
async def test_an_error_that_never_passes_ends_the_stream_and_later_ones_are_asked_anew() -> None:
    async with stage(refusal=QueryError(Code.RANGE_TOO_LONG, "Too long.")) as on:
        viewers = [Viewer(on, question()), Viewer(on, question(), BEN)]
        await on.settle()
        assert all(viewer.task.done() and viewer.error is on.answerer.refusal for viewer in viewers)
        assert on.metric("tidemark_subscribers") == 0
        on.answerer.refusal = None
        viewer = Viewer(on, question())
        await on.settle()
        assert viewer.clicks == [[1]]
        await viewer.hang_up()


@in_loop
async def test_subscriptions_are_bounded_for_a_caller_and_in_all() -> None:
    async with stage() as on:
        viewers = [Viewer(on, question(1 + number)) for number in range(100)]
        await on.settle()
        refused = Viewer(on, question(1))
        await on.settle()
        assert isinstance(refused.error, QueryError)
        assert refused.error.code is Code.TOO_MANY_QUERIES
        assert refused.error.details == {"limit": 100, "requested": 101}
        viewers += [Viewer(on, question(1), Caller(f"address:{number}")) for number in range(1_900)]
        await on.settle()
        late = Viewer(on, question(1), BEN)
        await on.settle()
        assert isinstance(late.error, QueryError)
        assert late.error.details == {"limit": 2_000, "requested": 2_001}
        await viewers.pop().hang_up()
        viewers.append(Viewer(on, question(1), BEN))
        await on.settle()
        assert viewers[-1].clicks == [[1]]
        await asyncio.gather(*(viewer.hang_up() for viewer in viewers))


@in_loop
async def test_polls_wait_for_their_turn_and_are_never_refused() -> None:
    async with stage(holds=True) as on:
        viewers = [Viewer(on, question(1 + number)) for number in range(100)]
        await on.settle()
        assert len(on.answerer.held) == 3
        asked = asyncio.get_running_loop().create_task(on.desk.ask(question(101), viewers[0].caller))
        other = asyncio.get_running_loop().create_task(on.desk.ask(question(102), BEN))
        await on.settle()
        assert len(on.answerer.held) == 5  # both questions have a turn at once
        on.answerer.release()
        await asyncio.gather(asked, other)
        await on.settle()
        assert all(viewer.clicks == [[1]] for viewer in viewers)
        for viewer in viewers:
            await viewer.hang_up()


@in_loop
async def test_nobody_is_told_what_another_has_left() -> None:
    async with stage(estimated=10**6, rows_read=10**6) as on:
        first, second = Viewer(on, question(), interval_ms=500), Viewer(on, question(), BEN, 2_000)
        await on.settle()
        on.answerer.moves(2)
        await on.advance(0.5)
        await first.hang_up()  # the second pays from now on, and is told later what the first has paid
        await on.advance(1.5)
        for one in second.news:
            assert isinstance(one, Answer)
            assert one.cost.charged == 0
            assert one.cost.remaining == 3_000
        assert second.clicks == [[1], [2]]
        await second.hang_up()


@in_loop
async def test_an_ordinary_question_and_a_watched_one_share_a_query() -> None:
    async with stage(holds=True) as on:
        viewer = Viewer(on, question())
        await on.settle()
        asked = asyncio.get_running_loop().create_task(on.desk.ask(question(), BEN))
        await on.settle()
        on.answerer.release()
        assert clicks_of(await asked) == [1]
        await on.settle()
        assert viewer.clicks == [[1]]
        assert len(on.answerer.runs) == 1
        await viewer.hang_up()


@in_loop
async def test_when_the_service_ends_the_streams_end() -> None:
    async with stage() as on:
        viewer = Viewer(on, question())
        await on.settle()
        await on.desk.close()
        await on.settle()
        assert viewer.task.done()
        assert viewer.error is None
