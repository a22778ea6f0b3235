"""Random events and random questions about them: every option, hostile values, ranges that cut everything.

Everything comes from the dice that are given, so a seed is enough to have it again.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from truth import Event, dimension, rfc3339
from truth_values import METRICS

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
Moment = tuple[int, str]
"""When something special happens, and in which time zone."""
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo",
    "America/Havana", "Pacific/Apia", "America/St_Johns", "Pacific/Chatham", "Africa/Casablanca",
    "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Pacific/Kiritimati",
)  # fmt: skip
DIMENSIONS = ("CAMPAIGN", "AD", "CHANNEL", "SOURCE", "PLATFORM", "COUNTRY", "EVENT", "UTM_SOURCE")
HOSTILE = (
    "", "'", '"', "\\", "\\'", "\\\\", "' OR 1=1 --", "{a:String}", "{{}}", "}{", "%", "_", "a%b_c", "\n",
    "\r\n\t", "🦊🦊", "e\u0301", "é", "İı", "null", "\\N", "$$", "`x`", ";", "-- x", "/*", "\u2028", "\x7f",
    "ÿ", "\U0010ffff",
)  # fmt: skip
_HUGE = ("x" * 10_000, "🦊" * 2_500, "'" * 10_000, "{x:Int8}" * 1_200, "x" * 9_999)
_STEPS = {
    "MINUTE": MINUTE,
    "FIVE_MINUTES": 5 * MINUTE,
    "HOUR": HOUR,
    "DAY": DAY,
    "WEEK": 7 * DAY,
    "MONTH": 30 * DAY,
}
_NAMES = (
    "impression",
    "impression",
    "impression",
    "click",
    "click",
    "conversion",
    "spend",
    "exposure",
    "page {n}",
)


@dataclass(frozen=True, slots=True)
class Events:
    """Random events within ``start`` to ``end`` (Unix ms), many of them close to one of ``moments``.

    Attributes:
        dice: Where everything comes from.
        start: The earliest time.
        end: The latest.
        moments: Instants around which much happens.
        prefix: What identities and campaigns begin with.
        nul: Whether a NUL may be in texts; the collector takes none.
    """

    dice: random.Random
    start: int
    end: int
    moments: Sequence[Moment]
    prefix: str = ""
    nul: bool = False
    campaigns: list[str] = field(default_factory=list)

    def make(self, count: int) -> list[dict[str, Any]]:
        """So many, in the order they are stored: every eighth is a later copy of another."""
        found: list[dict[str, Any]] = []
        self.campaigns[:] = [self.prefix + one for one in (*"abcdefg", "ab", *self._hostile(5))]
        for number in range(count):
            if found and self.dice.random() < 1 / 8:
                found.append(self._copy(self.dice.choice(found)))
            else:
                found.append(self._event(number))
        return found

    def _hostile(self, count: int) -> list[str]:
        return self.dice.sample([*HOSTILE, *(["\0", "a\0b"] if self.nul else [])], count)

    def _event(self, number: int) -> dict[str, Any]:
        dice, at = self.dice, self._time()
        hostile = self._hostile(1)[0]
        utm = dice.choice([None, None, "", "news", "newsletter", "x" * 10_000, hostile])
        return {
            "event_id": f"{self.prefix}{number}",
            "event": dice.choice([*_NAMES, "clicks"]),
            "event_time": at,
            "original_time": at - dice.choice([0, 0, 7, 3 * DAY]),
            "quantity": dice.choice([1, 1, 1, 2, 17, -3, 1_000_000_000]),
            "value_micros": dice.choice([0, 0, 19_990_000, -5, 333_333, 10_000_000_000_000]),
            "cost_micros": dice.choice([0, 1, 333_333, -2_000_001, 1_250_000]),
            "campaign_id": dice.choice(self.campaigns[: dice.choice([2, 5, len(self.campaigns)])]),
            "ad_id": dice.choice(["", "a", "A", "ä", "a1", "y" * 1000, hostile]),
            "channel": dice.choice(["search", "social", "search", ""]),
            "source": dice.choice(["web", "mobile", "server"]),
            "platform": dice.choice(["ios", "android", hostile]),
            "country": dice.choice(["DE", "US", "FR", ""]),
            "user_id": dice.choice(["", "", f"u{dice.randrange(300)}"]),
            "anonymous_id": dice.choice(["", f"u{dice.randrange(300)}", f"v{dice.randrange(300)}"]),
            "properties": {} if utm is None else {"utm_source": utm, "n": hostile},
        }

    def _copy(self, event: dict[str, Any]) -> dict[str, Any]:
        """The same identity once more, with a clock that was off and another country."""
        later = event["event_time"] + self.dice.choice([-1, 1, 40, MINUTE, -HOUR, 2 * DAY])
        return event | {
            "event_time": min(later, self.end),
            "country": self.dice.choice([event["country"], "XX"]),
        }

    def _time(self) -> int:
        dice = self.dice
        if dice.random() < 0.3:
            at = dice.randrange(self.start, self.end)
        else:
            reach = dice.choice([3 * MINUTE, 3 * HOUR, 36 * HOUR])
            at = dice.choice(self.moments)[0] + dice.randrange(-reach, reach)
        if dice.random() < 0.15:  # the first and the last instants of a minute and of an hour
            step = dice.choice([MINUTE, HOUR])
            at = at // step * step - dice.randrange(2)
        return min(max(at, self.start), self.end)


def changes(dice: random.Random, start: int, end: int, *, each: int) -> list[Moment]:
    """When (Unix ms, to the minute) the clocks of the zones jump; at most so many of each zone."""
    found = []
    for zone in ZONES:
        hours = range(start // HOUR * HOUR, end, HOUR)
        jumps = [at for at in hours if _offset(at, zone) != _offset(at + HOUR, zone)]
        for hour in dice.sample(jumps, min(each, len(jumps))):
            at = hour
            while _offset(at, zone) == _offset(hour, zone):
                at += MINUTE
            found.append((at, zone))
    return found


@dataclass(frozen=True, slots=True)
class Questions:
    """Random questions about these events.

    Attributes:
        dice: Where everything comes from.
        events: What is there.
        moments: Instants that ranges like to hold, in that zone.
        always: Conditions that every question has.
        now: The latest instant.
        whole_minutes: Whether ``lastSeconds`` are whole minutes, for a clock that is not known.
    """

    dice: random.Random
    events: Sequence[Event]
    moments: Sequence[Moment]
    now: int
    always: Sequence[dict[str, Any]] = ()
    whole_minutes: bool = False

    def make(self) -> dict[str, Any]:
        """One MetricsQuery that may be asked."""
        dice = self.dice
        dimensions = dice.sample(DIMENSIONS, dice.choices(range(4), [25, 35, 25, 15])[0])
        metrics = dice.sample(METRICS, dice.randrange(0 if dimensions else 1, 6))
        grain = dice.choice([None, None, *_STEPS])
        at, zone = dice.choice(self.moments)
        # on that day, and on those that are compared with it
        at += dice.choice([0, 0, DAY, 7 * DAY])
        if dice.random() < 0.4:
            at, zone = dice.choice(self.events)["event_time"], dice.choice(ZONES)
        question: dict[str, Any] = {
            "metrics": [*metrics, *dice.sample(metrics, dice.random() < 0.03 and bool(metrics))],
            "dimensions": dimensions,
            "where": [*self.always, *(self._condition() for _ in range(dice.choice([0, 0, 0, 1, 1, 2, 3])))],
            "range": self._range(at, grain, zone, len(dimensions)),
            "grain": grain,
            "timezone": zone,
            "limit": dice.choice([1, 3, 50, 1000, 10_000]),
        }
        if dice.random() < 0.45:
            question["compare"] = dice.choice(["PREVIOUS_PERIOD", "PREVIOUS_DAY", "PREVIOUS_WEEK"])
        if dimensions and dice.random() < 0.35:
            n = dice.choice([1, 2, 3, 100])
            question["top"] = {"n": n, "by": dice.choice(METRICS), "other": dice.random() < 0.7}
        if dice.random() < 0.2:
            question["having"] = [self._having() for _ in range(dice.choice([1, 1, 2]))]
        if dice.random() < 0.4:
            question["orderBy"] = [self._order(dimensions, grain) for _ in range(dice.choice([1, 1, 2, 3]))]
        return question

    def _condition(self) -> dict[str, Any]:
        dice = self.dice
        name, op = dice.choice(DIMENSIONS), dice.choice(["IN", "NOT_IN", "PREFIX", "CONTAINS"])
        values = [self._value(name, op) for _ in range(dice.choice([1, 1, 2, 4]))]
        if dice.random() < 0.1:
            values.append(dice.choice(_HUGE))
        # once each: a question is to stay below 64 kB
        return {"dimension": name, "op": op, "values": list(dict.fromkeys(values))}

    def _value(self, name: str, op: str) -> str:
        dice = self.dice
        if dice.random() < 0.3:
            return dice.choice([*HOSTILE, "\0", "a\0b"])
        value = dimension(dice.choice(self.events), name)
        if op in ("PREFIX", "CONTAINS") and dice.random() < 0.7:
            start = 0 if op == "PREFIX" else dice.randrange(len(value) + 1)
            value = value[start : start + dice.randrange(1, 4)]
        return value

    def _range(self, at: int, grain: str | None, zone: str, dimensions: int) -> dict[str, Any]:
        dice = self.dice
        if grain is None:
            length = dice.choice([1, MINUTE, HOUR, DAY, 7 * DAY, 31 * DAY, 92 * DAY, 1200 * DAY])
        else:
            # rows are combinations times buckets, so many dimensions go with few buckets
            most = {0: 300, 1: 40}.get(dimensions, 8)
            buckets = dice.choice([1, 2, 5, 5, most])
            length = min(_STEPS[grain] * buckets, 730 * DAY)
        length = max(1, round(length * dice.uniform(0.5, 1)))
        if dice.random() < 0.1:
            seconds = max(1, length // 1000)
            return {"lastSeconds": -(-seconds // 60) * 60 if self.whole_minutes else seconds}
        start = at - dice.randrange(length + 1)
        return dict(zip(("from", "to"), self._cut(start, start + length, zone, grain), strict=True))

    def _cut(self, start: int, end: int, zone: str, grain: str | None) -> tuple[str, str]:
        """Where a range begins and ends: at any ms, or on something whole, if that fits the grain."""
        whole: list[int | str] = [1, 1000, MINUTE, HOUR]
        if grain not in ("MINUTE", "FIVE_MINUTES"):
            whole += ["day", "time of day"]
        if grain in (None, "DAY", "WEEK", "MONTH"):
            whole += ["month", "month"]
        step = self.dice.choice(whole)
        if isinstance(step, int):
            start, end = start // step * step, -(-end // step) * step
            return rfc3339(start), rfc3339(max(end, start + step))
        one, other = (_wall(at, zone) for at in (start, end))
        if step == "time of day":
            one, other = one.replace(microsecond=0), other.replace(hour=one.hour, minute=one.minute)
            other = other.replace(second=one.second, microsecond=0)
        else:
            one, other = (wall.replace(hour=0, minute=0, second=0, microsecond=0) for wall in (one, other))
        if step == "month":
            one, other = one.replace(day=1), other.replace(day=1)
        first, last = _instant(one, zone), _instant(other, zone)
        if last <= first:
            later = one + timedelta(days=32 if step == "month" else 1)
            last = _instant(later.replace(day=1) if step == "month" else later, zone)
        return rfc3339(first), rfc3339(last)

    def _having(self) -> dict[str, Any]:
        low, high = sorted(self.dice.choices([-2, 0, 0.5, 1, 2, 17, 19.99, 1000, 1e9, 1e7], k=2))
        bounds = self.dice.choice(
            [{"min": low}, {"min": min(low, 1)}, {"max": high}, {"min": low, "max": high}]
        )
        return {"metric": self.dice.choice(METRICS), **bounds}

    def _order(self, dimensions: Sequence[str], grain: str | None) -> dict[str, Any]:
        keys: list[dict[str, Any]] = [{"metric": self.dice.choice(METRICS)}]
        if dimensions:
            keys.append({"dimension": self.dice.choice(dimensions)})
        if grain:
            keys.append({"bucket": True})
        return self.dice.choice(keys) | {"direction": self.dice.choice(["ASC", "DESC"])}


def _offset(at: int, zone: str) -> timedelta | None:
    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).utcoffset()


def _wall(at: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).replace(tzinfo=None)


def _instant(wall: datetime, zone: str) -> int:
    return round(wall.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
