"""Local time: when a wall clock shows what, with gaps, repeats and skipped days (PEP 495); Unix ms."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from tidemark.query.instant import DAY_MS, from_ms, to_ms

_LOOK_MS = DAY_MS // 2


@lru_cache(maxsize=65_536)
def offset_ms(at: int, zone: ZoneInfo) -> int:
    """How far the zone's wall clock is ahead of UTC at an instant."""
    offset = from_ms(at).astimezone(zone).utcoffset()
    if offset is None:
        raise ValueError(f"{zone} has no offset")  # ZoneInfo always has one
    return offset // timedelta(milliseconds=1)


def reading(at: int, zone: ZoneInfo) -> datetime:
    """What the wall clock shows, without a zone; ``fold`` is 1 where it shows that for the second time."""
    return from_ms(at).astimezone(zone).replace(tzinfo=None)


def instant(shown: datetime, zone: ZoneInfo) -> int:
    """When the wall clock shows this: the first time unless ``fold`` is 1; if skipped, when it jumps."""
    at = to_ms(shown.replace(tzinfo=zone).astimezone(UTC))
    if reading(at, zone) == shown.replace(fold=0):
        return at
    # skipped: with fold=1 the new offset is taken, so that instant lies before the jump, with fold=0 after it
    early = to_ms(shown.replace(tzinfo=zone, fold=1).astimezone(UTC))
    late = to_ms(shown.replace(tzinfo=zone, fold=0).astimezone(UTC))
    return _change_between(early, late, zone)


@lru_cache(maxsize=65_536)
def midnight(day: date, zone: ZoneInfo) -> int:
    """When a local day begins: at its midnight, at the first of two, or when the clock jumps past it."""
    return instant(datetime.combine(day, time()), zone)


def day_of(at: int, zone: ZoneInfo) -> date:
    """The local date."""
    return reading(at, zone).date()


def changes(start: int, end: int, zone: ZoneInfo) -> list[int]:
    """The instants in ``(start, end]`` from which another offset holds, in order.

    A change that is undone within half a day goes unseen; no zone has had one since 2000.
    """
    found = []
    at = start
    while at < end:
        following = min(at + _LOOK_MS, end)
        if offset_ms(at, zone) != offset_ms(following, zone):
            found.append(_change_between(at, following, zone))
        at = following
    return found


def segments(start: int, end: int, zone: ZoneInfo) -> list[tuple[int, int, int]]:
    """The stretches of ``[start, end)`` of one offset each: ``(start, end, offset)``."""
    bounds = [start, *(at for at in changes(start, end, zone) if at < end), end]
    return [(since, until, offset_ms(since, zone)) for since, until in pairwise(bounds)]


def _change_between(early: int, late: int, zone: ZoneInfo) -> int:
    """The first instant after ``early`` with the offset of ``late``; zones change at whole seconds."""
    low, high = early // 1000, -(-late // 1000)
    target = offset_ms(high * 1000, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_ms(middle * 1000, zone) == target:
            high = middle
        else:
            low = middle
    return high * 1000
