"""From a result's columns to an answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidemark.freshness import Freshness
from tidemark.query.catalogue import Metric, Unit
from tidemark.query.database import Table
from tidemark.query.formula import Sum
from tidemark.query.frame import Column, ColumnKind, Frame
from tidemark.query.instant import format_instant, from_ms
from tidemark.query.interval import wilson
from tidemark.query.plan import Plan

Numbers = Sequence[int | float | None]


def shape(plan: Plan, table: Table, freshness: Freshness, currency: str) -> Frame:
    """Cut the row beyond the limit off, turn sums into metrics and numbers of buckets into instants.

    Args:
        plan: What was asked; its docstring says what the columns hold.
        table: The result.
        freshness: How far it is complete.
        currency: The deployment's, ISO 4217.
    """
    request = plan.resolved.request
    count = min(table.row_count, request.limit)
    # the embedded engine names no columns in an empty result
    found = table.columns if count else [()] * plan.width
    cut = iter([column[:count] if table.row_count > count else column for column in found])
    columns = [*_keys(plan, cut)]
    sums = {one: next(cut) for one in plan.sums}
    metrics = [_Measured(metric, metric.formula.values(sums), currency) for metric in request.metrics]
    columns += [one.column(ColumnKind.METRIC, one.values) for one in metrics]
    if plan.resolved.previous is not None:
        earlier = {one: next(cut) for one in plan.sums}
        columns += _compared(plan, metrics, earlier, found[0])
    columns += _intervals(metrics, sums)
    return Frame(
        columns=tuple(columns),
        row_count=count,
        truncated=table.row_count > count,
        resolved=plan.resolved,
        source=plan.source,
        freshness=freshness,
        rows_read=table.rows_read,
        bytes_read=table.bytes_read,
        elapsed_ms=table.elapsed_ms,
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """A metric and its values."""

    metric: Metric
    values: Numbers
    currency: str

    def column(self, kind: ColumnKind, values: Sequence[Any]) -> Column:
        field = self.metric.field
        unit = self.currency if self.metric.unit is Unit.CURRENCY else self.metric.unit
        if kind is ColumnKind.METRIC:
            return Column(field, kind, unit, values, field)
        shown = Unit.FRACTION if kind is ColumnKind.CHANGE else unit
        return Column(f"{kind.lower()}.{field}", kind, shown, values, field)


def _keys(plan: Plan, cut: Iterator[Sequence[Any]]) -> Iterator[Column]:
    """What rows are grouped by: bucket, whether it is the remainder, dimensions."""
    request = plan.resolved.request
    if plan.resolved.buckets is not None:
        starts = plan.resolved.buckets.starts
        numbers = next(cut)
        texts = {number: format_instant(from_ms(starts[number])) for number in set(numbers)}
        yield Column("bucket", ColumnKind.BUCKET, None, [texts[number] for number in numbers], "bucket")
    others: list[bool] | None = None
    if request.has_remainder:
        others = [bool(flag) for flag in next(cut)]
        yield Column("other", ColumnKind.OTHER, None, others, "other")
    for number, dimension in enumerate(request.dimensions):
        values = next(cut)
        if number == 0 and others is not None:
            values = [None if other else value for value, other in zip(values, others, strict=True)]
        yield Column(dimension.field, ColumnKind.DIMENSION, None, values, dimension.field)


def _compared(
    plan: Plan, metrics: Sequence[_Measured], earlier: Mapping[Sum, Sequence[int]], numbers: Sequence[int]
) -> Iterator[Column]:
    """The earlier values, null where a bucket has no counterpart, and how much has changed since."""
    stretches = plan.resolved.previous.stretches if plan.resolved.previous else ()
    alone = {number for number, stretch in enumerate(stretches) if stretch is None}
    before = []
    for one in metrics:
        values: Numbers = one.metric.formula.values(earlier)
        if alone:
            values = [
                None if number in alone else value for number, value in zip(numbers, values, strict=False)
            ]
        before.append(values)
    for one, values in zip(metrics, before, strict=True):
        yield one.column(ColumnKind.PREVIOUS, values)
    for one, values in zip(metrics, before, strict=True):
        changes = [_change(now, then) for now, then in zip(one.values, values, strict=True)]
        yield one.column(ColumnKind.CHANGE, changes)


def _change(now: float | None, then: float | None) -> float | None:
    if now is None or not then:
        return None
    try:
        return (now - then) / then
    except OverflowError:  # beyond what a float can hold; infinity never leaves
        return None


def _intervals(metrics: Sequence[_Measured], sums: Mapping[Sum, Sequence[int]]) -> Iterator[Column]:
    bounds = [
        (one, wilson(sums[one.metric.formula.numerator[0]], sums[one.metric.formula.denominator[0]]))
        for one in metrics
        if one.metric.is_rate
    ]
    for one, (lower, _) in bounds:
        yield one.column(ColumnKind.LOWER, lower)
    for one, (_, upper) in bounds:
        yield one.column(ColumnKind.UPPER, upper)
