"""From an answer's columns to what was seen of each series. Pure."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from tidemark.alerts.expression import Columns, Truth
from tidemark.alerts.rule import Rule
from tidemark.alerts.series import Labels, Observation


def observations(
    rule: Rule,
    labels: Sequence[Labels],
    columns: Columns,
    tick_ms: int,
    *,
    tracked: Collection[Labels],
    is_open: bool = False,
) -> dict[Labels, Observation]:
    """Of the series of which the condition holds, and of those that are ``tracked`` (not INACTIVE).

    Nothing follows from any other, and there may be thousands.

    Args:
        rule: Whose condition.
        labels: Of the answer's rows.
        columns: Likewise.
        tick_ms: The end of the window, Unix ms.
        tracked: Series that a state is kept of.
        is_open: Whether the window is not complete.
    """
    truth = rule.when.evaluate(columns)
    clears = None if rule.resolve_when is None else rule.resolve_when.evaluate(columns)
    found = {
        labels[row]: _seen(tick_ms, row, truth, clears, is_open=is_open)
        for row in _rows(truth, labels, tracked)
    }
    if not is_open:
        found |= {one: Observation(tick_ms, None) for one in tracked if one not in found}
    return found


def _rows(truth: Truth, labels: Sequence[Labels], tracked: Collection[Labels]) -> Iterator[int]:
    if not tracked:
        yield from map(int, np.flatnonzero(truth.holds))
        return
    for row, one in enumerate(labels):
        if truth.holds[row] or one in tracked:
            yield row


def _seen(tick_ms: int, row: int, truth: Truth, clears: Truth | None, *, is_open: bool) -> Observation:
    value = float(truth.value[row])
    return Observation(
        at_ms=tick_ms,
        holds=bool(truth.holds[row]) if truth.known[row] else None,
        resolves=None if clears is None or not clears.known[row] else bool(clears.holds[row]),
        value=None if np.isnan(value) else value,
        is_open=is_open,
    )
