"""From an answer's columns to what was seen of each series. Pure."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from tidemark.alerts.expression import Columns, Truth
from tidemark.alerts.rule import OnNoData, Rule
from tidemark.alerts.series import Labels, Observation
from tidemark.stats.array import Flags


def observations(
    rule: Rule,
    labels: Sequence[Labels],
    columns: Columns,
    tick_ms: int,
    *,
    tracked: Collection[Labels],
    is_open: bool = False,
) -> dict[Labels, Observation]:
    """Of the series of which the condition holds, or counts as holding, and of those that are ``tracked``.

    Nothing follows from any other, and there may be thousands.

    Args:
        rule: Whose condition.
        labels: Of the answer's rows.
        columns: Likewise.
        tick_ms: The end of the window, Unix ms.
        tracked: Series that pend or fire.
        is_open: Whether the window is not complete.
    """
    truth = rule.when.evaluate(columns)
    clears = None if rule.resolve_when is None else rule.resolve_when.evaluate(columns)
    found = {
        labels[row]: seen(tick_ms, row, truth, clears, is_open=is_open)
        for row in _rows(rule, truth, labels, tracked)
    }
    if not is_open:
        found |= {one: Observation(tick_ms, None) for one in tracked if one not in found}
    return found


def _rows(rule: Rule, truth: Truth, labels: Sequence[Labels], tracked: Collection[Labels]) -> Iterator[int]:
    counts = counting(rule, truth)
    if not tracked:
        yield from map(int, np.flatnonzero(counts))
        return
    for row, one in enumerate(labels):
        if counts[row] or one in tracked:
            yield row


def counting(rule: Rule, truth: Truth) -> Flags:
    """The rows of which the condition holds, or counts as holding."""
    return truth.holds | ~truth.known if rule.on_no_data is OnNoData.ALERT else truth.holds


def seen(tick_ms: int, row: int, truth: Truth, clears: Truth | None, *, is_open: bool = False) -> Observation:
    """Of one row; ``clears`` is what ``resolve_when`` says."""
    value = float(truth.value[row])
    return Observation(
        at_ms=tick_ms,
        holds=bool(truth.holds[row]) if truth.known[row] else None,
        resolves=None if clears is None or not clears.known[row] else bool(clears.holds[row]),
        value=None if np.isnan(value) else value,
        is_open=is_open,
    )
