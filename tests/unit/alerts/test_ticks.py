"""Which ticks are due, what window each has, and the alert that is told by the wall clock."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.alerts.machine import NEW
from tidemark.alerts.rule import Window
from tidemark.alerts.series import Kind, Phase, State
from tidemark.alerts.ticks import Ticks, data_stale, due, elapsed, span, stale, upcoming
from tidemark.query.grain import Grain
from tidemark.query.instant import DAY_MS, HOUR_MS, MINUTE_MS, to_ms

BERLIN = "Europe/Berlin"
MINUTES_OR_MORE = st.sampled_from([1, 5, 7, 60, 1440]).map(lambda minutes: minutes * MINUTE_MS)
INSTANTS = st.integers(1_700_000_000_000, 1_700_100_000_000)


def at(text: str, zone: str = BERLIN) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def test_a_rule_that_is_new_begins_at_the_newest_tick() -> None:
    assert due(60_000, None, 600_500, 10) == Ticks((600_000,))


def test_a_tick_is_due_as_soon_as_data_is_complete_up_to_it() -> None:
    assert due(60_000, 600_000, 659_999, 10) == Ticks(())
    assert due(60_000, 600_000, 660_000, 10) == Ticks((660_000,))


def test_after_a_stall_every_tick_is_due_in_order() -> None:
    assert due(60_000, 600_000, 840_001, 10) == Ticks((660_000, 720_000, 780_000, 840_000))


def test_after_a_long_outage_the_newest_are_due_and_the_rest_is_counted() -> None:
    assert due(60_000, 0, 6_000_000, 3) == Ticks((5_880_000, 5_940_000, 6_000_000), 97)


def test_a_watermark_that_went_back_makes_nothing_due() -> None:
    assert due(60_000, 600_000, 300_000, 3) == Ticks(())


@given(
    MINUTES_OR_MORE, st.none() | INSTANTS, st.lists(INSTANTS, min_size=1, max_size=8), st.integers(1, 2000)
)
def test_no_tick_is_judged_twice_or_lost_however_often_one_looks(
    every_ms: int, judged_ms: int | None, looks: list[int], most: int
) -> None:
    counted = 0
    judged: list[int] = []
    for complete_ms in sorted(looks):
        found = due(every_ms, judged[-1] if judged else judged_ms, complete_ms, most)
        assert len(found.ticks) <= most
        assert not found.skipped or len(found.ticks) == most
        assert all(one % every_ms == 0 and one <= complete_ms for one in found.ticks)
        counted += found.skipped + len(found.ticks)
        judged += found.ticks
    assert all(one < other for one, other in pairwise(judged))
    if judged:
        first = judged[0] if judged_ms is None else (judged_ms // every_ms + 1) * every_ms
        assert counted == len(range(first, judged[-1] + 1, every_ms))


@given(MINUTES_OR_MORE, INSTANTS)
def test_the_tick_that_is_still_filling_is_the_next_to_become_due(every_ms: int, complete_ms: int) -> None:
    following = upcoming(every_ms, complete_ms)
    assert due(every_ms, due(every_ms, None, complete_ms, 1).ticks[-1], following, 9) == Ticks((following,))


def test_a_window_of_a_length_ends_at_its_tick() -> None:
    assert span(Window(HOUR_MS), 10 * HOUR_MS) == (9 * HOUR_MS, 10 * HOUR_MS)
    assert elapsed(Window(HOUR_MS), 10 * HOUR_MS) == 1


@pytest.mark.parametrize(
    ("grain", "tick", "start", "part"),
    [
        (Grain.DAY, "2026-11-24 06:00", "2026-11-24 00:00", 6 / 24),
        (Grain.DAY, "2026-11-24 00:01", "2026-11-24 00:00", 1 / 1440),
        (Grain.DAY, "2026-11-24 00:00", "2026-11-23 00:00", 1),
        (Grain.DAY, "2026-03-29 12:00", "2026-03-29 00:00", 11 / 23),
        (Grain.DAY, "2026-03-30 00:00", "2026-03-29 00:00", 1),
        (Grain.DAY, "2026-10-25 12:00", "2026-10-25 00:00", 13 / 25),
        (Grain.WEEK, "2026-11-25 00:00", "2026-11-23 00:00", 2 / 7),
        (Grain.WEEK, "2026-11-23 00:00", "2026-11-16 00:00", 1),
        (Grain.MONTH, "2026-11-16 00:00", "2026-11-01 00:00", 15 / 30),
    ],
)  # fmt: skip
def test_a_calendar_window_is_the_bucket_so_far(grain: Grain, tick: str, start: str, part: float) -> None:
    window = Window(None, grain, BERLIN)
    assert span(window, at(tick)) == (at(start), at(tick))
    assert elapsed(window, at(tick)) == pytest.approx(part)


def test_days_of_a_zone_are_each_judged_whole_once_over_a_change_of_the_clock() -> None:
    window = Window(None, Grain.DAY, BERLIN)
    ticks = range(at("2026-10-24 00:00"), at("2026-10-28 00:00") + 1, HOUR_MS)
    whole = [span(window, tick) for tick in ticks if elapsed(window, tick) == 1]
    assert [(end - start) // HOUR_MS for start, end in whole] == [24, 24, 25, 24, 24]
    assert all(one[1] == other[0] for one, other in pairwise(whole))


@given(
    INSTANTS,
    st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH]),
    st.sampled_from([BERLIN, "Asia/Kathmandu"]),
)
def test_a_window_holds_the_moment_before_its_tick(tick: int, grain: Grain, zone: str) -> None:
    start, end = span(Window(None, grain, zone), tick)
    assert start < end == tick
    assert tick - start <= 31 * DAY_MS + HOUR_MS
    assert 0 < elapsed(Window(None, grain, zone), tick) <= 1


def test_a_window_of_nothing_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="neither"):
        span(Window(None), 1)


LIMIT = 120_000
COMPLETE = 1_700_000_000_000


def test_data_is_stale_when_its_clock_is_behind_by_more_than_the_limit() -> None:
    assert not stale(COMPLETE, COMPLETE + LIMIT, LIMIT)
    assert stale(COMPLETE, COMPLETE + LIMIT + 1, LIMIT)
    assert not stale(None, COMPLETE, LIMIT)


def watch(looks: Sequence[tuple[int | None, int]]) -> list[tuple[Kind, int]]:
    """What is told, with when the alert fired, of pairs of watermark and wall clock."""
    state, told = NEW, []
    for complete_ms, now_ms in looks:
        state, changes = data_stale(state, complete_ms, now_ms, LIMIT)
        told += [(one.kind, one.fired_ms) for one in changes]
    return told


def test_one_alert_is_told_of_a_stall_and_its_end() -> None:
    stalled = [(COMPLETE, COMPLETE + lag) for lag in range(0, 400_000, 1_000)]
    back = [(COMPLETE + 400_000, COMPLETE + 401_000 + more) for more in range(0, 100_000, 1_000)]
    fired = COMPLETE + LIMIT + 1
    assert watch([(None, COMPLETE), *stalled, *back]) == [(Kind.FIRED, fired), (Kind.RESOLVED, fired)]


def test_whoever_sees_a_stall_late_names_the_same_alert() -> None:
    assert watch([(COMPLETE, COMPLETE + 10**9)]) == watch([(COMPLETE, COMPLETE + LIMIT + 1)])


def test_a_stall_that_follows_at_once_is_told_anew() -> None:
    looks = [(COMPLETE, COMPLETE + LIMIT + 5), (COMPLETE + 5, COMPLETE + LIMIT + 5),
             (COMPLETE + 5, COMPLETE + LIMIT + 6)]  # fmt: skip
    assert [kind for kind, _ in watch(looks)] == [Kind.FIRED, Kind.RESOLVED, Kind.FIRED]


def test_a_wall_clock_that_is_set_back_hides_neither_a_stall_nor_its_end() -> None:
    looks = [(COMPLETE, COMPLETE + LIMIT + 5), (COMPLETE, COMPLETE), (COMPLETE, COMPLETE + LIMIT + 1)]
    assert [kind for kind, _ in watch(looks)] == [Kind.FIRED, Kind.RESOLVED, Kind.FIRED]


@given(st.lists(st.tuples(st.none() | st.integers(0, 400_000), st.integers(0, 400_000))))
def test_of_stale_data_beginning_and_end_are_told_in_turns(lags: list[tuple[int | None, int]]) -> None:
    state: State = NEW
    told: list[Kind] = []
    for behind, now in lags:
        complete_ms = None if behind is None else COMPLETE + behind
        state, changes = data_stale(state, complete_ms, COMPLETE + now, LIMIT)
        told += [one.kind for one in changes]
        if complete_ms is not None:
            assert (state.phase is Phase.FIRING) == stale(complete_ms, COMPLETE + now, LIMIT)
    assert all(one is not other for one, other in pairwise(told))
    assert told[:1] in ([], [Kind.FIRED])
