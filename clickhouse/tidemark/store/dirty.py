"""Which hours and days their rollups do not answer right yet. Pure: touches and rolls in, buckets out.

A touch of an hour may be seen before the rows that made it: they are surely there when their block is
*finished*, that is, when a later block of the path is visible (``watermark.py``). So an hour becomes clean
by a roll that began when all of its touches were in finished blocks; a roll before that would be in vain. A
day is made from its hours: it is dirty from the first touch of one of them until it is rolled while all are
clean.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

HOUR = 3600
DAY = 86_400
FINISHED = datetime(1970, 1, 1, tzinfo=UTC)
"""The block of a touch whose rows are there, whatever was seen."""


class DirtyBuckets:
    """The dirty hours and days, each by its first second since 1970, UTC."""

    def __init__(self, hours: Iterable[int] = (), days: Iterable[int] = ()) -> None:
        self._newest = dict.fromkeys(hours, FINISHED)
        self._days = set(days) | {day_of(hour) for hour in self._newest}
        self._told: tuple[frozenset[int], frozenset[int]] | None = None

    def told(self) -> tuple[frozenset[int], frozenset[int]]:
        """The dirty hours, and the dirty days (those of dirty hours among them)."""
        if self._told is None:
            self._told = frozenset(self._newest), frozenset(self._days)
        return self._told

    def touch(self, hour: int, block: datetime) -> None:
        """Rows of this block change the hour; of several blocks the newest counts."""
        known = self._newest.get(hour)
        self._newest[hour] = block if known is None else max(block, known)
        if known is None:
            self._days.add(day_of(hour))
            self._told = None

    def ready_hours(self, *, finished: datetime, until: int) -> list[int]:
        """The dirty hours that ended by ``until`` and that a roll would make clean, oldest first."""
        return sorted(
            hour
            for hour, block in self._newest.items()
            if hour + HOUR <= until and _is_finished(block, finished)
        )

    def ready_days(self, *, until: int) -> list[int]:
        """The dirty days that ended by ``until`` and whose hours are all clean, oldest first."""
        waiting = {day_of(hour) for hour in self._newest}
        return sorted(day for day in self._days - waiting if day + DAY <= until)

    def rolled_hours(self, hours: Iterable[int], *, finished: datetime) -> None:
        """The dirty hours were rolled, by a statement that began when ``finished`` was the newest block."""
        for hour in hours:
            if _is_finished(self._newest[hour], finished):
                del self._newest[hour]
        self._told = None

    def rolled_days(self, days: Iterable[int]) -> None:
        """The days were rolled, from hours that were all clean."""
        self._days -= set(days)
        self._told = None

    def leave_before(self, *, hour: int, day: int) -> int:
        """Forget dirty hours before ``hour`` and dirty days before ``day``; returns how many they were."""
        hours = [each for each in self._newest if each < hour]
        days = [each for each in self._days if each < day]
        if hours or days:
            for each in hours:
                del self._newest[each]
            self._days -= set(days)
            self._told = None
        return len(hours) + len(days)


def _is_finished(block: datetime, finished: datetime) -> bool:
    return block == FINISHED or block < finished


def day_of(second: int) -> int:
    """The midnight (UTC) at or before it."""
    return second - second % DAY


def pack(buckets: Iterable[int], sizes: Mapping[int, int], *, most: int) -> list[int]:
    """The first buckets that together have at most so many rows, at least one if there is one."""
    taken: list[int] = []
    rows = 0
    for bucket in buckets:
        rows += sizes.get(bucket, 0)
        if taken and rows > most:
            break
        taken.append(bucket)
    return taken
