"""Which table answers which part of a range: the coarsest that is right there, and as fresh."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import (
    DAY_MS,
    END_MS,
    FIRST_MS,
    HOUR_MS,
    MINUTE_MS,
    format_instant,
    from_ms,
    to_ms,
)

_MOST_SPANS = 60
_HALF_A_DAY_SECONDS = 43_200  # which every retention keeps; of a day the first minute would be gone
"""More spans cost more to plan than they save: then what lies between dirty hours comes from minutes too."""


class Source(StrEnum):
    """The tables that metrics are answered from."""

    CAMPAIGN_DAY = "campaign_day"
    CAMPAIGN_HOUR = "campaign_hour"
    CAMPAIGN_MINUTE = "campaign_minute"
    EVENTS = "events"


WIDTH_MS = {Source.CAMPAIGN_DAY: DAY_MS, Source.CAMPAIGN_HOUR: HOUR_MS, Source.CAMPAIGN_MINUTE: MINUTE_MS}
"""How much time a row of each folded table stands for."""


_LEAST_MS = {
    (Source.CAMPAIGN_DAY, False): 2 * DAY_MS,
    (Source.CAMPAIGN_HOUR, False): 24 * HOUR_MS,
    (Source.CAMPAIGN_DAY, True): 4 * DAY_MS,
    (Source.CAMPAIGN_HOUR, True): 48 * HOUR_MS,
}
"""How long a stretch must be for a rollup, by whether the question is narrow.

One table more costs planning, in which some hundred thousand minutes are read.
"""


class Rollups(Protocol):
    """Which hours and days the rollups hold right; `tidemark.store.rollup` says how that is known.

    An hour that begins at ``since`` or later and ends at ``until`` or earlier is right in ``campaign_hour``
    unless
    it is among ``dirty_hours`` (Unix seconds); likewise days. All of it holds for events accepted before
    ``through``.
    """

    @property
    def through(self) -> datetime | None: ...  # noqa: D102
    @property
    def audited_through(self) -> datetime | None: ...  # noqa: D102
    @property
    def since(self) -> datetime | None: ...  # noqa: D102
    @property
    def until(self) -> datetime: ...  # noqa: D102
    @property
    def dirty_hours(self) -> frozenset[int]: ...  # noqa: D102
    @property
    def dirty_days(self) -> frozenset[int]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Kept:
    """Since when each table holds everything, Unix milliseconds; None: since ever."""

    events: int | None = None
    minute: int | None = None
    hour: int | None = None
    day: int | None = None

    def since(self, source: Source) -> int | None:
        """Since when this table holds everything."""
        return {
            Source.EVENTS: self.events,
            Source.CAMPAIGN_MINUTE: self.minute,
            Source.CAMPAIGN_HOUR: self.hour,
            Source.CAMPAIGN_DAY: self.day,
        }[source]


@dataclass(frozen=True, slots=True)
class Span:
    """The part ``[start, end)`` of a range, Unix milliseconds, that one table answers."""

    source: Source
    start: int
    end: int


def spans(
    start: int,
    end: int,
    edges: Sequence[int],
    *,
    raw: bool = False,
    narrow: bool = False,
    rollups: Rollups | None = None,
    kept: Kept = Kept(),
) -> tuple[Span, ...]:
    """The spans that make up ``[start, end)``, without a gap or an overlap, in order, at least one.

    Args:
        start: Unix milliseconds.
        end: Likewise; itself not part of the range.
        edges: Where its buckets meet: a row of a table must not stand for time on both sides of one.
        raw: Whether only raw events can answer (properties, distinct users).
        narrow: Whether the question names its campaigns, so that it reads few rows of any table.
        rollups: What the rollups hold right; None: nothing.
        kept: What retention has left.

    Raises:
        QueryError: a part can only be answered by a table that no longer holds it.
    """
    start, end = max(start, FIRST_MS), min(end, END_MS)
    inner = [edge for edge in edges if start < edge < end]
    if start >= end:  # no event can lie there; an empty span answers that
        return (Span(Source.EVENTS if raw else Source.CAMPAIGN_MINUTE, FIRST_MS, FIRST_MS),)
    if raw or any(edge % MINUTE_MS for edge in inner):
        found: tuple[Span, ...] = (Span(Source.EVENTS, start, end),)
    else:
        found = _folded(start, end, inner, rollups, kept, narrow=narrow)
    for span in found:
        since = kept.since(span.source)
        if since is not None and span.start < since:
            raise _gone(span, since)
    return found


def _folded(
    start: int, end: int, inner: Sequence[int], rollups: Rollups | None, kept: Kept, *, narrow: bool
) -> tuple[Span, ...]:
    whole_start, whole_end = -(-start // MINUTE_MS) * MINUTE_MS, end // MINUTE_MS * MINUTE_MS
    if whole_start >= whole_end:
        return (Span(Source.EVENTS, start, end),)
    found = [Span(Source.CAMPAIGN_MINUTE, whole_start, whole_end)]
    if rollups is not None and rollups.since is not None:
        since, until = to_ms(rollups.since), to_ms(rollups.until)
        for source, dirty in (
            (Source.CAMPAIGN_DAY, rollups.dirty_days),
            (Source.CAMPAIGN_HOUR, rollups.dirty_hours),
        ):
            width = WIDTH_MS[source]
            if any(edge % width for edge in inner):
                continue
            pick = _Pick(source, since, until, _LEAST_MS[source, narrow], kept.minute or FIRST_MS)
            within = frozenset(at * 1000 for at in dirty if start - width < at * 1000 < end)
            refined = list(pick.refined(found, within))
            if len(refined) > _MOST_SPANS:
                hull = frozenset(range(min(within), max(within) + width, width))
                refined = list(pick.refined(found, hull))
            found = refined
    if start < whole_start:
        found.insert(0, Span(Source.EVENTS, start, whole_start))
    if whole_end < end:
        found.append(Span(Source.EVENTS, whole_end, end))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Pick:
    """Where whole rows of ``source`` take the place of minutes.

    Attributes:
        source: The rollup.
        since: Since when it is right, Unix ms.
        until: Until when.
        least: A shorter stretch is left to minutes, Unix ms.
        gone_before: Before this there are no minutes, so that any stretch is taken.
    """

    source: Source
    since: int
    until: int
    least: int
    gone_before: int

    def refined(self, spans: Iterable[Span], dirty: frozenset[int]) -> Iterator[Span]:
        """The spans with some of the minutes replaced, none of it a dirty row."""
        width = WIDTH_MS[self.source]
        for span in spans:
            if span.source is not Source.CAMPAIGN_MINUTE:
                yield span
                continue
            low, high = max(span.start, self.since), min(span.end, self.until)
            first, last = -(-low // width) * width, high // width * width
            at = span.start
            for begin, finish in _clean(first, last, width, dirty):
                if finish - begin < self.least and begin >= self.gone_before:
                    continue
                if at < begin:
                    yield Span(span.source, at, begin)
                yield Span(self.source, begin, finish)
                at = finish
            if at < span.end:
                yield Span(span.source, at, span.end)


def _clean(first: int, last: int, width: int, dirty: frozenset[int]) -> Iterator[tuple[int, int]]:
    """The stretches of ``[first, last)`` between the dirty rows."""
    at = first
    for row in sorted(row for row in dirty if first <= row < last):
        if at < row:
            yield at, row
        at = row + width
    if at < last:
        yield at, last


def _gone(span: Span, since: int) -> QueryError:
    hint = {
        Source.EVENTS: "with from and to on whole minutes, without REACH and properties, older ranges can be "
        "asked for",
        Source.CAMPAIGN_MINUTE: "with grain HOUR or DAY, from and to on whole hours, older ranges can be "
        "asked for",
        Source.CAMPAIGN_HOUR: "with grain DAY and from and to on whole days, UTC, older ranges can be asked "
        "for",
        Source.CAMPAIGN_DAY: "nothing older is kept, so begin it there or later",
    }[span.source]
    return QueryError(
        Code.RANGE_TOO_OLD,
        f"{span.source} holds what this question needs only since {format_instant(from_ms(since))}, "
        f"and the range begins at {format_instant(from_ms(span.start))}; {hint}.",
        limit=since // 1000,
        requested=span.start // 1000,
        suggestion={"range": {"lastSeconds": _HALF_A_DAY_SECONDS}},
    )
