"""What is really asked, once the clock has been read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tidemark.query.buckets import Buckets, buckets
from tidemark.query.errors import Code, QueryError
from tidemark.query.grain import NOMINAL_MS, Grain
from tidemark.query.instant import END_MS, MINUTE_MS, format_instant, from_ms, to_ms
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.previous import Previous, previous
from tidemark.query.request import Request


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
    _check_length(start, end, limits)
    _check_age(start, now, limits)
    _check_end(end)
    if request.grain is None:
        found = None
    else:
        _check_buckets(start, end, request.grain, limits)
        found = buckets(start, end, request.grain, ZoneInfo(request.timezone))
    before = None
    if request.compare is not None:
        zone = ZoneInfo(request.timezone)
        before = previous(start, end, request.compare, request.grain, zone, found)
        _check_age(before.start, now, limits)
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


def _check_length(start: int, end: int, limits: Limits) -> None:
    # a minute more, by which lastSeconds is widened
    if end - start > limits.range_seconds * 1000 + MINUTE_MS:
        seconds = (end - start) // 1000
        raise QueryError(
            Code.RANGE_TOO_LONG,
            f"The range is {_span(seconds)} long, at most {_span(limits.range_seconds)} may be; "
            f"begin it {_span(seconds - limits.range_seconds)} later.",
            limit=limits.range_seconds,
            requested=seconds,
            suggestion={"range": _moved(end - limits.range_seconds * 1000, end)},
        )


def _check_age(start: int, now: datetime, limits: Limits) -> None:
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
            suggestion={"range": {"lastSeconds": 86_400}},
        )


def _check_end(end: int) -> None:
    if end > END_MS:
        raise QueryError(
            Code.BAD_RANGE,
            f"range.to is {format_instant(from_ms(end))}; no event can lie after "
            f"{format_instant(from_ms(END_MS))}.",
            suggestion={"range": {"lastSeconds": 86_400}},
        )


def _check_buckets(start: int, end: int, grain: Grain, limits: Limits) -> None:
    count = -(-(end - start) // NOMINAL_MS[grain])
    if count <= limits.rows:
        return
    fitting = next((one for one in NOMINAL_MS if (end - start) // NOMINAL_MS[one] < limits.rows), Grain.MONTH)
    over = (count - limits.rows) * NOMINAL_MS[grain] // 1000
    raise QueryError(
        Code.TOO_MANY_ROWS,
        f"Grain {grain} makes {count:,} buckets of this range, at most {limits.rows:,} rows may be; "
        f"use grain {fitting}, or {_span(over)} less.",
        limit=limits.rows,
        requested=count,
        suggestion={"grain": fitting.value},
    )


def _moved(start: int, end: int) -> dict[str, str]:
    return {"from": format_instant(from_ms(start)), "to": format_instant(from_ms(end))}


def _span(seconds: int) -> str:
    """A length of time for people, rounded up: ``2 days``, ``3 hours``."""
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = -(-seconds // size)
            return f"{count:,} {word}{'s' if count > 1 else ''}"
    return f"{seconds} seconds"
