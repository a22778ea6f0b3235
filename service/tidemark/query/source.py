"""Which table answers which part of a range."""

from dataclasses import dataclass
from enum import StrEnum

from tidemark.query.instant import MINUTE_MS

# Every event's time lies in [2000, 2100); DateTime, the type of campaign_minute.minute, ends in 2106.
FIRST_MS, END_MS = 946_684_800_000, 4_102_444_800_000


class Source(StrEnum):
    """The tables that metrics are answered from."""

    CAMPAIGN_MINUTE = "campaign_minute"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Span:
    """The part ``[start, end)`` of a range, in milliseconds since 1970, that one table answers."""

    source: Source
    start: int
    end: int


def spans(start: int, end: int) -> tuple[Span, ...]:
    """The spans that make up ``[start, end)``, without a gap or an overlap, at least one.

    Whole minutes come from ``campaign_minute``. A range that begins or ends within a minute has those parts
    from ``events``, so it is exact to the millisecond and pays for that only when it is asked.
    """
    start, end = max(start, FIRST_MS), min(end, END_MS)
    if start >= end:  # no event can lie there; an empty span of the cheap table answers that
        return (Span(Source.CAMPAIGN_MINUTE, FIRST_MS, FIRST_MS),)
    whole_start, whole_end = -(-start // MINUTE_MS) * MINUTE_MS, end // MINUTE_MS * MINUTE_MS
    if whole_start >= whole_end:
        return (Span(Source.EVENTS, start, end),)
    return tuple(
        span
        for span in (
            Span(Source.EVENTS, start, whole_start),
            Span(Source.CAMPAIGN_MINUTE, whole_start, whole_end),
            Span(Source.EVENTS, whole_end, end),
        )
        if span.start < span.end
    )
