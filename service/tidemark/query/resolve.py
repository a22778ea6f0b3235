"""What is really asked, once the clock has been read."""

from dataclasses import dataclass
from datetime import datetime

from tidemark.query.grain import Grain
from tidemark.query.instant import MINUTE_MS, from_ms, to_ms
from tidemark.query.request import Request


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request with every default filled in: ``start <= event_time < end``, in whole milliseconds, UTC.

    Likewise the range that it is compared with; None without a comparison.
    """

    request: Request
    start: datetime
    end: datetime
    timezone: str = "UTC"
    previous_start: datetime | None = None
    previous_end: datetime | None = None

    @property
    def grain(self) -> Grain | None:
        """The width of a bucket; None for one bucket over the whole range."""
        return self.request.grain


def resolve(request: Request, now: datetime) -> Resolved:
    """Fill in the range.

    ``from`` and ``to`` are kept to the millisecond, wherever they fall. ``lastSeconds`` up to now is widened
    to whole minutes, the one that is filling included: from the minute that holds ``now - lastSeconds`` to
    the end of the minute that holds ``now``. So a live dashboard never needs raw events for the edges of its
    range (they are sorted by campaign, not by time: looking for one minute of them costs as much as days of
    folded rows), and no first minute shrinks while it is looked at. The answer is exact for its named range.
    """
    asked = request.range
    if asked.start is not None and asked.end is not None:
        return Resolved(request, from_ms(to_ms(asked.start)), from_ms(to_ms(asked.end)))
    if asked.last_seconds is None:
        raise ValueError("a request has from and to, or lastSeconds")
    at = to_ms(now)
    start = (at - asked.last_seconds * 1000) // MINUTE_MS * MINUTE_MS
    return Resolved(request, from_ms(start), from_ms((at // MINUTE_MS + 1) * MINUTE_MS))
