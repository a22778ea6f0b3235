import datetime as dt
import decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.ingest.replay.cells import (
    Reader,
    UnreadableError,
    condition_reader,
    count_reader,
    money_reader,
    time_reader,
)
from tidemark.ingest.replay.spec import Column, Condition, Count, Money, Predicate, Time, TimeFormat, Unit

INDEX = {"x": 0}
X = Column("x")


def money(unit: Unit = Unit.CURRENCY, rounding: str | None = decimal.ROUND_HALF_EVEN) -> Reader[int]:
    return money_reader(Money("cost_micros", X, unit, rounding), INDEX)


def time(format_: TimeFormat | str, timezone: str | None = None) -> Reader[int]:
    return time_reader(Time("event_time", X, format_, ZoneInfo(timezone) if timezone else None), INDEX)


def reason(reader: Reader[int] | Reader[bool], cell: str) -> str:
    with pytest.raises(UnreadableError) as caught:
        reader([cell])
    assert caught.value.cell == cell
    return caught.value.reason


@given(st.integers(-(10**13), 10**13), st.integers(0, 12))
def test_money_is_the_exact_decimal_rounded_once_with_ties_to_even(digits: int, places: int) -> None:
    text = f"{decimal.Decimal(digits).scaleb(-places):f}"
    assert money()([text]) == round(Fraction(digits, 10**places) * 1_000_000)


@pytest.mark.parametrize(
    ("cell", "micros"),
    [("0.0000005", 0), ("0.0000015", 2), ("0.00000250000000000000001", 3), ("-0.0000005", 0), ("1e-6", 1)],
)
def test_ties_go_to_the_even_neighbour_and_only_ties(cell: str, micros: int) -> None:
    assert money()([cell]) == micros


def test_cents_and_micros_are_scaled_by_their_unit() -> None:
    assert money(Unit.CENTS)(["1259"]) == 12_590_000
    assert money(Unit.MICROS)(["1259"]) == 1259


def test_without_rounding_a_part_of_a_micro_is_refused() -> None:
    assert money(rounding=None)(["1.429999"]) == 1_429_999
    assert "no whole number of micros" in reason(money(rounding=None), "1.4299999")


@pytest.mark.parametrize("cell", ["", "abc", "1_000", "NaN", "inf", "1,5", "٣", "0x10", "1" * 61, "1e1000"])
def test_what_is_no_plain_number_is_refused(cell: str) -> None:
    assert reason(money(), cell) in {"is no number", "is empty where a number must stand"}


def test_an_exponent_does_not_fill_the_memory() -> None:
    assert reason(money(), "1e999") == "is too large a number"


@pytest.mark.parametrize(
    ("cell", "number"), [("7350", 7350), ("7350.0", 7350), ("7.35e3", 7350), (" -2 ", -2)]
)
def test_a_count_is_a_whole_number_however_it_is_written(cell: str, number: int) -> None:
    assert count_reader(Count("quantity", X), INDEX)([cell]) == number


def test_a_count_with_a_fraction_is_refused() -> None:
    assert reason(count_reader(Count("quantity", X), INDEX), "7.5") == "is no whole number"


@pytest.mark.parametrize(
    ("format_", "timezone", "cell", "expected"),
    [
        ("%d-%m-%Y", "UTC", "31-08-2023", "2023-08-31T00:00:00+00:00"),
        ("%Y-%m-%d %H:%M", "Europe/Berlin", "2023-07-01 09:30", "2023-07-01T07:30:00+00:00"),
        ("%Y-%m-%d %H:%M %z", None, "2023-07-01 09:30 -0500", "2023-07-01T14:30:00+00:00"),
        (TimeFormat.RFC3339, None, "2023-07-01T09:30:00.1239Z", "2023-07-01T09:30:00.123+00:00"),
        (TimeFormat.RFC3339, "UTC", "2023-07-01 09:30:00", "2023-07-01T09:30:00+00:00"),
        (TimeFormat.UNIX_SECONDS, None, "1688203800.9999", "2023-07-01T09:30:00.999+00:00"),
        (TimeFormat.UNIX_MILLISECONDS, None, "1688203800123", "2023-07-01T09:30:00.123+00:00"),
        # An hour that the end of daylight saving repeats is the first of the two.
        ("%Y-%m-%d %H:%M", "Europe/Berlin", "2023-10-29 02:30", "2023-10-29T00:30:00+00:00"),
    ],
)
def test_a_time_is_read_by_its_format_and_timezone(
    format_: TimeFormat | str, timezone: str | None, cell: str, expected: str
) -> None:
    milliseconds = round(dt.datetime.fromisoformat(expected).timestamp() * 1000)
    assert time(format_, timezone)([cell]) == milliseconds


@pytest.mark.parametrize(
    ("format_", "cell", "message"),
    [
        (TimeFormat.RFC3339, "2023-07-01T09:30:00", "names no offset, and the map gives no timezone"),
        (TimeFormat.RFC3339, "soon", "is no time of the format rfc3339"),
        (TimeFormat.UNIX_SECONDS, "soon", "is no number"),
        (TimeFormat.UNIX_SECONDS, "1688203800123", "lies outside the years 2000 to 2099"),
        (TimeFormat.UNIX_MILLISECONDS, "0", "lies outside the years 2000 to 2099"),
    ],
)
def test_what_is_no_time_is_refused(format_: TimeFormat, cell: str, message: str) -> None:
    assert reason(time(format_), cell) == message


@pytest.mark.parametrize(
    ("predicate", "values", "holding", "failing"),
    [
        (Predicate.EQUALS, ("1", "yes"), ["1", " yes "], ["", "2", "Yes"]),
        (Predicate.NOT_EMPTY, (), ["0", "x"], ["", "  "]),
        (Predicate.NOT_ZERO, (), ["1", "-0.5"], ["0", "0.00", "", " "]),
        (Predicate.GREATER_THAN, ("2",), ["2.1", "1e3"], ["2", "-5", ""]),
    ],
)
def test_a_condition_holds_or_not(
    predicate: Predicate, values: tuple[str, ...], holding: list[str], failing: list[str]
) -> None:
    holds = condition_reader(Condition("when", X, predicate, values), INDEX)
    assert [cell for cell in holding + failing if holds([cell])] == holding


def test_a_condition_on_a_number_refuses_what_is_none() -> None:
    assert reason(condition_reader(Condition("when", X, Predicate.NOT_ZERO), INDEX), "many") == "is no number"
