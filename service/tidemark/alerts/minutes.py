"""Sums a minute of each series, and from them those of any windows. Pure.

Sums add up, so what a window of whole minutes has is known exactly without asking for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemark.alerts.series import Labels

Numbers = NDArray[Any]
"""Whole numbers: int64, or Python's own where those could overflow."""
_SAFE = 2**62


@dataclass(frozen=True, slots=True)
class Windows:
    """What a series has in some windows.

    Attributes:
        present: in which of them there is anything at all.
        sums: for each sum one number a window.
    """

    present: NDArray[np.bool_]
    sums: Sequence[Numbers]


@dataclass(frozen=True, slots=True)
class Minutes:
    """One series.

    Attributes:
        starts: of the minutes in which there is something, Unix ms, ascending.
        running: for each sum what there is before each of these minutes, and after the last.
    """

    starts: Numbers
    running: Sequence[Numbers]

    def within(self, start_ms: Numbers, end_ms: Numbers) -> Windows:
        """What there is in each ``[start, end)``; whole minutes, Unix ms."""
        first, last = np.searchsorted(self.starts, start_ms), np.searchsorted(self.starts, end_ms)
        return Windows(last > first, [column[last] - column[first] for column in self.running])


class Gathering:
    """Takes rows in as they are read, and makes series of them."""

    def __init__(self, sums: int) -> None:
        self._sums = sums
        self._codes: dict[Labels, int] = {}
        self._parts: list[tuple[Numbers, ...]] = []
        self.rows = 0

    @property
    def count(self) -> int:
        """How many series there are."""
        return len(self._codes)

    def add(self, labels: Sequence[Labels], starts: Numbers, sums: Sequence[Sequence[int]]) -> None:
        """Rows, each of one minute (its start, Unix ms) of one series; no minute of a series comes twice."""
        codes = [self._codes.setdefault(one, len(self._codes)) for one in labels]
        self._parts.append((np.array(codes, np.int64), starts, *(_numbers(column) for column in sums)))
        self.rows += len(codes)

    def series(self) -> Mapping[Labels, Minutes]:
        """All of them."""
        if not self._codes:
            return {}
        codes, starts, *sums = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        order = np.lexsort((starts, codes))
        codes, starts = codes[order], starts[order]
        edges = np.searchsorted(codes, np.arange(len(self._codes) + 1))
        columns = [column[order] for column in sums]
        return {
            labels: Minutes(starts[low:high], [_running(column[low:high]) for column in columns])
            for labels, low, high in zip(self._codes, edges[:-1], edges[1:], strict=True)
        }

    def nothing(self) -> Minutes:
        """A series without anything."""
        return Minutes(np.array([], np.int64), [np.zeros(1, np.int64)] * self._sums)


def _numbers(values: Sequence[int]) -> Numbers:
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array(values, object)


def _running(column: Numbers) -> Numbers:
    if column.dtype != object and float(np.abs(column.astype(float)).sum()) > _SAFE:
        column = column.astype(object)
    return np.concatenate([np.zeros(1, column.dtype), np.cumsum(column)])
