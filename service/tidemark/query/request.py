"""A question, parsed: names looked up in the catalogue, whatever can be refused without a clock refused.

`tidemark.query.parse` makes it from what a door was given.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidemark.query.catalogue import Dimension, Metric
from tidemark.query.grain import Grain

DEFAULT_LIMIT = 1_000


class Operator(StrEnum):
    """How a condition compares: equal to one of the values, to none, beginning with or containing one."""

    IN = "IN"
    NOT_IN = "NOT_IN"
    PREFIX = "PREFIX"
    CONTAINS = "CONTAINS"


class Compare(StrEnum):
    """Which earlier range a range is compared with."""

    PREVIOUS_PERIOD = "PREVIOUS_PERIOD"
    PREVIOUS_DAY = "PREVIOUS_DAY"
    PREVIOUS_WEEK = "PREVIOUS_WEEK"


class Direction(StrEnum):
    """Which way rows are ordered; what has no value comes last in both."""

    ASC = "ASC"
    DESC = "DESC"


@dataclass(frozen=True, slots=True)
class Condition:
    """Only events whose ``dimension`` matches one of ``values``, or (NOT_IN) none of them."""

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
class Top:
    """The ``n`` greatest values of the first dimension by ``by``; the rest is one row if ``other``."""

    n: int
    by: Metric
    other: bool = True


@dataclass(frozen=True, slots=True)
class Having:
    """Only rows whose metric is within ``[minimum, maximum]``; at least one of the two is given."""

    metric: Metric
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class OrderBy:
    """A key to order rows by: a metric, one of the question's dimensions, or (None) the bucket."""

    key: Metric | Dimension | None
    direction: Direction = Direction.DESC


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    ``grain`` None is one bucket for the whole range. No metric and no dimension stands there twice.
    ``timezone`` is an IANA name that exists.
    """

    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...]
    where: tuple[Condition, ...]
    range: TimeRange
    grain: Grain | None
    limit: int
    timezone: str = "UTC"
    compare: Compare | None = None
    top: Top | None = None
    having: tuple[Having, ...] = ()
    order_by: tuple[OrderBy, ...] = ()

    @property
    def has_remainder(self) -> bool:
        """Whether what is not among the top is a row of its own."""
        return self.top is not None and self.top.other
