"""From a result's columns to an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidemark.freshness import Freshness
from tidemark.query.catalogue import Unit
from tidemark.query.database import Table
from tidemark.query.instant import format_instant, from_ms
from tidemark.query.plan import BUCKET, Plan
from tidemark.query.resolve import Resolved


class ColumnKind(StrEnum):
    """What a column holds."""

    BUCKET = "BUCKET"
    DIMENSION = "DIMENSION"
    METRIC = "METRIC"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer.

    Attributes:
        name: ``bucket``, or the field of the dimension or metric.
        kind: What it holds: a bucket's start as RFC 3339 text, a dimension's text, a metric's number.
        unit: The currency's code, ``fraction``, or None for plain numbers and text.
        values: One a row; None where a metric has no value. Never NaN or infinite.
    """

    name: str
    kind: ColumnKind
    unit: str | None
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """An answer: columns of ``row_count`` values each, and what they answer."""

    columns: tuple[Column, ...]
    row_count: int
    truncated: bool
    resolved: Resolved
    source: str
    freshness: Freshness


def shape(plan: Plan, table: Table, freshness: Freshness, currency: str) -> Frame:
    """Cut the row beyond the limit off, turn sums into metrics and seconds into instants."""
    request = plan.resolved.request
    rows = min(table.row_count, request.limit)
    # the embedded engine names no columns in an empty result
    found = table.columns if rows else [()] * plan.width
    cut = [column[:rows] if table.row_count > rows else column for column in found]
    columns: list[Column] = []
    if request.grain is not None:
        # a bucket comes once for each of its rows, one after the other
        texts = {second: format_instant(from_ms(second * 1000)) for second in set(cut[0])}
        columns.append(Column(BUCKET, ColumnKind.BUCKET, None, [texts[second] for second in cut[0]]))
    for dimension in request.dimensions:
        columns.append(Column(dimension.field, ColumnKind.DIMENSION, None, cut[len(columns)]))
    sums = dict(zip(plan.sums, cut[len(columns) :], strict=True))
    columns.extend(
        Column(
            metric.field,
            ColumnKind.METRIC,
            currency if metric.unit is Unit.CURRENCY else metric.unit,
            metric.formula.values(sums),
        )
        for metric in request.metrics
    )
    return Frame(tuple(columns), rows, table.row_count > rows, plan.resolved, plan.source, freshness)
