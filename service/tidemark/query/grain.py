"""The widths of a bucket."""

from enum import StrEnum


class Grain(StrEnum):
    """How wide a bucket is. Weeks begin on Monday; edges follow a time zone's wall clock."""

    MINUTE = "MINUTE"
    FIVE_MINUTES = "FIVE_MINUTES"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


# Those that are a stretch of the clock, in milliseconds; the others are a number of local days.
STEP_MS = {Grain.MINUTE: 60_000, Grain.FIVE_MINUTES: 300_000, Grain.HOUR: 3_600_000}
# About how long each is.
NOMINAL_MS = {**STEP_MS, Grain.DAY: 86_400_000, Grain.WEEK: 7 * 86_400_000, Grain.MONTH: 30 * 86_400_000}
