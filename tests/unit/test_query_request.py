"""Questions: what is refused and how it is told, what is really asked, and which table answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.query.catalogue import load
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import format_instant, from_ms, parse_instant, to_ms
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.query.parse import parse_request
from tidemark.query.request import Compare, Request, TimeRange
from tidemark.query.resolve import resolve
from tidemark.settings import Settings

CATALOGUE = load(Settings().catalogue)
HOUR = TimeRange(last_seconds=3600)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1980, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def ask(**options: Any) -> Request:
    asked: dict[str, Any] = {"metrics": ["CLICKS"], "time_range": HOUR} | options
    return parse_request(CATALOGUE, **asked)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ({"metrics": []}, Code.NOTHING_ASKED, "Nothing is asked for; name at least one metric or dimension."),
        ({"metrics": ["CLIX"]}, Code.UNKNOWN_NAME, "There is no metric CLIX; there are IMPRESSIONS, CLICKS"),
        ({"dimensions": ["AGE"]}, Code.UNKNOWN_NAME, "There is no dimension AGE; there are CAMPAIGN, AD"),
        ({"grain": "YEAR"}, Code.UNKNOWN_NAME, "There is no grain YEAR; there are MINUTE, FIVE_MINUTES"),
        ({"limit": 0}, Code.BAD_LIMIT, "limit is 0; it must be from 1 to 10,000"),
        ({"limit": 10_001}, Code.TOO_MANY_ROWS, "limit is 10,001; it must be from 1 to 10,000"),
        ({"where": [("AGE", "IN", ["1"])]}, Code.UNKNOWN_NAME, "There is no dimension AGE"),
        (
            {"where": [("AD", "LIKE", ["1"])]},
            Code.UNKNOWN_NAME,
            "There is no operator LIKE; there are IN, NOT_IN, PREFIX, CONTAINS.",
        ),
        ({"where": [("AD", "IN", [])]}, Code.BAD_CONDITION, "The condition on AD has no values; give one"),
        (
            {"where": [("AD", "IN", ["\ud800"])]},
            Code.BAD_CONDITION,
            "holds half a surrogate pair; it is no text",
        ),
        (
            {"where": [("AD", "IN", ["1"] * 1001)]},
            Code.TOO_MANY_VALUES,
            "has 1,001 values, at most 1,000 may be; use PREFIX",
        ),
        (
            {"where": [("AD", "IN", ["é" * 9000])]},
            Code.VALUE_TOO_LONG,
            "has 18,000 bytes, at most 16,384 may be; no stored value",
        ),
        (
            {"where": [("AD", "IN", ["1"])] * 51},
            Code.TOO_MANY_CONDITIONS,
            "where has 51 entries, at most 50 may be; leave 1 out.",
        ),
        (
            {"time_range": TimeRange()},
            Code.BAD_RANGE,
            "range is not complete; give from and to, or lastSeconds.",
        ),
        (
            {"timezone": "Europe/Nowhere"},
            Code.UNKNOWN_TIMEZONE,
            "There is no time zone Europe/Nowhere; write an IANA",
        ),
        ({"timezone": "/etc/passwd"}, Code.UNKNOWN_TIMEZONE, "There is no time zone /etc/passwd"),
        ({"compare": "YEAR"}, Code.UNKNOWN_NAME, "There is no comparison YEAR; there are PREVIOUS_PERIOD"),
        ({"top": (5, "CLICKS", True)}, Code.BAD_TOP, "top is of the first dimension, and there is none"),
        ({"dimensions": ["AD"], "top": (0, "CLICKS", True)}, Code.BAD_TOP, "top.n is 0; it must be from 1"),
        ({"dimensions": ["AD"], "top": (5, "CLIX", True)}, Code.UNKNOWN_NAME, "There is no metric CLIX"),
        ({"having": [("CLICKS", None, None)]}, Code.BAD_HAVING, "having on CLICKS has neither min nor max"),
        ({"having": [("CLICKS", 2.0, 1.0)]}, Code.BAD_HAVING, "has min 2 above max 1"),
        ({"having": [("CLICKS", float("nan"), None)]}, Code.BAD_HAVING, "no finite number"),
        ({"order_by": [(None, None, False, "ASC")]}, Code.BAD_ORDER, "must name one thing"),
        ({"order_by": [("CLICKS", None, True, "ASC")]}, Code.BAD_ORDER, "must name one thing"),
        ({"order_by": [(None, None, True, "ASC")]}, Code.BAD_ORDER, "orderBy bucket needs a grain"),
        (
            {"order_by": [(None, "AD", False, "ASC")]},
            Code.BAD_ORDER,
            "orderBy names AD, which dimensions does not",
        ),
        ({"order_by": [("CLICKS", None, False, "UP")]}, Code.UNKNOWN_NAME, "There is no direction UP"),
        (
            {"metrics": list(CATALOGUE.metrics), "limit": 10_000, "compare": "PREVIOUS_DAY"},
            Code.TOO_MANY_CELLS,
            "10,000 rows of 43 columns are 430,000 cells, at most 250,000 may be; use limit 5,813",
        ),
        ({"time_range": TimeRange(start=NOON)}, Code.BAD_RANGE, "range is not complete"),
        ({"time_range": TimeRange(end=NOON)}, Code.BAD_RANGE, "range is not complete"),
        (
            {"time_range": TimeRange(NOON, None, 60)},
            Code.BAD_RANGE,
            "range has lastSeconds beside from or to",
        ),
        (
            {"time_range": TimeRange(last_seconds=0)},
            Code.BAD_RANGE,
            "range.lastSeconds is 0 but must be at least 1.",
        ),
        (
            {"time_range": TimeRange(NOON, NOON)},
            Code.BAD_RANGE,
            "range.from, 2026-11-23T12:00:00Z, is not before range.to, 2026-11-23T12:00:00Z;",
        ),
    ],
)
def test_a_question_is_refused_with_a_code_and_a_sentence(
    options: dict[str, Any], code: Code, says: str
) -> None:
    with pytest.raises(QueryError) as error:
        ask(**options)
    assert error.value.code is code
    assert says in str(error.value)


def test_what_is_named_twice_is_asked_once() -> None:
    asked = ask(metrics=["CTR", "CLICKS", "CTR"], dimensions=["AD", "AD"], where=[("AD", "IN", ["x", "x"])])
    assert [metric.name for metric in asked.metrics] == ["CTR", "CLICKS"]
    assert [dimension.name for dimension in asked.dimensions] == ["AD"]
    assert asked.where[0].values == ("x",)


def test_the_last_seconds_are_widened_to_whole_minutes() -> None:
    now = datetime(2026, 11, 23, 12, 0, 17, 123_456, tzinfo=UTC)
    resolved = resolve(ask(), now)
    assert (resolved.start, resolved.end) == (NOON - timedelta(hours=1), NOON + timedelta(minutes=1))
    resolved = resolve(ask(time_range=TimeRange(last_seconds=18)), now)
    assert (resolved.start, resolved.end) == (NOON - timedelta(minutes=1), NOON + timedelta(minutes=1))


@given(
    now=st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    seconds=st.integers(1, 10**7),
)
def test_the_last_seconds_hold_what_was_asked_and_less_than_two_minutes_more(
    now: datetime, seconds: int
) -> None:
    resolved = resolve(ask(time_range=TimeRange(last_seconds=seconds)), now)
    assert resolved.start <= now - timedelta(seconds=seconds)
    assert now < resolved.end
    assert resolved.end - resolved.start <= timedelta(seconds=seconds + 120)
    assert resolved.start_ms % 60_000 == resolved.end_ms % 60_000 == 0


def test_edges_are_kept_to_the_millisecond_rounded_up() -> None:
    start = NOON + timedelta(microseconds=1)
    resolved = resolve(ask(time_range=TimeRange(start, NOON + timedelta(milliseconds=5))), NOON)
    assert (to_ms(resolved.start) - to_ms(NOON), to_ms(resolved.end) - to_ms(NOON)) == (1, 5)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-11-23T12:00:00Z", 0),
        ("2026-11-23t13:00:00.5+01:00", 500),
        ("2026-11-23 17:45:00+05:45", 0),
        ("2026-11-23T12:00:00.123456789z", 124),
        ("2026-11-23T11:59:59.999999999999Z", 0),
    ],
)
def test_an_instant_is_read_to_the_millisecond_it_belongs_to(text: str, milliseconds: int) -> None:
    assert to_ms(parse_instant(text)) - to_ms(NOON) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-23",
        "2026-11-23T12:00:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-11-23T12:00:60Z",
        "٢026-11-23T12:00:00Z",
    ],
)
def test_what_is_no_instant_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is no instant with an offset; write one like 2026-11-23T12:00:00Z"):
        parse_instant(text)


def test_an_instant_is_written_in_utc() -> None:
    assert format_instant(NOON.astimezone(timezone(timedelta(hours=-5)))) == "2026-11-23T12:00:00Z"
    assert format_instant(NOON + timedelta(milliseconds=7)) == "2026-11-23T12:00:00.007Z"


@given(INSTANTS)
def test_milliseconds_round_up_and_come_back(instant: datetime) -> None:
    assert timedelta() <= from_ms(to_ms(instant)) - instant < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (
            {"time_range": TimeRange(last_seconds=10**9)},
            Code.RANGE_TOO_LONG,
            "The range is 11,575 days long, at most 1,830 days may be; begin it 9,745 days later.",
        ),
        (
            {"time_range": TimeRange(from_ms(0), from_ms(3600_000))},
            Code.RANGE_TOO_OLD,
            "The range begins at 1970-01-01T00:00:00Z, before 1996-10-31",
        ),
        (
            {"time_range": TimeRange(NOON, datetime(2100, 1, 1, 1, tzinfo=UTC))},
            Code.RANGE_TOO_LONG,
            "days later.",
        ),
        (
            {"time_range": TimeRange(datetime(2099, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC))},
            Code.BAD_RANGE,
            "no event can lie after 2100-01-01T00:00:00Z.",
        ),
        (
            {"time_range": TimeRange(last_seconds=9 * 86_400), "grain": "MINUTE"},
            Code.TOO_MANY_ROWS,
            "at most 10,000 rows may be; use grain FIVE_MINUTES, or 3 days less.",
        ),
    ],
)
def test_a_range_beyond_a_limit_is_refused_with_what_would_be_taken(
    options: dict[str, Any], code: Code, says: str
) -> None:
    with pytest.raises(QueryError) as error:
        resolve(ask(**options), NOON)
    assert error.value.code is code
    assert says in str(error.value)
    assert error.value.details["suggestion"]


def test_a_comparison_must_not_reach_back_too_far_either() -> None:
    start = NOON - timedelta(seconds=DEFAULT_LIMITS.age_seconds)
    asked = ask(time_range=TimeRange(start, start + timedelta(days=1)))
    assert resolve(asked, NOON).start == start
    with pytest.raises(QueryError) as error:
        resolve(replace(asked, compare=Compare.PREVIOUS_WEEK), NOON)
    assert error.value.code is Code.RANGE_TOO_OLD
