"""Instants: RFC 3339 text, aware datetimes in UTC, whole milliseconds since 1970."""

import re
from datetime import UTC, datetime, timedelta

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
# Every event's time lies in [FIRST_MS, END_MS): from 2000 to 2100.
FIRST_MS, END_MS = 946_684_800_000, 4_102_444_800_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant, offset required, in UTC; fractions finer than microseconds are rounded up.

    Up, so that ``from <= event_time < to`` holds for the same events (their times are whole milliseconds).

    Raises:
        ValueError: it is no such instant; the message says what one looks like.
    """
    found = _RFC3339.fullmatch(text)
    try:
        if found is None:
            raise ValueError  # noqa: TRY301 - one sentence for both ways to be wrong
        day, time, fraction, offset = found.groups()
        digits = (fraction or "").ljust(12, "0")
        instant = datetime.fromisoformat(f"{day}T{time}{offset.upper().replace('Z', '+00:00')}")
        micros = -(-int(digits) // 10**6)
        return instant.astimezone(UTC) + timedelta(microseconds=micros)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text[:40]!r} is no instant with an offset; write one like 2026-11-23T12:00:00Z (RFC 3339)"
        ) from None


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds only where there are some: ``2026-11-23T12:00:00Z``."""
    in_utc = instant.astimezone(UTC).replace(tzinfo=None)
    return in_utc.isoformat(timespec="milliseconds" if in_utc.microsecond else "seconds") + "Z"


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970, rounded up."""
    return -((_EPOCH - instant) // timedelta(milliseconds=1))


def from_ms(milliseconds: int) -> datetime:
    """The instant so many milliseconds after 1970, in UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
