"""From what a door was given to a `Request`; everything that needs no clock is checked here."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from zoneinfo import available_timezones

from tidemark.query.catalogue import Catalogue, Dimension
from tidemark.query.errors import Code, QueryError
from tidemark.query.grain import Grain
from tidemark.query.instant import format_instant
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.request import (
    DEFAULT_LIMIT,
    Compare,
    Condition,
    Direction,
    Having,
    Operator,
    OrderBy,
    Request,
    TimeRange,
    Top,
)
from tidemark.query.suggestion import (
    HavingAsked,
    OrderAsked,
    Part,
    TopAsked,
    WhereAsked,
    fewer_dimensions,
    fitting_where,
    nearest_top,
    sensible_having,
    sensible_order,
)

_ZONES = frozenset(available_timezones())


def parse_request(
    catalogue: Catalogue,
    *,
    metrics: Sequence[str],
    time_range: TimeRange,
    dimensions: Sequence[str] = (),
    where: Sequence[WhereAsked] = (),
    grain: str | None = None,
    timezone: str = "UTC",
    compare: str | None = None,
    top: TopAsked | None = None,
    having: Sequence[HavingAsked] = (),
    order_by: Sequence[OrderAsked] = (),
    limit: int = DEFAULT_LIMIT,
    limits: Limits = DEFAULT_LIMITS,
) -> Request:
    """Look up the names and check everything that needs no clock.

    Args:
        catalogue: Where the names are looked up.
        metrics: Names of metrics; one that stands there twice counts once.
        time_range: The range.
        dimensions: Names of dimensions, likewise.
        where: (dimension, operator, values).
        grain: A grain's name, or None.
        timezone: An IANA name.
        compare: A comparison's name, or None.
        top: (n, metric, whether the rest is a row), or None.
        having: (metric, least, greatest), inclusive.
        order_by: (metric or None, dimension or None, whether by bucket, direction); exactly one of the three.
        limit: The most rows.
        limits: What one question may cost.

    Raises:
        QueryError: the question cannot be asked; the message says why and what to do.
    """
    if not metrics and not dimensions:
        raise QueryError(
            Code.NOTHING_ASKED,
            "Nothing is asked for; name at least one metric or dimension.",
            suggestion={"metrics": [next(iter(catalogue.metrics))]},
        )
    asked_metrics = _look_up("metric", metrics, catalogue.metrics)
    asked_dimensions = _look_up("dimension", dimensions, catalogue.dimensions)
    with _suggesting(lambda: {"metrics": [one.name for one in asked_metrics[: limits.metrics]]}):
        _at_most(Code.TOO_MANY_METRICS, "metrics", len(asked_metrics), limits.metrics)
    with _suggesting(lambda: fewer_dimensions(dimensions, order_by, limits)):
        _at_most(Code.TOO_MANY_DIMENSIONS, "dimensions", len(asked_dimensions), limits.dimensions)
    _check_range(time_range)
    if timezone not in _ZONES:
        raise QueryError(
            Code.UNKNOWN_TIMEZONE,
            f"There is no time zone {timezone[:100]}; write an IANA name such as Europe/Berlin or UTC.",
            suggestion={"timezone": "UTC"},
        )
    asked_grain = None if grain is None else _member("grain", grain, Grain)
    with _suggesting(lambda: fitting_where(where, limits)):
        _at_most(Code.TOO_MANY_CONDITIONS, "where", len(where), limits.conditions)
        conditions = tuple(parse_condition(catalogue, *condition, limits=limits) for condition in where)
    with _suggesting(lambda: sensible_having(having, limits)):
        _at_most(Code.TOO_MANY_CONDITIONS, "having", len(having), limits.conditions)
        bounds = tuple(_having(catalogue, one) for one in having)
    with _suggesting(lambda: sensible_order(order_by, dimensions, has_buckets=bool(grain), limits=limits)):
        _at_most(Code.TOO_MANY_CONDITIONS, "orderBy", len(order_by), limits.conditions)
        keys = tuple(_order(catalogue, one, asked_dimensions, asked_grain) for one in order_by)
    request = Request(
        metrics=asked_metrics,
        dimensions=asked_dimensions,
        where=conditions,
        range=time_range,
        grain=asked_grain,
        limit=limit,
        timezone=timezone,
        compare=None if compare is None else _member("comparison", compare, Compare),
        top=None if top is None else _top(catalogue, top, asked_dimensions, limits),
        having=bounds,
        order_by=keys,
    )
    _check_limit(request, limits)
    return request


_Found = TypeVar("_Found")
_Enum = TypeVar("_Enum", bound=StrEnum)


@contextmanager
def _suggesting(part: Callable[[], Part]) -> Iterator[None]:
    """Refusals of what is parsed within suggest this part; what an unknown name meant nobody knows."""
    try:
        yield
    except QueryError as error:
        if error.code is not Code.UNKNOWN_NAME:
            error.details["suggestion"] = part()
        raise


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


def _at_most(code: Code, what: str, count: int, limit: int) -> None:
    if count > limit:
        raise QueryError(
            code,
            f"{what} has {count:,} entries, at most {limit:,} may be; leave {count - limit:,} out.",
            limit=limit,
            requested=count,
        )


def column_count(request: Request) -> int:
    """How many columns the answer has."""
    metrics = len(request.metrics)
    rates = sum(metric.is_rate for metric in request.metrics)
    return (
        (request.grain is not None)
        + request.has_remainder
        + len(request.dimensions)
        + metrics * (3 if request.compare else 1)
        + 2 * rates
    )


def _check_limit(request: Request, limits: Limits) -> None:
    limit, columns = request.limit, column_count(request)
    fitting = min(limits.rows, limits.cells // columns)
    if limit < 1:
        raise QueryError(
            Code.BAD_LIMIT,
            f"limit is {limit:,}; it must be from 1 to {limits.rows:,}.",
            limit=limits.rows,
            requested=limit,
            suggestion={"limit": 1},
        )
    if limit > limits.rows:
        raise QueryError(
            Code.TOO_MANY_ROWS,
            f"limit is {limit:,}; it must be from 1 to {limits.rows:,}; ask for fewer rows or a "
            "coarser grain.",
            limit=limits.rows,
            requested=limit,
            suggestion={"limit": fitting},
        )
    if limit > fitting:
        raise QueryError(
            Code.TOO_MANY_CELLS,
            f"{limit:,} rows of {columns} columns are {limit * columns:,} cells, at most "
            f"{limits.cells:,} may be; use limit {fitting:,}, or fewer metrics.",
            limit=limits.cells,
            requested=limit * columns,
            suggestion={"limit": fitting},
        )


def _check_range(time_range: TimeRange) -> None:
    start, end, last = time_range.start, time_range.end, time_range.last_seconds
    if last is not None and (start is not None or end is not None):
        raise QueryError(
            Code.BAD_RANGE,
            "range has lastSeconds beside from or to; give lastSeconds alone, or from and to.",
            suggestion={"range": {"lastSeconds": max(last, 1)}},
        )
    if last is not None:
        if last < 1:
            raise QueryError(
                Code.BAD_RANGE,
                f"range.lastSeconds is {last} but must be at least 1.",
                requested=last,
                suggestion={"range": {"lastSeconds": 3600}},
            )
        return
    if start is None or end is None:
        raise QueryError(
            Code.BAD_RANGE,
            "range is not complete; give from and to, or lastSeconds.",
            suggestion={"range": {"lastSeconds": 3600}},
        )
    if start >= end:
        raise QueryError(
            Code.BAD_RANGE,
            f"range.from, {format_instant(start)}, is not before range.to, {format_instant(end)}; "
            "to itself is not part of the range.",
            suggestion={"range": {"lastSeconds": 3600} if start == end else _turned(start, end)},
        )


def _turned(start: datetime, end: datetime) -> Part:
    """The range between them, the other way round."""
    return {"from": format_instant(end), "to": format_instant(start)}


def parse_condition(
    catalogue: Catalogue, dimension: str, operator: str, values: Sequence[str], *, limits: Limits
) -> Condition:
    """One condition.

    Raises:
        QueryError: a name is unknown, or there are no values, too many, or one that is too long.
    """
    (found,) = _look_up("dimension", [dimension], catalogue.dimensions)
    if not values:
        raise QueryError(
            Code.BAD_CONDITION,
            f"The condition on {dimension} has no values; give one, or leave the condition out.",
        )
    if len(values) > limits.values:
        raise QueryError(
            Code.TOO_MANY_VALUES,
            f"The condition on {dimension} has {len(values):,} values, at most {limits.values:,} may be; "
            "use PREFIX or CONTAINS, or ask in several questions.",
            limit=limits.values,
            requested=len(values),
        )
    for value in values:
        _check_value(dimension, value, limits)
    return Condition(found, _member("operator", operator, Operator), tuple(sorted(set(values))))


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
            Code.VALUE_TOO_LONG,
            f"A value of the condition on {dimension} has {size:,} bytes, at most {limits.value_bytes:,} "
            "may be; no stored value is that long.",
            limit=limits.value_bytes,
            requested=size,
        )


def _top(catalogue: Catalogue, top: TopAsked, dimensions: tuple[Dimension, ...], limits: Limits) -> Top:
    n, by, other = top
    if not dimensions:
        raise QueryError(
            Code.BAD_TOP,
            "top is of the first dimension, and there is none; name one, or leave top out.",
            suggestion={"top": None},
        )
    if not 1 <= n <= limits.rows:
        raise QueryError(
            Code.BAD_TOP,
            f"top.n is {n:,}; it must be from 1 to {limits.rows:,}.",
            limit=limits.rows,
            requested=n,
            suggestion=nearest_top(top, limits),
        )
    (metric,) = _look_up("metric", [by], catalogue.metrics)
    return Top(n, metric, other)


def _having(catalogue: Catalogue, having: HavingAsked) -> Having:
    name, minimum, maximum = having
    (metric,) = _look_up("metric", [name], catalogue.metrics)
    if minimum is None and maximum is None:
        raise QueryError(
            Code.BAD_HAVING, f"having on {name} has neither min nor max; give one, or leave it out."
        )
    if any(bound is not None and not math.isfinite(bound) for bound in (minimum, maximum)):
        raise QueryError(Code.BAD_HAVING, f"having on {name} has a bound that is no finite number.")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise QueryError(
            Code.BAD_HAVING, f"having on {name} has min {minimum:g} above max {maximum:g}; no row fits."
        )
    return Having(metric, minimum, maximum)


def _order(
    catalogue: Catalogue, asked: OrderAsked, dimensions: tuple[Dimension, ...], grain: Grain | None
) -> OrderBy:
    metric, dimension, by_bucket, direction = asked
    if (metric is not None) + (dimension is not None) + by_bucket != 1:
        raise QueryError(
            Code.BAD_ORDER, "An entry of orderBy must name one thing: a metric, a dimension, or bucket: true."
        )
    way = _member("direction", direction, Direction)
    if by_bucket:
        if grain is None:
            raise QueryError(
                Code.BAD_ORDER, "orderBy bucket needs a grain; without one there are no buckets."
            )
        return OrderBy(None, way)
    if metric is not None:
        (by_metric,) = _look_up("metric", [metric], catalogue.metrics)
        return OrderBy(by_metric, way)
    (found,) = _look_up("dimension", [str(dimension)], catalogue.dimensions)
    if found not in dimensions:
        raise QueryError(
            Code.BAD_ORDER,
            f"orderBy names {dimension}, which dimensions does not; name it there, or leave it out.",
        )
    return OrderBy(found, way)
