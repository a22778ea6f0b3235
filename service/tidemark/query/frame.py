"""An answer: columns, and what they answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidemark.freshness import Freshness
from tidemark.query.resolve import Resolved


class ColumnKind(StrEnum):
    """What a column holds."""

    BUCKET = "BUCKET"
    DIMENSION = "DIMENSION"
    METRIC = "METRIC"
    PREVIOUS = "PREVIOUS"
    CHANGE = "CHANGE"
    LOWER = "LOWER"
    UPPER = "UPPER"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer.

    Attributes:
        name: ``bucket``, ``other``, the field of the dimension or metric (``clicks``), or that behind the
            kind
            (``previous.clicks``, ``change.clicks``, ``lower.ctr``, ``upper.ctr``). No two columns share one.
        kind: What it holds: a bucket's start as RFC 3339 text, whether the row is the remainder, a
            dimension's text (None in the remainder's row), a metric's number.
        unit: The currency's code, ``fraction``, or None for plain numbers and text.
        values: One a row; None where there is no value. Never NaN or infinite.
        field: The name without the kind's prefix: the field of a row or of its ``MetricValues``.
    """

    name: str
    kind: ColumnKind
    unit: str | None
    values: Sequence[Any]
    field: str


@dataclass(frozen=True, slots=True)
class Frame:
    """An answer: columns of ``row_count`` values each, and what they answer.

    Attributes:
        columns: bucket, other, dimensions, metrics, previous, change, lower, upper, as they apply.
        row_count: How many values each column has.
        truncated: Whether the limit cut rows off.
        resolved: What was really asked.
        source: The tables that answered, ``campaign_minute`` or several with ``+`` between them.
        freshness: How far the answer is complete, read before the data.
        rows_read: What ClickHouse read for it, rows.
        bytes_read: What ClickHouse read for it, bytes.
        elapsed_ms: How long ClickHouse took.
    """

    columns: tuple[Column, ...]
    row_count: int
    truncated: bool
    resolved: Resolved
    source: str
    freshness: Freshness
    rows_read: int = 0
    bytes_read: int = 0
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer cost its caller.

    Attributes:
        rows_read: Read by ClickHouse; of a cached answer: when it was made.
        bytes_read: Likewise.
        elapsed_ms: From the question to the answer, waiting included.
        cache_hit: Whether no query ran for this question alone (cached, or shared with one under way).
        charged: Units taken from the caller's budget.
        remaining: Units left in it.
    """

    rows_read: int
    bytes_read: int
    elapsed_ms: float
    cache_hit: bool
    charged: float
    remaining: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A frame, which callers may share, and what it cost this one."""

    frame: Frame
    cost: Cost
