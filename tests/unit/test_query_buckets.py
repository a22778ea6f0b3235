"""Buckets in time zones, and what they are compared with."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.query.buckets import buckets
from tidemark.query.grain import NOMINAL_MS, STEP_MS, Grain
from tidemark.query.instant import from_ms, to_ms
from tidemark.query.previous import previous
from tidemark.query.request import Compare
from tidemark.query.wallclock import instant, midnight, reading

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe",
    "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca",
    "Asia/Gaza",
]  # fmt: skip


def at(text: str, zone: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def shown(instants: tuple[int, ...], zone: str) -> list[str]:
    readings = [reading(one, ZoneInfo(zone)) for one in instants]
    return [f"{one:%d %H:%M}" + "*" * one.fold for one in readings]


@pytest.mark.parametrize(
    ("zone", "start", "end", "grain", "edges"),
    [
        ("Europe/Berlin", "2026-03-29 00:30", "2026-03-29 04:00", "HOUR",
         "29 00:00, 29 01:00, 29 03:00, 29 04:00"),
        ("Europe/Berlin", "2026-10-25 01:00", "2026-10-25 04:00", "HOUR",
         "25 01:00, 25 02:00, 25 02:00*, 25 03:00, 25 04:00"),
        ("America/New_York", "2026-03-08 01:00", "2026-03-08 04:00", "HOUR",
         "08 01:00, 08 03:00, 08 04:00"),
        ("Asia/Kathmandu", "2026-03-08 01:20", "2026-03-08 02:10", "HOUR",
         "08 01:00, 08 02:00, 08 03:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:00", "2026-04-05 03:00", "HOUR",
         "05 01:00, 05 02:00, 05 03:00"),
        ("Australia/Lord_Howe", "2026-10-04 01:00", "2026-10-04 04:00", "HOUR",
         "04 01:00, 04 02:30, 04 03:00, 04 04:00"),
        ("America/Sao_Paulo", "2018-11-03 05:00", "2018-11-05 05:00", "DAY",
         "03 00:00, 04 01:00, 05 00:00, 06 00:00"),
        ("America/Havana", "2018-11-04 05:00", "2018-11-05 05:00", "DAY",
         "04 00:00, 05 00:00, 06 00:00"),
        ("Pacific/Apia", "2011-12-29 05:00", "2011-12-31 05:00", "DAY",
         "29 00:00, 31 00:00, 01 00:00"),
        ("Europe/Berlin", "2026-11-24 12:00", "2026-11-24 13:00", "WEEK",
         "23 00:00, 30 00:00"),
        ("Europe/Berlin", "2026-02-24 12:00", "2026-03-01 00:01", "MONTH",
         "01 00:00, 01 00:00, 01 00:00"),
    ],
)  # fmt: skip
def test_edges_follow_the_wall_clock(zone: str, start: str, end: str, grain: str, edges: str) -> None:
    found = buckets(at(start, zone), at(end, zone), Grain(grain), ZoneInfo(zone))
    assert ", ".join(shown(found.edges, zone)) == edges


@given(
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2000, 1, 3), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    count=st.integers(1, 60),
    grain=st.sampled_from(Grain),
)
def test_buckets_cover_the_range_in_order(zone: str, start: datetime, count: int, grain: Grain) -> None:
    low, high = to_ms(start), to_ms(start) + count * NOMINAL_MS[grain]
    found = buckets(low, high, grain, ZoneInfo(zone))
    assert all(a < b for a, b in pairwise(found.edges))
    assert found.edges[0] <= low < found.edges[1]
    assert found.edges[-2] < high <= found.edges[-1]
    # asked for another range that overlaps this one, the edges within are the same
    other = buckets(low + (high - low) // 3, high + 1, grain, ZoneInfo(zone))
    inner = [edge for edge in found.edges if other.edges[0] <= edge <= high]
    assert inner == [edge for edge in other.edges if edge <= high]


@given(
    zone=st.sampled_from(ZONES),
    when=st.datetimes(datetime(2000, 1, 3), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_what_the_wall_clock_shows_is_when_it_shows_it(zone: str, when: datetime) -> None:
    now = to_ms(when)
    assert instant(reading(now, ZoneInfo(zone)), ZoneInfo(zone)) == now
    day = reading(now, ZoneInfo(zone)).date()
    first = midnight(day, ZoneInfo(zone))
    assert first <= now
    assert reading(first, ZoneInfo(zone)).date() == day
    assert reading(first - 1, ZoneInfo(zone)).date() < day


def stretches(zone: str, start: str, end: str, grain: str, compare: str) -> list[str]:
    low, high, clock = at(start, zone), at(end, zone), ZoneInfo(zone)
    current = buckets(low, high, Grain(grain), clock)
    found = previous(low, high, Compare(compare), Grain(grain), clock, current)
    return [" - ".join(shown(stretch, zone)) if stretch else "none" for stretch in found.stretches]


def test_a_repeated_hour_is_compared_once_and_a_skipped_one_never() -> None:
    assert stretches("Europe/Berlin", "2026-10-25 01:00", "2026-10-25 04:00", "HOUR", "PREVIOUS_DAY") == [
        "24 01:00 - 24 02:00", "24 02:00 - 24 03:00", "none", "24 03:00 - 24 04:00",
    ]  # fmt: skip
    assert stretches("Europe/Berlin", "2026-10-26 01:00", "2026-10-26 04:00", "HOUR", "PREVIOUS_DAY") == [
        "25 01:00 - 25 02:00", "25 02:00 - 25 02:00*", "25 03:00 - 25 04:00",
    ]  # fmt: skip
    assert stretches("Europe/Berlin", "2026-03-30 01:00", "2026-03-30 04:00", "HOUR", "PREVIOUS_DAY") == [
        "29 01:00 - 29 03:00", "none", "29 03:00 - 29 04:00",
    ]  # fmt: skip


def test_days_of_another_length_are_compared_whole() -> None:
    assert stretches("America/New_York", "2026-11-08 00:00", "2026-11-09 00:00", "DAY", "PREVIOUS_WEEK") == [
        "01 00:00 - 02 00:00"
    ]
    low, high = at("2026-11-08 00:00", "America/New_York"), at("2026-11-09 00:00", "America/New_York")
    found = previous(low, high, Compare.PREVIOUS_WEEK, None, ZoneInfo("America/New_York"), None)
    assert found.end - found.start == 25 * 3_600_000


@pytest.mark.parametrize(
    ("start", "end", "grain", "since", "until"),
    [
        ("2026-03-01 00:00", "2026-04-01 00:00", "MONTH", "2026-02-01 00:00", "2026-03-01 00:00"),
        ("2026-03-01 00:00", "2026-04-01 00:00", "DAY", "2026-01-29 00:00", "2026-03-01 00:00"),
        ("2026-03-28 09:00", "2026-03-30 09:00", "HOUR", "2026-03-26 09:00", "2026-03-28 09:00"),
        ("2026-03-29 00:00", "2026-03-29 06:00", "HOUR", "2026-03-28 19:00", "2026-03-29 00:00"),
    ],
)
def test_the_previous_period_is_as_long_on_the_calendar(
    start: str, end: str, grain: str, since: str, until: str
) -> None:
    zone = "Europe/Berlin"
    low, high = at(start, zone), at(end, zone)
    current = buckets(low, high, Grain(grain), ZoneInfo(zone))
    found = previous(low, high, Compare.PREVIOUS_PERIOD, Grain(grain), ZoneInfo(zone), current)
    assert (found.start, found.end) == (at(since, zone), at(until, zone))


@given(
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2000, 1, 13), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    count=st.integers(1, 60),
    grain=st.sampled_from(Grain),
    compare=st.sampled_from(Compare),
)
def test_no_instant_is_compared_with_twice(
    zone: str, start: datetime, count: int, grain: Grain, compare: Compare
) -> None:
    clock = ZoneInfo(zone)
    low, high = to_ms(start), to_ms(start) + count * NOMINAL_MS[grain]
    current = buckets(low, high, grain, clock)
    found = previous(low, high, compare, grain, clock, current)
    assert len(found.stretches) == len(current)
    assert found.start < low
    known = [stretch for stretch in found.stretches if stretch]
    assert all(a < b for a, b in known)
    assert all(before[1] <= after[0] for before, after in pairwise(known))
    if grain in STEP_MS and compare is not Compare.PREVIOUS_PERIOD:
        days = timedelta(days=1 if compare is Compare.PREVIOUS_DAY else 7)
        for edge, stretch in zip(current.starts, found.stretches, strict=True):
            if stretch:
                assert reading(edge, clock) - reading(stretch[0], clock) == days, (from_ms(edge), stretch)
