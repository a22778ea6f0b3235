"""Which table answers which part of a range."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import DAY_MS, END_MS, FIRST_MS, HOUR_MS, MINUTE_MS, from_ms, to_ms
from tidemark.query.source import WIDTH_MS, Kept, Source, Span, spans

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)
START = to_ms(MIDNIGHT)
MILLISECONDS = st.integers(FIRST_MS - 10**7, FIRST_MS + 10**7) | st.integers(END_MS - 10**7, END_MS + 10**7)


@dataclass(frozen=True)
class Rolled:
    since: datetime | None
    until: datetime
    dirty_hours: frozenset[int] = frozenset()
    dirty_days: frozenset[int] = frozenset()
    through: datetime | None = None
    audited_through: datetime | None = None


def names(found: tuple[Span, ...]) -> list[str]:
    return [span.source.value for span in found]


@given(start=MILLISECONDS, length=st.integers(0, 10**7))
def test_spans_cover_the_range_without_gap_or_overlap(start: int, length: int) -> None:
    found = spans(start, start + length, ())
    low, high = max(start, FIRST_MS), min(start + length, END_MS)
    if low >= high:
        assert found == (Span(Source.CAMPAIGN_MINUTE, FIRST_MS, FIRST_MS),)
        return
    assert (found[0].start, found[-1].end) == (low, high)
    assert all(before.end == after.start for before, after in pairwise(found))
    for span in found:
        assert span.start < span.end
        if span.source is Source.CAMPAIGN_MINUTE:
            assert span.start % 60_000 == span.end % 60_000 == 0
        else:
            assert span.end - span.start < 120_000


def test_only_the_edges_come_from_raw_events() -> None:
    assert spans(START, START + 60_000, ()) == (Span(Source.CAMPAIGN_MINUTE, START, START + 60_000),)
    assert names(spans(START + 1, START + 120_001, ())) == ["events", "campaign_minute", "events"]
    assert names(spans(START + 1, START + 119_999, ())) == ["events"]


def test_properties_and_users_and_buckets_that_cut_minutes_come_from_raw_events() -> None:
    assert names(spans(START, START + DAY_MS, (), raw=True)) == ["events"]
    assert names(spans(START, START + DAY_MS, [START, START + 500, START + DAY_MS])) == ["events"]


def test_whole_days_hours_and_minutes_come_from_the_coarsest_table() -> None:
    rolled = Rolled(MIDNIGHT - timedelta(days=10), MIDNIGHT + timedelta(days=2, hours=7))
    start, end = START - 90 * MINUTE_MS + 1, START + 2 * DAY_MS + 7 * HOUR_MS + 5 * MINUTE_MS
    found = spans(start, end, (), rollups=rolled)
    assert [(span.source.value, (span.end - span.start)) for span in found] == [
        ("events", MINUTE_MS - 1),
        ("campaign_minute", HOUR_MS + 29 * MINUTE_MS),
        ("campaign_day", 2 * DAY_MS),
        ("campaign_minute", 7 * HOUR_MS + 5 * MINUTE_MS),
    ]


@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        (DAY_MS, ["campaign_day"]),
        (5 * HOUR_MS, ["campaign_hour"]),
        (5 * HOUR_MS + 30 * MINUTE_MS, ["campaign_minute"]),
    ],
)
def test_no_row_stands_for_time_on_both_sides_of_an_edge(edge: int, expected: list[str]) -> None:
    rolled = Rolled(MIDNIGHT, MIDNIGHT + timedelta(days=3))
    assert names(spans(START, START + 3 * DAY_MS, [START, START + edge], rollups=rolled)) == expected


def test_a_dirty_hour_comes_from_minutes_and_its_day_from_hours() -> None:
    hours = [START // 1000 + hour * 3600 for hour in (2 * 24 + 8, 3 * 24 + 20)]
    days = frozenset(START // 1000 + day * 86_400 for day in (2, 3))
    rolled = Rolled(MIDNIGHT, MIDNIGHT + timedelta(days=6), frozenset(hours), days)
    found = spans(START, START + 6 * DAY_MS, (), rollups=rolled)
    assert [
        (span.source.value, (span.start - START) // HOUR_MS, (span.end - START) // HOUR_MS) for span in found
    ] == [
        ("campaign_day", 0, 48),
        ("campaign_minute", 48, 57),
        ("campaign_hour", 57, 92),
        ("campaign_minute", 92, 96),
        ("campaign_day", 96, 144),
    ]


def test_a_question_of_few_campaigns_leaves_short_stretches_to_minutes() -> None:
    rolled = Rolled(MIDNIGHT, MIDNIGHT + timedelta(days=30))
    assert names(spans(START, START + DAY_MS, (), narrow=True, rollups=rolled)) == ["campaign_minute"]
    assert names(spans(START, START + DAY_MS, (), rollups=rolled)) == ["campaign_hour"]
    assert names(spans(START, START + 7 * DAY_MS, (), narrow=True, rollups=rolled)) == ["campaign_day"]
    kept = Kept(minute=START + 9 * DAY_MS)
    assert names(spans(START, START + HOUR_MS, (), narrow=True, rollups=rolled, kept=kept)) == [
        "campaign_hour"
    ]


@given(
    start=st.integers(0, 40 * DAY_MS),
    length=st.integers(1, 40 * DAY_MS),
    hours=st.frozensets(st.integers(0, 40 * 24), max_size=200),
    step=st.sampled_from([None, MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, DAY_MS]),
    since=st.integers(0, 40),
)
def test_every_row_is_whole_clean_and_within_one_bucket(
    start: int, length: int, hours: frozenset[int], step: int | None, since: int
) -> None:
    dirty = frozenset(START // 1000 + hour * 3600 for hour in hours)
    days = frozenset(hour // 86_400 * 86_400 for hour in dirty)
    rolled = Rolled(MIDNIGHT + timedelta(days=since), MIDNIGHT + timedelta(days=60), dirty, days)
    low, high = START + start, START + start + length
    edges = (
        []
        if step is None
        else [at for at in range(START, high + step, step) if low - step < at < high + step]
    )
    found = spans(low, high, edges, rollups=rolled)
    assert (found[0].start, found[-1].end) == (low, high)
    assert all(before.end == after.start for before, after in pairwise(found))
    for span in found:
        width = WIDTH_MS.get(span.source)
        if width is None:
            assert span.end - span.start < 2 * MINUTE_MS
            continue
        assert span.start % width == span.end % width == 0
        if step is not None and span.source is not Source.CAMPAIGN_MINUTE:
            assert step % width == 0
        if span.source in (Source.CAMPAIGN_HOUR, Source.CAMPAIGN_DAY):
            assert from_ms(span.start) >= MIDNIGHT + timedelta(days=since)
            assert not any(span.start <= hour * 1000 < span.end for hour in dirty)


@pytest.mark.parametrize(
    ("raw", "kept", "says"),
    [
        (
            True,
            Kept(events=START + 1),
            "events holds what this question needs only since 2026-11-01T00:00:00.001Z",
        ),
        (False, Kept(minute=START + DAY_MS), "with grain HOUR or DAY"),
    ],
)
def test_what_retention_has_dropped_is_refused_and_not_answered_with_less(
    raw: bool, kept: Kept, says: str
) -> None:
    with pytest.raises(QueryError, match=says) as error:
        spans(START, START + DAY_MS, (), raw=raw, kept=kept)
    assert error.value.code is Code.RANGE_TOO_OLD


def test_days_are_answered_for_ever_though_minutes_are_gone() -> None:
    rolled = Rolled(MIDNIGHT, MIDNIGHT + timedelta(days=3))
    kept = Kept(events=START + DAY_MS, minute=START + DAY_MS)
    assert names(spans(START, START + 3 * DAY_MS, (), rollups=rolled, kept=kept)) == ["campaign_day"]


def test_days_that_retention_has_dropped_are_refused_too() -> None:
    rolled = Rolled(MIDNIGHT, MIDNIGHT + timedelta(days=3))
    gone = START + DAY_MS
    kept = Kept(events=gone, minute=gone, hour=gone, day=gone)
    with pytest.raises(QueryError, match="nothing older is kept") as error:
        spans(START, START + 3 * DAY_MS, (), rollups=rolled, kept=kept)
    assert error.value.code is Code.RANGE_TOO_OLD
