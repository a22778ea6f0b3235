"""From a result's columns to an answer."""

from tidemark.freshness import Freshness
from tidemark.query.catalogue import Unit
from tidemark.query.database import Table
from tidemark.query.frame import Column, ColumnKind, Frame
from tidemark.query.instant import format_instant, from_ms
from tidemark.query.plan import BUCKET, Plan


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
        columns.append(Column(BUCKET, ColumnKind.BUCKET, None, [texts[second] for second in cut[0]], BUCKET))
    for dimension in request.dimensions:
        columns.append(Column(dimension.field, ColumnKind.DIMENSION, None, cut[len(columns)], dimension.field))
    sums = dict(zip(plan.sums, cut[len(columns) :], strict=True))
    columns.extend(
        Column(
            metric.field,
            ColumnKind.METRIC,
            currency if metric.unit is Unit.CURRENCY else metric.unit,
            metric.formula.values(sums),
            metric.field,
        )
        for metric in request.metrics
    )
    return Frame(tuple(columns), rows, table.row_count > rows, plan.resolved, plan.source, freshness)
