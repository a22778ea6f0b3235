"""Where the buckets of a range begin and end, in any time zone. Instants are Unix milliseconds."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from tidemark.query.grain import STEP_MS, Grain
from tidemark.query.wallclock import day_of, midnight, offset_ms, segments


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets that overlap a range: ``[edges[i], edges[i + 1])`` is the i-th."""

    edges: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each begins."""
        return self.edges[:-1]

    @property
    def step(self) -> int | None:
        """How long each of them is, if they all are equally long."""
        return even_step(self.edges)


def even_step(edges: Sequence[int]) -> int | None:
    """The distance of neighbours, if it is one for all."""
    step = edges[1] - edges[0]
    return step if all(b - a == step for a, b in pairwise(edges)) else None


@lru_cache(maxsize=64)
def buckets(start: int, end: int, grain: Grain, zone: ZoneInfo) -> Buckets:
    """The buckets that overlap ``[start, end)``, which must not be empty.

    Up to HOUR an edge is where the wall clock shows a multiple of the step, also the second time, or jumps
    over one. From DAY on it is where the local day begins: of every day, of Mondays, of firsts of a month.
    """
    found = list(
        _clock_edges(start, end, grain, zone) if grain in STEP_MS else _day_edges(start, end, grain, zone)
    )
    first = bisect_right(found, start) - 1
    return Buckets(tuple(found[first:]))


def next_day(day: date, grain: Grain) -> date:
    """The local date on which the bucket after that of ``day`` (the first of its own) begins."""
    if grain is Grain.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if grain is Grain.WEEK else 1)


def first_day(day: date, grain: Grain) -> date:
    """The local date on which the bucket that holds ``day`` begins."""
    if grain is Grain.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday() if grain is Grain.WEEK else 0)


def _clock_edges(start: int, end: int, grain: Grain, zone: ZoneInfo) -> Iterator[int]:
    """From an edge at or before ``start`` to the first one at or after ``end``."""
    step = STEP_MS[grain]
    # an hour that is set back lasts up to two, so what holds `start` began at most two steps and an hour
    # before
    low, high = start - 2 * step - 3_600_000, end + 2 * step + 3_600_000
    for since, until, offset in segments(low, high, zone):
        first = -(-(since + offset) // step) * step - offset
        if (
            first > since > low
            and (since + offset) // step > (since - 1 + offset_ms(since - 1, zone)) // step
        ):
            yield since
        for edge in range(first, until, step):
            yield edge
            if edge >= end:
                return


def _day_edges(start: int, end: int, grain: Grain, zone: ZoneInfo) -> Iterator[int]:
    # where a clock goes back over midnight, the date of `start` may be the day before that of its bucket
    day = first_day(first_day(day_of(start, zone), grain) - timedelta(days=1), grain)
    before = None
    while before is None or before < end:
        edge = midnight(day, zone)
        if edge != before:  # a day that a zone skipped is none
            yield edge
        before, day = edge, next_day(day, grain)
