"""What a rule would have seen at its past ticks: which those are, and what is kept of them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tidemark.alerts.expression import Columns
from tidemark.alerts.judge import counting, seen
from tidemark.alerts.machine import ends
from tidemark.alerts.rule import ExperimentQuery, MetricsQuery, Rule
from tidemark.alerts.series import Labels, Observation
from tidemark.alerts.ticks import span
from tidemark.query.database import Database
from tidemark.query.previous import previous

Places = NDArray[np.int64]


class Past(Protocol):
    """Reads the past part by part.

    Attributes:
        record: what was seen so far.
    """

    record: "Record"

    def step(self, database: Database) -> float:
        """Read or judge the next part, about a second of work at most; how much is done of all, 1 at the end.

        Raises:
            QueryError: it took too long, too much memory or too many rows.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of several ticks beside each other: a series at a tick each.

    Attributes:
        ticks: Unix ms, ascending.
        owners: the series.
        tick: of each row, its place among the ticks.
        owner: of each row, its place among the series; the rows of one are in the order of the ticks.
        columns: a value a row.
    """

    ticks: Sequence[int]
    owners: Sequence[Labels]
    tick: Places
    owner: Places
    columns: Columns


class Record:
    """What was seen of the series, as far as anything follows from it.

    Nothing follows until the condition holds, and after it held last from the tick on at which an alert would
    have ended; that is most of what there is. It is as true of the same rule with a longer ``for`` or a
    stricter threshold.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._seen: set[Labels] = set()
        self._held_ms: dict[Labels, int] = {}
        self.history: list[tuple[int, dict[Labels, Observation]]] = []

    @property
    def series(self) -> int:
        """How many were seen at all."""
        return len(self._seen)

    def add(self, batch: Batch) -> None:
        """The ticks that follow those before."""
        rule, owners, held_ms = self._rule, batch.owners, self._held_ms
        truth = rule.when.evaluate(batch.columns)
        clears = None if rule.resolve_when is None else rule.resolve_when.evaluate(batch.columns)
        counts = counting(rule, truth)
        # a rule that is stopped by too many series ends nothing
        is_judged = np.bincount(batch.tick[counts], minlength=len(batch.ticks)) <= rule.max_instances
        self._seen.update(owners[place] for place in np.unique(batch.owner))
        follows = np.array([one in held_ms for one in owners], bool)
        follows[batch.owner[counts]] = True
        found: list[dict[Labels, Observation]] = [{} for _ in batch.ticks]
        for row in np.flatnonzero(follows[batch.owner]).tolist():
            owner, place = owners[batch.owner[row]], batch.tick[row]
            if not counts[row] and owner not in held_ms:
                continue
            found[place][owner] = one = seen(batch.ticks[place], row, truth, clears)
            if counts[row]:
                held_ms[owner] = one.at_ms
            elif is_judged[place] and ends(one, rule, held_ms[owner]):
                del held_ms[owner]
        self.history += zip(batch.ticks, found, strict=True)


def looked_at(rule: Rule, tick_ms: int) -> tuple[tuple[int, int], ...]:
    """The ranges ``[start, end)`` that a rule looks at, Unix ms: its window, what that is compared with."""
    if isinstance(rule.query, ExperimentQuery):
        return ()
    window = span(rule.query.window, tick_ms)
    if not isinstance(rule.query, MetricsQuery) or rule.query.compare is None:
        return (window,)
    zone = ZoneInfo(rule.query.window.timezone)
    before = previous(*window, rule.query.compare, None, zone, None)
    return window, (before.start, before.end)


def ticks(rule: Rule, last_ms: int, complete_ms: int, *, floor_ms: int, first_ms: int) -> range:
    """Those of the last so many ms up to where data is complete; Unix ms.

    Args:
        rule: Of which.
        last_ms: How far back they go.
        complete_ms: Up to where what it asks is complete.
        floor_ms: Since when everything is kept: what a tick looks at must not begin before.
        first_ms: The first minute of data: before there is any, there is nothing to judge.
    """
    every = rule.every_ms
    last = complete_ms // every * every
    first = (max(complete_ms - last_ms, first_ms) // every + 1) * every
    found = range(first, last + 1, every)

    def earliest(tick_ms: int) -> int:
        return min((start for start, _ in looked_at(rule, tick_ms)), default=tick_ms)

    return found[bisect_left(found, floor_ms, key=earliest) :]
