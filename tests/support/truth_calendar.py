"""What a time zone's wall clock shows, found by looking at it minute after minute.

An instant is Unix time in whole minutes (``minute``), or in ms where it says so; a label is what the wall
clock shows, in minutes since it would have shown 1970-01-01 00:00; a day is a label's date, in days since
then. Slow on purpose: it is another way than the product's, which the tests compare with it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

DAY = 1440
"""Minutes of a label's day."""
MINUTE_MS = 60_000
STEPS = {"MINUTE": 1, "FIVE_MINUTES": 5, "HOUR": 60}
_FARTHEST = 26 * 60
"""More minutes than any wall clock is away from UTC."""
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Shift:
    """How far back a comparison looks: exactly one of the three, positive."""

    days: int = 0
    months: int = 0
    exact_ms: int = 0

    def moved(self, label: int) -> int:
        """The label so many days or months earlier (months: of a first of a month only)."""
        day, rest = divmod(label, DAY)
        if self.days:
            return label - self.days * DAY
        found = _date(day)
        year, month = divmod(found.year * 12 + found.month - 1 - self.months, 12)
        return (date(year, month + 1, found.day) - _EPOCH).days * DAY + rest


class Calendar:
    """The wall clock of one time zone, for times since 1972 (before that offsets have seconds)."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._labels: dict[int, int] = {}
        self._starts: dict[tuple[str, int], int] = {}
        self._days: dict[int, int] = {}
        self._offsets: dict[int, set[int]] = {}

    def label(self, minute: int) -> int:
        """What the wall clock shows."""
        found = self._labels.get(minute)
        if found is None:
            offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(self._zone).utcoffset()
            assert offset is not None
            assert offset % timedelta(minutes=1) == timedelta(0), f"{self._zone} at {minute} has seconds"
            found = self._labels[minute] = minute + offset // timedelta(minutes=1)
        return found

    def is_edge(self, minute: int, step: int) -> bool:
        """Whether a bucket of ``step`` minutes starts here."""
        now, before = self.label(minute), self.label(minute - 1)
        if now <= before:  # set back: only what it shows counts
            return now % step == 0
        return now // step > before // step  # it shows a multiple, or has just skipped over one

    def day_start(self, day: int) -> int:
        """The first instant at which the wall clock shows that day or a later one."""
        found = self._days.get(day)
        if found is None:
            # offsets are quarters of an hour, so midnight comes at a quarter; a jump may come in between
            found = day * DAY - _FARTHEST
            while self.label(found) // DAY < day:
                found += 15
            while self.label(found - 1) // DAY >= day:
                found -= 1
            self._days[day] = found
        return found

    def day(self, minute: int) -> int:
        """The day whose bucket holds an instant: the latest that has begun."""
        shown = self.label(minute) // DAY
        return max(day for day in range(shown - 1, shown + 3) if self.day_start(day) <= minute)

    def start(self, grain: str, minute: int) -> int:
        """The start of the bucket that holds an instant."""
        found = self._starts.get((grain, minute))
        if found is None:
            if grain in STEPS:
                found = minute
                while not self.is_edge(found, STEPS[grain]):
                    found -= 1
            else:
                found = self.day_start(first_day(grain, self.day(minute)))
            self._starts[grain, minute] = found
        return found

    def end(self, grain: str, start: int) -> int:
        """The end of the bucket that starts here."""
        if grain in STEPS:
            end = start + 1
            while not self.is_edge(end, STEPS[grain]):
                end += 1
            return end
        day = first_day(grain, self.day(start))
        while (end := self.day_start(day := next_day(grain, day))) <= start:
            pass  # a day that the calendar skipped has no bucket
        return end

    def starts(self, grain: str, from_ms: int, to_ms: int) -> list[int]:
        """The starts of the buckets that overlap a range."""
        start = self.start(grain, from_ms // MINUTE_MS)
        found = []
        while start * MINUTE_MS < to_ms:
            found.append(start)
            start = self.end(grain, start)
        return found

    def instants(self, label: int) -> list[int]:
        """When the wall clock shows a label: once, twice, or (skipped) never; ascending."""
        day = label // DAY
        if day not in self._offsets:
            hours = range((day - 2) * DAY, (day + 3) * DAY, 60)
            self._offsets[day] = {self.label(minute) - minute for minute in hours}
        return sorted(label - one for one in self._offsets[day] if self.label(label - one) == label)

    def shifted(self, at_ms: int, shift: Shift) -> int:
        """An instant (ms) that much earlier by the wall clock; where that is skipped: the jump."""
        if shift.exact_ms:
            return at_ms - shift.exact_ms
        minute, rest = divmod(at_ms, MINUTE_MS)
        label = self.label(minute)
        turn, wanted = self.instants(label).index(minute), shift.moved(label)
        found = self.instants(wanted)
        if found:
            return found[min(turn, len(found) - 1)] * MINUTE_MS + rest
        jump = wanted - _FARTHEST
        while self.label(jump) < wanted:
            jump += 1
        return jump * MINUTE_MS

    def partner(self, grain: str, start: int, shift: Shift) -> int | None:
        """The start of the bucket of MINUTE to HOUR that the one starting here is compared with, or None."""
        label = self.label(start)
        turn, same = self.instants(label).index(start), self.instants(shift.moved(label))
        if turn >= len(same) or not self.is_edge(same[turn], STEPS[grain]):
            return None
        return same[turn]

    def later(self, grain: str, minute: int, shift: Shift) -> int | None:
        """The start of the bucket of DAY to MONTH whose dates a minute of an earlier range belongs to.

        None where the date that its own is compared with was skipped.
        """
        day = self.day(self.start("DAY", minute))
        if shift.months:
            first = first_day("MONTH", day)
            for _ in range(shift.months):
                first = next_day("MONTH", first)
            return self.day_start(first)
        counterpart = day + shift.days
        found = self.day_start(first_day(grain, counterpart))
        # of a bucket whose first days were skipped the start is the next day's
        return found if grain != "DAY" or self.day(found) == counterpart else None

    def has_counterpart(self, grain: str, start: int, shift: Shift) -> bool:
        """Whether any of the dates of the bucket that starts here has one in the earlier range."""
        first = first_day(grain, self.day(start))
        if shift.months:
            return True
        days = range(first - shift.days, next_day(grain, first) - shift.days)
        return any(self.day(self.day_start(day)) == day for day in days)

    def previous_period(self, from_ms: int, to_ms: int, grain: str | None) -> Shift:
        """How far back PREVIOUS_PERIOD looks."""
        start, end = (divmod(ms, MINUTE_MS) for ms in (from_ms, to_ms))
        first, last = self.label(start[0]), self.label(end[0])
        same_time = (first % DAY, start[1]) == (last % DAY, end[1])
        one, other = _date(first // DAY), _date(last // DAY)
        months = (other.year - one.year) * 12 + other.month - one.month
        midnight = same_time and (first % DAY, start[1]) == (0, 0)
        if midnight and one.day == other.day == 1 and months > 0 and grain in (None, "MONTH"):
            return Shift(months=months)
        if same_time and (other - one).days > 0:
            return Shift(days=(other - one).days)
        return Shift(exact_ms=to_ms - from_ms)


def first_day(grain: str, day: int) -> int:
    """The first day of the bucket that a day belongs to; weeks begin on Monday."""
    if grain == "DAY":
        return day
    found = _date(day)
    return day - (found.weekday() if grain == "WEEK" else found.day - 1)


def next_day(grain: str, first: int) -> int:
    """The first day of the bucket after the one whose first day this is."""
    if grain == "MONTH":
        return first_day(grain, first + 31)
    return first + (7 if grain == "WEEK" else 1)


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


@cache
def calendar(zone: str) -> Calendar:
    """The calendar of a zone; one a process, since it remembers what it has seen."""
    return Calendar(zone)
