"""What a rule asks of the planner at a tick, and the columns of its condition from the answer. Pure.

Rules that look at the same slice over the same window are one question, however many they are: their metrics
are asked together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import numpy as np

from tidemark.alerts.evidence import change_bounds, rate_bounds
from tidemark.alerts.expression import Columns
from tidemark.alerts.rule import MetricsQuery, Rule, Window
from tidemark.alerts.series import Labels
from tidemark.query.catalogue import Catalogue, Metric
from tidemark.query.formula import Formula, Measure, Sum
from tidemark.query.frame import ColumnKind, Frame
from tidemark.query.request import Compare, Condition, Request, TimeRange, Top
from tidemark.stats.array import Floats, floats

_HITS, _TRIALS = "alertsHits", "alertsTrials"
"""Fields of the two counts of a rate; no catalogue's field has capitals there and two words."""


@dataclass(frozen=True, slots=True)
class Question:
    """What several rules ask alike; hashable, so that rules are grouped by it."""

    dimensions: tuple[str, ...]
    where: tuple[Condition, ...]
    window: Window
    compare: Compare | None
    top: Top | None

    @classmethod
    def of(cls, query: MetricsQuery) -> "Question":
        """That of a rule."""
        return cls(query.dimensions, query.where, query.window, query.compare, query.top)


def adds_up(query: MetricsQuery, catalogue: Catalogue) -> bool:
    """Whether its sums are those of any parts of it: not so distinct users, nor the greatest of a top."""
    metrics = (catalogue.metrics[name] for name in query.metrics)
    sums = (one for metric in metrics for one in metric.formula.sums)
    return query.top is None and all(one.measure is not Measure.USERS for one in sums)


def request(
    question: Question,
    rules: Iterable[Rule],
    catalogue: Catalogue,
    span: tuple[datetime, datetime],
    rows: int,
) -> Request:
    """The planner's, for the metrics of all the rules; ``span`` is [from, to), ``rows`` the most rows."""
    names = dict.fromkeys(
        name for rule in rules if isinstance(rule.query, MetricsQuery) for name in rule.query.metrics
    )
    metrics = [catalogue.metrics[name] for name in names]
    metrics += [part for metric in metrics if metric.is_rate for part in _parts(metric)]
    return Request(
        metrics=tuple(metrics),
        dimensions=tuple(catalogue.dimensions[name] for name in question.dimensions),
        where=question.where,
        range=TimeRange(*span),
        grain=None,
        limit=rows,
        timezone=question.window.timezone,
        compare=question.compare,
        top=question.top,
    )


def plain(metric: str, catalogue: Catalogue, span: tuple[datetime, datetime]) -> Request:
    """One metric of everything within [from, to)."""
    return Request(
        metrics=(catalogue.metrics[metric],),
        dimensions=(),
        where=(),
        range=TimeRange(*span),
        grain=None,
        limit=1,
    )


def columns(frame: Frame) -> Columns:
    """By the names that conditions use, ``SPEND``, ``previous.SPEND``, ``change_upper.CTR``; NaN for null."""
    metrics = {one.field: one for one in frame.resolved.request.metrics}
    found: dict[str, Floats] = {}
    for column in frame.columns:
        if column.kind in (ColumnKind.METRIC, ColumnKind.PREVIOUS, ColumnKind.CHANGE):
            prefix = "" if column.kind is ColumnKind.METRIC else f"{column.kind.lower()}."
            found[f"{prefix}{metrics[column.field].name}"] = _numbers(column.values)
    for metric in metrics.values():
        if metric.is_rate:
            found |= _bounds(metric, found)
    return {name: values for name, values in found.items() if not name.endswith((_HITS, _TRIALS))}


def labels(frame: Frame) -> list[Labels]:
    """Each row's dimensions by field, sorted by name; the remainder of a top has ``other``."""
    keys = [(column.field, column.values) for column in frame.columns if column.kind is ColumnKind.DIMENSION]
    return labels_of(keys, frame.row_count)


def labels_of(columns: Iterable[tuple[str, Sequence[Any]]], rows: int) -> list[Labels]:
    """The same of columns by their fields."""
    keys = sorted(columns, key=itemgetter(0))
    return [
        tuple((name, "(other)" if values[row] is None else str(values[row])) for name, values in keys)
        for row in range(rows)
    ]


def _parts(metric: Metric) -> Iterator[Metric]:
    """The two counts of a rate, as metrics."""
    for suffix, sums in ((_HITS, metric.formula.numerator), (_TRIALS, metric.formula.denominator)):
        yield _count(f"{metric.name}.{suffix}", sums)


def _count(name: str, sums: tuple[Sum, ...]) -> Metric:
    return Metric(name, name, "", None, Formula(numerator=sums), name)


def _bounds(metric: Metric, found: Mapping[str, Floats]) -> dict[str, Floats]:
    hits, trials = (found[f"{metric.name}.{part}"] for part in (_HITS, _TRIALS))
    lower, upper = rate_bounds(hits, trials)
    bounds = {f"lower.{metric.name}": lower, f"upper.{metric.name}": upper}
    before = [found.get(f"previous.{metric.name}.{part}") for part in (_HITS, _TRIALS)]
    if before[0] is not None and before[1] is not None:
        lower, upper = change_bounds(hits, trials, before[0], before[1])
        bounds |= {f"change_lower.{metric.name}": lower, f"change_upper.{metric.name}": upper}
    return bounds


def _numbers(values: Sequence[Any]) -> Floats:
    return floats([np.nan if value is None else value for value in values])
