"""What is really asked, once the clock has been read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tidemark.query.buckets import Buckets, buckets
from tidemark.query.errors import Code, QueryError
from tidemark.query.grain import NOMINAL_MS, Grain
from tidemark.query.instant import END_MS, MINUTE_MS, format_instant, from_ms, to_ms
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.previous import Previous, previous
from tidemark.query.request import Request, TimeRange
from tidemark.query.suggestion import Part

_SHORT_MS = 10 * MINUTE_MS
"""A shorter range is not what makes a question expensive."""
_LESS = 0.1


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request with every default filled in. ``start_ms <= event_time < end_ms``, Unix milliseconds.

    Attributes:
        request: The question.
        start_ms: Where the range begins.
        end_ms: Where it ends, itself not part of it.
        buckets: The buckets that overlap it; None without a grain.
        previous: The earlier range it is compared with, or None.
    """

    request: Request
    start_ms: int
    end_ms: int
    buckets: Buckets | None = None
    previous: Previous | None = None

    @property
    def start(self) -> datetime:
        """Where the range begins, UTC."""
        return from_ms(self.start_ms)

    @property
    def end(self) -> datetime:
        """Where it ends, UTC."""
        return from_ms(self.end_ms)

    @property
    def previous_start(self) -> datetime | None:
        """Where the earlier range begins, UTC."""
        return None if self.previous is None else from_ms(self.previous.start)

    @property
    def previous_end(self) -> datetime | None:
        """Where the earlier range ends, UTC."""
        return None if self.previous is None else from_ms(self.previous.end)

    @property
    def grain(self) -> Grain | None:
        """The width of a bucket; None for one bucket over the whole range."""
        return self.request.grain

    @property
    def timezone(self) -> str:
        """Whose wall clock the buckets follow."""
        return self.request.timezone


def resolve(request: Request, now: datetime, limits: Limits = DEFAULT_LIMITS) -> Resolved:
    """Fill in the range, its buckets and what it is compared with.

    ``from`` and ``to`` are kept to the millisecond, wherever they fall. ``lastSeconds`` up to now is widened
    to whole minutes, the one that is filling included: from the minute that holds ``now - lastSeconds`` to
    the end of the minute that holds ``now``. So a live dashboard never needs raw events for the edges of its
    range (they are sorted by campaign, not by time: looking for one minute of them costs as much as days of
    folded rows), and no first minute shrinks while it is looked at. The answer is exact for its named range.

    Raises:
        QueryError: the range is longer or older than may be, or has more buckets than an answer has rows.
    """
    start, end = _range(request, now)
    _check_range(request, start, end, now, limits)
    if request.grain is None:
        found = None
    else:
        _check_buckets(start, end, request.grain, limits)
        found = buckets(start, end, request.grain, ZoneInfo(request.timezone))
    before = None
    if request.compare is not None:
        zone = ZoneInfo(request.timezone)
        before = previous(start, end, request.compare, request.grain, zone, found)
        _check_age(before.start, now, limits, lambda: {"compare": None})
    return Resolved(request, start, end, found, before)


def not_older_than(now: datetime, limits: Limits) -> datetime:
    """The earliest instant at which a range may begin."""
    return now - timedelta(seconds=limits.age_seconds)


def _range(request: Request, now: datetime) -> tuple[int, int]:
    asked = request.range
    if asked.start is not None and asked.end is not None:
        return to_ms(asked.start), to_ms(asked.end)
    if asked.last_seconds is None:
        raise ValueError("a request has from and to, or lastSeconds")
    at = to_ms(now.replace(microsecond=now.microsecond // 1000 * 1000))  # not rounded up
    start = (at - asked.last_seconds * 1000) // MINUTE_MS * MINUTE_MS
    return start, (at // MINUTE_MS + 1) * MINUTE_MS


def shorter(resolved: Resolved, share: float) -> TimeRange | None:
    """The end of a range, about so much of it (below 1); None where it is short already."""
    length = resolved.end_ms - resolved.start_ms
    kept = int(length * share) // MINUTE_MS * MINUTE_MS
    if length <= _SHORT_MS or not kept:
        return None
    return TimeRange(from_ms(resolved.end_ms - kept), resolved.end)


def less_of(resolved: Resolved) -> Part:
    """The suggestion of a tenth of a range, for what took too much; none where it is short already."""
    found = shorter(resolved, _LESS)
    return {"suggestion": suggested_range(found)} if found else {}


def suggested_range(time_range: TimeRange) -> Part:
    """A range with both ends, as a suggestion."""
    if time_range.start is None or time_range.end is None:
        raise ValueError("a range has from and to")
    return {"range": {"from": format_instant(time_range.start), "to": format_instant(time_range.end)}}


def _check_range(request: Request, start: int, end: int, now: datetime, limits: Limits) -> None:
    # a minute more, by which lastSeconds is widened
    if end - start > limits.range_seconds * 1000 + MINUTE_MS:
        seconds = (end - start) // 1000
        raise QueryError(
            Code.RANGE_TOO_LONG,
            f"The range is {_span(seconds)} long, at most {_span(limits.range_seconds)} may be; "
            f"begin it {_span(seconds - limits.range_seconds)} later.",
            limit=limits.range_seconds,
            requested=seconds,
            suggestion=_nearest(request, start, end, now, limits),
        )
    _check_age(start, now, limits, lambda: _nearest(request, start, end, now, limits))
    if end > END_MS:
        raise QueryError(
            Code.BAD_RANGE,
            f"range.to is {format_instant(from_ms(end))}; no event can lie after "
            f"{format_instant(from_ms(END_MS))}.",
            suggestion=_nearest(request, start, end, now, limits),
        )


def _check_age(start: int, now: datetime, limits: Limits, suggestion: Callable[[], Part]) -> None:
    oldest = to_ms(not_older_than(now, limits))
    # a minute and some, so that what `limits` said a moment ago is still allowed
    if start < oldest - 2 * MINUTE_MS:
        raise QueryError(
            Code.RANGE_TOO_OLD,
            f"The range begins at {format_instant(from_ms(start))}, before "
            f"{format_instant(from_ms(oldest))}, "
            "the earliest that can be asked for; begin it (and what it is compared with) there or later.",
            limit=limits.age_seconds,
            requested=(to_ms(now) - start) // 1000,
            suggestion=suggestion(),
        )


def _nearest(request: Request, start: int, end: int, now: datetime, limits: Limits) -> Part:
    """The latest part of a range that may be asked for, else the last day; in buckets that may be, too."""
    end = min(end, END_MS)
    start = max(start, to_ms(not_older_than(now, limits)), end - limits.range_seconds * 1000)
    part: Part = {"range": _moved(start, end)}
    if start >= end:
        seconds = min(86_400, limits.range_seconds, limits.age_seconds)
        start, end = 0, seconds * 1000 + MINUTE_MS
        part = {"range": {"lastSeconds": seconds}}
    grain = request.grain
    if grain is not None and _bucket_count(start, end, grain) > limits.rows:
        fitting = _fitting(start, end, limits)
        # where there is no such grain, the one that was asked for is refused next, with a range that fits it
        part |= {"grain": fitting.value} if fitting else {}
    return part


def _check_buckets(start: int, end: int, grain: Grain, limits: Limits) -> None:
    count = _bucket_count(start, end, grain)
    if count <= limits.rows:
        return
    fitting = _fitting(start, end, limits)
    over = (count - limits.rows) * NOMINAL_MS[grain] // 1000
    raise QueryError(
        Code.TOO_MANY_ROWS,
        f"Grain {grain} makes {count:,} buckets of this range, at most {limits.rows:,} rows may be; "
        f"use {f'grain {fitting}, or ' if fitting else ''}{_span(over)} less.",
        limit=limits.rows,
        requested=count,
        suggestion={"grain": fitting.value}
        if fitting
        else {"range": _moved(end - limits.rows * NOMINAL_MS[grain], end)},
    )


def _bucket_count(start: int, end: int, grain: Grain) -> int:
    return -(-(end - start) // NOMINAL_MS[grain])


def _fitting(start: int, end: int, limits: Limits) -> Grain | None:
    """The finest grain that makes few enough buckets of a range."""
    return next((one for one in NOMINAL_MS if _bucket_count(start, end, one) <= limits.rows), None)


def _moved(start: int, end: int) -> Part:
    return {"from": format_instant(from_ms(start)), "to": format_instant(from_ms(end))}


def _span(seconds: int) -> str:
    """A length of time for people, rounded up: ``2 days``, ``3 hours``."""
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = -(-seconds // size)
            return f"{count:,} {word}{'s' if count > 1 else ''}"
    return f"{seconds} seconds"
