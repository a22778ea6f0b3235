"""How a question would be answered, and at what price."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tidemark.query.frame import Frame
from tidemark.query.instant import from_ms
from tidemark.query.limits import Limits
from tidemark.query.plan import Plan
from tidemark.query.resolve import Resolved

# ClickHouse's {name:Type}; a type may hold parentheses, never braces
_BOUND = re.compile(r"\{(\w+):([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Part:
    """The part ``[start, end)`` (aware, UTC) of a range that one table answers."""

    source: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value bound to the SQL, with its ClickHouse type; only the caller who gave it may see it."""

    name: str
    type: str
    value: object


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan, before it runs; and what running it took, where that was asked for.

    Attributes:
        resolved: The question with every default filled in.
        buckets: How many buckets the range has; None without a grain.
        source: The tables that answer, as in a frame.
        parts: Which table answers which part of the range.
        sql: What ClickHouse is sent.
        parameters: What is bound to it.
        estimated_rows: How many rows ClickHouse will read at most, by its own index.
        price: What is charged before it runs, in units.
        limits: What it may take.
        rows_read: What it read; None where it was not run.
        bytes_read: Likewise.
        elapsed_ms: How long ClickHouse took; likewise.
    """

    resolved: Resolved
    buckets: int | None
    source: str
    parts: tuple[Part, ...]
    sql: str
    parameters: tuple[Parameter, ...]
    estimated_rows: int
    price: float
    limits: Limits
    rows_read: int | None = None
    bytes_read: int | None = None
    elapsed_ms: float | None = None

    @classmethod
    def of(cls, plan: Plan, *, estimated_rows: int, price: float, limits: Limits) -> "Explanation":
        """The explanation of a plan that is not run."""
        buckets = plan.resolved.buckets
        return cls(
            resolved=plan.resolved,
            buckets=None if buckets is None else len(buckets),
            source=plan.source,
            parts=tuple(Part(span.source, from_ms(span.start), from_ms(span.end)) for span in plan.spans),
            sql=plan.sql,
            parameters=parameters_in(plan.sql, plan.parameters),
            estimated_rows=estimated_rows,
            price=price,
            limits=limits,
        )

    def with_run(self, frame: Frame) -> "Explanation":
        """The same with what running it took."""
        return replace(
            self, rows_read=frame.rows_read, bytes_read=frame.bytes_read, elapsed_ms=frame.elapsed_ms
        )


def parameters_in(sql: str, values: Mapping[str, object]) -> tuple[Parameter, ...]:
    """The parameters of a ClickHouse text with their types, each once, in the order of the text.

    Raises:
        KeyError: ``values`` lacks one.
    """
    types = dict(_BOUND.findall(sql))
    return tuple(Parameter(name, kind, values[name]) for name, kind in types.items())
