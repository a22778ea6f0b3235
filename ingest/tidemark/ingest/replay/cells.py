"""Reads cells: text of the file in, the typed value of an event's field out."""

import datetime as dt
import decimal
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from tidemark.ingest.replay.document import MapError
from tidemark.ingest.replay.event import EARLIEST_MS, LATEST_MS
from tidemark.ingest.replay.spec import (
    ROW,
    Column,
    Condition,
    Count,
    EventName,
    Money,
    Predicate,
    Text,
    Time,
    TimeFormat,
    Unit,
)

T = TypeVar("T")
Row = Sequence[str]
Reader = Callable[[Row], T]
Index = Mapping[str, int]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EXACT = decimal.Context(prec=400, traps=[decimal.InvalidOperation])
_LONGEST_NUMBER = 60
_DIGITS_OF_A_UNIT = {Unit.CURRENCY: 6, Unit.CENTS: 4, Unit.MICROS: 0}
_REMEMBERED = 1 << 16
"""Distinct cells a reader remembers: files repeat their times and amounts, and parsing one costs 10 µs."""


class UnreadableError(ValueError):
    """A cell that is not what the map says.

    Attributes:
        path: the place in the map.
        reason: what is wrong, without the cell, so that equal reasons can be counted.
        cell: the cell's text.
    """

    def __init__(self, path: str, reason: str, cell: str = "") -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.cell = cell


def position(path: str, column: Column, index: Index) -> int:
    """Where the column stands in a row.

    Raises:
        MapError: the file has no such column.
    """
    if column.name not in index:
        has = ", ".join(name for name in index if name != ROW)
        raise MapError(f"{path}: column {column.name!r} is not in the file; it has: {has}")
    return index[column.name]


def text_reader(text: Text, index: Index, event_name: Reader[str] | None = None) -> Reader[str]:
    """Fills the template; ``event_name`` reads what ``{event}`` stands for."""
    pieces: list[Reader[str]] = []
    for part in text.parts:
        if isinstance(part, Column):
            pieces.append(_cell(position(text.path, part, index)))
        elif isinstance(part, EventName) and event_name is not None:
            pieces.append(event_name)
        else:
            pieces.append(_constant(str(part)))
    if len(pieces) == 1:
        return pieces[0]
    return lambda row: "".join([piece(row) for piece in pieces])


def count_reader(count: Count, index: Index) -> Reader[int]:
    """Reads a whole number; ``7350``, ``7350.0`` and ``7.35e3`` are the same."""
    if not isinstance(count.source, Column):
        return _constant(count.source)
    at, path = position(count.path, count.source, index), count.path

    @lru_cache(_REMEMBERED)
    def parse(cell: str) -> int:
        number = _decimal(cell, path)
        if number != number.to_integral_value():
            raise UnreadableError(path, "is no whole number", cell)
        return int(number)

    return lambda row: parse(row[at])


def money_reader(money: Money, index: Index) -> Reader[int]:
    """Reads money as micros, exactly: the decimal text is scaled and rounded once, by the map's rounding."""
    if not isinstance(money.source, Column):
        return _constant(money.source)
    at, path, rounding = position(money.path, money.source, index), money.path, money.rounding
    digits = _DIGITS_OF_A_UNIT[money.unit]

    @lru_cache(_REMEMBERED)
    def parse(cell: str) -> int:
        exact = _decimal(cell, path).scaleb(digits, _EXACT)
        whole = exact.to_integral_value(rounding or decimal.ROUND_DOWN, _EXACT)
        if rounding is None and whole != exact:
            raise UnreadableError(path, "is no whole number of micros, and the map says rounding: none", cell)
        return int(whole)

    return lambda row: parse(row[at])


def time_reader(time: Time, index: Index) -> Reader[int]:
    """Reads an instant as Unix ms, rounded down; the year must be 2000 to 2099.

    A local time that daylight saving makes ambiguous is the first of the two (PEP 495).
    """
    at, path, timezone = position(time.path, time.column, index), time.path, time.timezone
    instant = _instant_parser(time)

    @lru_cache(_REMEMBERED)
    def parse(cell: str) -> int:
        try:
            when = instant(cell.strip())
        except (ValueError, OverflowError) as error:
            if isinstance(error, UnreadableError):
                raise
            raise UnreadableError(path, f"is no time of the format {time.format}", cell) from error
        if isinstance(when, dt.datetime):
            if when.tzinfo is None:
                if timezone is None:
                    raise UnreadableError(path, "names no offset, and the map gives no timezone", cell)
                when = when.replace(tzinfo=timezone)
            when = (when - _EPOCH) // _MILLISECOND
        if not EARLIEST_MS <= when < LATEST_MS:
            raise UnreadableError(path, "lies outside the years 2000 to 2099", cell)
        return when

    return lambda row: parse(row[at])


def condition_reader(condition: Condition, index: Index) -> Reader[bool]:
    """Says whether the condition holds; an empty cell is neither above a number nor different from zero."""
    at, path = position(condition.path, condition.column, index), condition.path
    if condition.test is Predicate.EQUALS:
        wanted = frozenset(condition.values)
        return lambda row: row[at].strip() in wanted
    if condition.test is Predicate.NOT_EMPTY:
        return lambda row: bool(row[at].strip())
    if condition.test is Predicate.NOT_ZERO:
        return lambda row: bool(row[at].strip()) and _decimal(row[at], path) != 0
    limit = decimal.Decimal(condition.values[0])
    return lambda row: bool(row[at].strip()) and _decimal(row[at], path) > limit


def _instant_parser(time: Time) -> Callable[[str], dt.datetime | int]:
    if time.format is TimeFormat.RFC3339:
        return dt.datetime.fromisoformat
    if time.format is TimeFormat.UNIX_SECONDS:
        return lambda cell: _floor(_decimal(cell, time.path).scaleb(3, _EXACT))
    if time.format is TimeFormat.UNIX_MILLISECONDS:
        return lambda cell: _floor(_decimal(cell, time.path))
    pattern = str(time.format)
    return lambda cell: dt.datetime.strptime(cell, pattern)  # noqa: DTZ007 - the map's timezone follows


def _floor(number: decimal.Decimal) -> int:
    return int(number.to_integral_value(decimal.ROUND_FLOOR, _EXACT))


def _decimal(cell: str, path: str) -> decimal.Decimal:
    text = cell.strip()
    # Decimal itself would take 1_000, digits of other scripts, NaN, and exponents that fill the memory.
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise UnreadableError(path, "is no number" if text else "is empty where a number must stand", cell)
    number = decimal.Decimal(text)
    if number and number.adjusted() > _LONGEST_NUMBER:
        raise UnreadableError(path, "is too large a number", cell)
    return number


def _cell(at: int) -> Reader[str]:
    return lambda row: row[at]


def _constant(value: T) -> Reader[T]:
    return lambda _row: value
