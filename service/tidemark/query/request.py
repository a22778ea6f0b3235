"""A question, parsed: names looked up in the catalogue, whatever can be refused without a clock refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from tidemark.query.catalogue import Catalogue, Dimension, Metric
from tidemark.query.errors import Code, QueryError
from tidemark.query.grain import Grain
from tidemark.query.instant import format_instant
from tidemark.query.limits import DEFAULT_LIMITS, Limits

DEFAULT_LIMIT = 1_000


class Operator(StrEnum):
    """How a condition compares."""

    IN = "IN"
    NOT_IN = "NOT_IN"


@dataclass(frozen=True, slots=True)
class Condition:
    """Only events whose ``dimension`` is one of ``values``, or none of them."""

    dimension: Dimension
    operator: Operator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimeRange:
    """``start <= event_time < end`` (aware), or the last so many seconds; exactly one of the two forms."""

    start: datetime | None = None
    end: datetime | None = None
    last_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    ``grain`` None is one bucket for the whole range. No metric and no dimension stands there twice.
    """

    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...]
    where: tuple[Condition, ...]
    range: TimeRange
    grain: Grain | None
    limit: int


def parse_request(
    catalogue: Catalogue,
    *,
    metrics: Sequence[str],
    time_range: TimeRange,
    dimensions: Sequence[str] = (),
    where: Sequence[tuple[str, str, Sequence[str]]] = (),
    grain: str | None = None,
    limit: int = DEFAULT_LIMIT,
    limits: Limits = DEFAULT_LIMITS,
) -> Request:
    """Look up the names and check everything that needs no clock. ``where`` is (dimension, operator, values).

    Raises:
        QueryError: the question cannot be asked; the message says why and what to do.
    """
    if not metrics and not dimensions:
        raise QueryError(Code.NOTHING_ASKED, "Nothing is asked for; name at least one metric or dimension.")
    if not 1 <= limit <= limits.rows:
        raise QueryError(
            Code.BAD_LIMIT,
            f"limit is {limit:,}; it must be from 1 to {limits.rows:,}"
            + ("; ask for fewer rows or a coarser grain." if limit > limits.rows else "."),
            limit=limits.rows,
            requested=limit,
        )
    if len(where) > limits.conditions:
        raise QueryError(
            Code.LIMIT_EXCEEDED,
            f"where has {len(where):,} conditions, at most {limits.conditions:,} may be.",
            limit=limits.conditions,
            requested=len(where),
        )
    _check_range(time_range)
    return Request(
        metrics=_look_up("metric", metrics, catalogue.metrics),
        dimensions=_look_up("dimension", dimensions, catalogue.dimensions),
        where=tuple(_condition(catalogue, *condition, limits=limits) for condition in where),
        range=time_range,
        grain=None if grain is None else _member("grain", grain, Grain),
        limit=limit,
    )


_Found = TypeVar("_Found")
_Enum = TypeVar("_Enum", bound=StrEnum)


def _look_up(what: str, names: Iterable[str], known: Mapping[str, _Found]) -> tuple[_Found, ...]:
    unique = tuple(dict.fromkeys(names))
    for name in unique:
        if name not in known:
            raise QueryError(
                Code.UNKNOWN_NAME, f"There is no {what} {name[:100]}; there are {', '.join(known)}."
            )
    return tuple(known[name] for name in unique)


def _member(what: str, name: str, known: type[_Enum]) -> _Enum:
    if name not in known.__members__:
        raise QueryError(Code.UNKNOWN_NAME, f"There is no {what} {name[:100]}; there are {', '.join(known)}.")
    return known[name]


def _check_range(time_range: TimeRange) -> None:
    start, end, last = time_range.start, time_range.end, time_range.last_seconds
    if last is not None and (start is not None or end is not None):
        raise QueryError(
            Code.BAD_RANGE, "range has lastSeconds beside from or to; give lastSeconds alone, or from and to."
        )
    if last is not None:
        if last < 1:
            raise QueryError(
                Code.BAD_RANGE, f"range.lastSeconds is {last} but must be at least 1.", requested=last
            )
        return
    if start is None or end is None:
        raise QueryError(Code.BAD_RANGE, "range is not complete; give from and to, or lastSeconds.")
    if start >= end:
        raise QueryError(
            Code.BAD_RANGE,
            f"range.from, {format_instant(start)}, is not before range.to, {format_instant(end)}; "
            "to itself is not part of the range.",
        )


def _condition(
    catalogue: Catalogue, dimension: str, operator: str, values: Sequence[str], *, limits: Limits
) -> Condition:
    (found,) = _look_up("dimension", [dimension], catalogue.dimensions)
    if not values:
        raise QueryError(
            Code.BAD_CONDITION,
            f"The condition on {dimension} has no values; give one, or leave the condition out.",
        )
    if len(values) > limits.values:
        raise QueryError(
            Code.LIMIT_EXCEEDED,
            f"The condition on {dimension} has {len(values):,} values, at most {limits.values:,} may be.",
            limit=limits.values,
            requested=len(values),
        )
    for value in values:
        _check_value(dimension, value, limits)
    return Condition(found, _member("operator", operator, Operator), tuple(dict.fromkeys(values)))


def _check_value(dimension: str, value: str, limits: Limits) -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise QueryError(
            Code.BAD_CONDITION,
            f"A value of the condition on {dimension} holds half a surrogate pair; it is no text.",
        ) from None
    if size > limits.value_bytes:
        raise QueryError(
            Code.LIMIT_EXCEEDED,
            f"A value of the condition on {dimension} has {size:,} bytes, at most {limits.value_bytes:,} "
            "may be.",
            limit=limits.value_bytes,
            requested=size,
        )
