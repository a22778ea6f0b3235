"""The earlier range that a range is compared with, and which of its stretches belongs to which bucket.

Instants are Unix milliseconds. Whole days and months are counted on the wall clock, so a day of 23 hours is
compared with one of 24, and Monday's 09:00 with last Monday's 09:00, also across a change of the clock.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import assert_never
from zoneinfo import ZoneInfo

from tidemark.query.buckets import Buckets, buckets, first_day, next_day
from tidemark.query.grain import STEP_MS, Grain
from tidemark.query.instant import DAY_MS
from tidemark.query.request import Compare
from tidemark.query.wallclock import changes, day_of, instant, midnight, reading, segments

Stretch = tuple[int, int]
_ShiftDay = Callable[[date], date]


@dataclass(frozen=True, slots=True)
class Previous:
    """An earlier range.

    Attributes:
        start: Where it begins.
        end: Where it ends, itself not part of it.
        stretches: For each bucket of the range the part of time it is compared with, in ascending order and
            without overlap; None for a bucket that has no counterpart. Empty without a grain.
    """

    start: int
    end: int
    stretches: tuple[Stretch | None, ...]


@dataclass(frozen=True, slots=True)
class _Shift:
    """Back by a number of local months or days, or else by an exact duration."""

    months: int = 0
    days: int = 0
    exact_ms: int = 0

    def day(self, day: date) -> date:
        if self.months:
            number = day.year * 12 + day.month - 1 - self.months
            return date(number // 12, number % 12 + 1, 1)  # only firsts of a month are shifted by months
        return day - timedelta(days=self.days)

    def instant(self, at: int, zone: ZoneInfo) -> int:
        if self.exact_ms:
            return at - self.exact_ms
        shown = reading(at, zone)
        return instant(datetime.combine(self.day(shown.date()), shown.time()), zone)


@lru_cache(maxsize=64)
def previous(
    start: int, end: int, compare: Compare, grain: Grain | None, zone: ZoneInfo, current: Buckets | None
) -> Previous:
    """The earlier range of ``[start, end)``; ``current`` are the range's buckets where it has a grain."""
    shift = _shift(start, end, compare, grain, zone)
    since, until = shift.instant(start, zone), shift.instant(end, zone)
    if current is None or grain is None:
        return Previous(since, until, ())
    if shift.exact_ms or (shift.days and not changes(since - DAY_MS, end + DAY_MS, zone)):
        found: Iterator[Stretch | None] = _moved(current, start - since)
    elif grain in STEP_MS:
        found = _same_reading(current, shift.days, zone, since, until, grain)
    else:
        found = _same_date(current, shift, zone, grain)
    return Previous(since, until, tuple(found))


def _shift(start: int, end: int, compare: Compare, grain: Grain | None, zone: ZoneInfo) -> _Shift:
    match compare:
        case Compare.PREVIOUS_DAY:
            return _Shift(days=1)
        case Compare.PREVIOUS_WEEK:
            return _Shift(days=7)
        case Compare.PREVIOUS_PERIOD:
            first, last = reading(start, zone), reading(end, zone)
            days = (last.date() - first.date()).days
            if first.time() != last.time() or days == 0:
                return _Shift(exact_ms=end - start)
            whole_months = all(
                at == midnight(at_day.replace(day=1), zone)
                for at, at_day in ((start, first.date()), (end, last.date()))
            )
            if whole_months and grain in (Grain.MONTH, None):
                return _Shift(months=(last.year - first.year) * 12 + last.month - first.month)
            return _Shift(days=days)
        case _:
            assert_never(compare)


def _moved(current: Buckets, by: int) -> Iterator[Stretch]:
    for start, end in pairwise(current.edges):
        yield start - by, end - by


def _same_date(current: Buckets, shift: _Shift, zone: ZoneInfo, grain: Grain) -> Iterator[Stretch | None]:
    """The local dates of each bucket, shifted; where the zone skipped them all there is no counterpart."""
    for edge in current.starts:
        day = first_day(day_of(edge, zone), grain)
        start = midnight(shift.day(day), zone)
        end = midnight(shift.day(next_day(day, grain)), zone)
        yield (start, end) if start < end else None


def _same_reading(
    current: Buckets, days: int, zone: ZoneInfo, since: int, until: int, grain: Grain
) -> Iterator[Stretch | None]:
    """The earlier bucket at whose start the wall clock shows the same, so many days before.

    The second of two equal readings has a counterpart only where the other day has two as well.
    """
    # a little more than the earlier range: where the clock goes back within one of the two, it may be empty
    reach = max(until, since) + current.edges[-1] - current.edges[0]
    end_of = dict(pairwise(buckets(min(since, until), reach, grain, zone).edges))
    earlier = segments(since - DAY_MS, reach + DAY_MS, zone)
    shown_before = 0
    starts = iter(current.starts)
    start = next(starts, None)
    for _, segment_end, offset in segments(current.edges[0] - DAY_MS, current.edges[-1], zone):
        while start is not None and start < segment_end:
            shown = start + offset
            wanted = shown - days * DAY_MS
            found = [wanted - other for begin, end, other in earlier if begin <= wanted - other < end]
            which = int(shown < shown_before)
            at = found[which] if which < len(found) else None
            yield (at, end_of[at]) if at in end_of else None
            start = next(starts, None)
        shown_before = segment_end + offset
