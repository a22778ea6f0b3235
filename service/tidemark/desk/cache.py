"""Answers for as long as the watermark stands still, within so many bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from sys import getsizeof

from cachetools import TLRUCache

from tidemark.desk.mark import Mark
from tidemark.query.frame import Column, ColumnKind, Frame

# A watermark that stalls (a collector is gone) while events still come in must not freeze dashboards.
MOST_SECONDS = 2.0
# The entry, its frame with what it resolved, the headers of its columns: measured, then rounded up.
_ENTRY_BYTES = 4_000
_COLUMN_BYTES = 500
_POINTER_BYTES = 8
# Python's float takes 24, an int 28, beyond 2**30 32.
_NUMBER_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Entry:
    frame: Frame
    asked_at: float
    weight: int


def weight(key: str, frame: Frame) -> int:
    """About how many bytes an answer keeps in memory."""
    # the key's text stands in the mark and, as names and values, in the request that the frame holds
    return _ENTRY_BYTES + 2 * getsizeof(key) + sum(_column_weight(column) for column in frame.columns)


def _column_weight(column: Column) -> int:
    slots = _COLUMN_BYTES + _POINTER_BYTES * len(column.values)
    match column.kind:
        case ColumnKind.OTHER:
            return slots  # true and false are there once
        case ColumnKind.BUCKET:  # rows of one bucket share its text
            return slots + sum(map(getsizeof, set(column.values)))
        case ColumnKind.DIMENSION:
            return slots + sum(map(getsizeof, column.values))
        case _:
            return slots + _NUMBER_BYTES * len(column.values)


class Cache:
    """Frames by mark. What was used longest ago goes first; nothing older than `MOST_SECONDS` is given.

    ``monotonic`` is the clock (seconds) that ``asked_at`` was read from; 0 ``capacity`` bytes keep nothing.
    """

    def __init__(self, capacity: int, monotonic: Callable[[], float]) -> None:
        self._capacity = capacity
        self._entries: TLRUCache[Mark, _Entry] = TLRUCache(
            maxsize=capacity,
            ttu=lambda _mark, entry, _now: entry.asked_at + MOST_SECONDS,
            timer=monotonic,
            getsizeof=lambda entry: entry.weight,
        )

    @property
    def bytes_held(self) -> int:
        """What the frames in it weigh."""
        return int(self._entries.currsize)

    def get(self, mark: Mark) -> Frame | None:
        """The frame of this question at this watermark."""
        entry = self._entries.get(mark)
        return entry.frame if entry else None

    def put(self, mark: Mark, frame: Frame, asked_at: float) -> None:
        """Keep a frame whose watermark was read at ``asked_at``, before the data."""
        if not mark.is_known or not self._capacity:
            return
        entry = _Entry(frame, asked_at, weight(mark.key, frame))
        if entry.weight <= self._capacity:
            self._entries[mark] = entry
