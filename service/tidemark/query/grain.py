"""The widths of a bucket, in UTC."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Grain(StrEnum):
    """How wide a bucket is. Weeks begin on Monday."""

    MINUTE = "MINUTE"
    FIVE_MINUTES = "FIVE_MINUTES"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


# The start of the bucket of the column `minute` (DateTime('UTC')), a DateTime('UTC') or a Date.
SQL = {
    Grain.MINUTE: "minute",
    Grain.FIVE_MINUTES: "toStartOfFiveMinutes(minute)",
    Grain.HOUR: "toStartOfHour(minute)",
    Grain.DAY: "toStartOfDay(minute)",
    Grain.WEEK: "toMonday(minute)",
    Grain.MONTH: "toStartOfMonth(minute)",
}

_STEPS = {
    Grain.MINUTE: timedelta(minutes=1),
    Grain.FIVE_MINUTES: timedelta(minutes=5),
    Grain.HOUR: timedelta(hours=1),
    Grain.DAY: timedelta(days=1),
    Grain.WEEK: timedelta(weeks=1),
}
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


def bucket_start(instant: datetime, grain: Grain) -> datetime:
    """The start of the bucket that holds an instant (aware, UTC)."""
    if grain is Grain.MONTH:
        return instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    # every other bucket divides the week, and weeks are counted from a Monday
    return instant - (instant - _MONDAY) % _STEPS[grain]


def next_bucket(start: datetime, grain: Grain) -> datetime:
    """The start of the bucket after the one that starts at ``start``."""
    if grain is Grain.MONTH:
        return bucket_start(start + timedelta(days=32), grain)
    return start + _STEPS[grain]
