"""What ``metrics`` must answer, computed from the events in plain Python, another way than the product does.

Times are Unix ms. Questions are a MetricsQuery as its GraphQL variables are written.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from truth_calendar import MINUTE_MS, STEPS, Calendar, Shift, calendar
from truth_values import Number, Tally, changes, intervals, looked_at

Event = Mapping[str, Any]
Question = Mapping[str, Any]
Row = dict[str, Any]

_COLUMNS = {
    "CAMPAIGN": "campaign_id",
    "AD": "ad_id",
    "CHANNEL": "channel",
    "SOURCE": "source",
    "PLATFORM": "platform",
    "COUNTRY": "country",
    "EVENT": "event",
}
_EPOCH = datetime.fromisoformat("1970-01-01T00:00Z")
_HOLDS: dict[str, Callable[[str, Sequence[str]], bool]] = {
    "IN": lambda value, wanted: any(value == one for one in wanted),
    "NOT_IN": lambda value, wanted: all(value != one for one in wanted),
    "PREFIX": lambda value, wanted: any(value.startswith(one) for one in wanted),
    "CONTAINS": lambda value, wanted: any(one in value for one in wanted),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows in their order, and what was really asked.

    A row has ``bucket`` (the start in Unix ms, None without a grain), ``other``, ``dimensions`` (name → text,
    None in the remainder), ``values`` (name → number), ``previous`` and ``change`` (None without compare),
    ``lower`` and ``upper`` (of CTR and CVR only).
    """

    rows: list[Row]
    truncated: bool
    start: int
    end: int
    previous_start: int | None
    previous_end: int | None


def distinct(events: Iterable[Event]) -> list[Event]:
    """The first copy of each identity (DESIGN rule 8), in the order they were sent; no heartbeats."""
    first: dict[tuple[object, ...], Event] = {}
    for event in events:
        identity = (
            event["event_id"],
            event["event"],
            event.get("campaign_id", ""),
            event.get("original_time", event["event_time"]),
        )
        first.setdefault(identity, event)
    return [event for event in first.values() if event["event"] != "heartbeat"]


def answer(events: Iterable[Event], question: Question, now_ms: int) -> Answer:
    """What these events, in the order they were stored, answer to a question asked at ``now_ms``."""
    return answer_distinct(distinct(events), question, now_ms)


def answer_distinct(events: Sequence[Event], question: Question, now_ms: int) -> Answer:
    """The same for events that `distinct` has gone over already."""
    asked = _Asked(question, now_ms)
    current = asked.kept(events, asked.start, asked.end)
    earlier = asked.kept(events, *asked.previous) if asked.previous else []
    return asked.answered(current, earlier)


def dimension(event: Event, name: str) -> str:
    """An event's value of a dimension; "" where it has none."""
    if name == "UTM_SOURCE":
        return str(event.get("properties", {}).get("utm_source", ""))
    return str(event.get(_COLUMNS[name], ""))


def to_ms(instant: str) -> int:
    """RFC 3339 as Unix ms."""
    return (datetime.fromisoformat(instant) - _EPOCH) // timedelta(milliseconds=1)


def rfc3339(ms: int) -> str:
    """Unix ms as GraphQL takes it."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat()


@dataclass(frozen=True, slots=True)
class _Key:
    """What a row is for, but its bucket: dimension values, or those of the remainder (the first is None)."""

    other: bool
    values: tuple[str | None, ...]


_Tallies = dict[tuple[_Key, int | None], Tally]


@dataclass(slots=True)
class _Asked:
    """A question with its defaults."""

    question: Question
    now: int
    start: int = field(init=False)
    end: int = field(init=False)
    previous: tuple[int, int] | None = field(init=False, default=None)
    clock: Calendar = field(init=False)
    shift: Shift = field(init=False)

    def __post_init__(self) -> None:
        self.clock = calendar(self.question.get("timezone", "UTC"))
        asked = self.question["range"]
        if asked.get("lastSeconds") is not None:
            self.start = (self.now - asked["lastSeconds"] * 1000) // MINUTE_MS * MINUTE_MS
            self.end = (self.now // MINUTE_MS + 1) * MINUTE_MS
        else:
            self.start, self.end = to_ms(asked["from"]), to_ms(asked["to"])
        compare = self.question.get("compare")
        if compare:
            days = {"PREVIOUS_DAY": 1, "PREVIOUS_WEEK": 7}.get(compare)
            self.shift = (
                Shift(days=days) if days else self.clock.previous_period(self.start, self.end, self.grain)
            )
            start, end = (self.clock.shifted(at, self.shift) for at in (self.start, self.end))
            self.previous = start, end

    @property
    def grain(self) -> str | None:
        grain: str | None = self.question.get("grain")
        return grain

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(self.question["metrics"]))

    @property
    def dimensions(self) -> list[str]:
        return list(dict.fromkeys(self.question.get("dimensions", ())))

    @property
    def order_by(self) -> Sequence[Mapping[str, Any]]:
        order: Sequence[Mapping[str, Any]] = self.question.get("orderBy", ())
        return order

    def kept(self, events: Iterable[Event], start: int, end: int) -> list[Event]:
        """Those in a range for which every condition holds."""
        found = [event for event in events if start <= event["event_time"] < end]
        for one in self.question.get("where", ()):
            holds, name, wanted = _HOLDS[one.get("op", "IN")], one["dimension"], one["values"]
            found = [event for event in found if holds(dimension(event, name), wanted)]
        return found

    def answered(self, current: Sequence[Event], earlier: Sequence[Event]) -> Answer:
        top = self._top(current)
        now = self._tallies(current, top, 0)
        exact = self.shift.exact_ms if self.previous else 0
        before = self._tallies(earlier, top, exact, by_date=bool(self.previous) and not exact)
        starts = self.clock.starts(self.grain, self.start, self.end) if self.grain else [None]
        partners = {start: self._partner(start) for start in starts}
        compared = {key for key, start in before if start in partners.values()}
        keys = {key for key, _ in now} | compared if self.dimensions else [_Key(False, ())]
        rows = [
            self._row(key, start, now.get((key, start), Tally.nothing()), before, partners[start])
            for start, key in product(starts, keys)
        ]
        rows = self._ordered([row for row in rows if self._has(row)])
        for row in rows:
            del row["tally"]
        limit = self.question.get("limit", 1000)
        previous = self.previous or (None, None)
        return Answer(rows[:limit], len(rows) > limit, self.start, self.end, *previous)

    def _counting(self) -> set[str] | None:
        """The events that make a row; None: any."""
        keys = (*self.question.get("having", ()), *self.order_by)
        top = self.question.get("top")
        more = [one["metric"] for one in keys if one.get("metric")] + ([top["by"]] if top else [])
        return looked_at([*self.metrics, *more])

    def _top(self, current: Sequence[Event]) -> set[str] | None:
        """The values of the first dimension that have rows of their own; None: all."""
        top = self.question.get("top")
        if not top:
            return None
        counting = self._counting()
        tallies: dict[str, Tally] = defaultdict(Tally)
        for event in current:
            if counting is None or event["event"] in counting:
                tallies[dimension(event, self.dimensions[0])].add(event)
        ranked = sorted(tallies, key=lambda one: (_descending(tallies[one].value(top["by"])), one))
        return set(ranked[: top["n"]])

    def _tallies(
        self, events: Iterable[Event], top: set[str] | None, shift_ms: int, *, by_date: bool = False
    ) -> _Tallies:
        """The sums of each row; events that are ``shift_ms`` later are put into the buckets.

        ``by_date``: earlier events are put into the bucket of the local date that theirs is compared with.
        """
        counting = self._counting()
        rest = (self.question.get("top") or {}).get("other", True)
        found: _Tallies = defaultdict(Tally)
        for event in events:
            if counting is not None and event["event"] not in counting:
                continue  # no asked metric looks at it
            values = tuple(dimension(event, name) for name in self.dimensions)
            key = _Key(False, values)
            if top is not None and values[0] not in top:
                if not rest:
                    continue
                key = _Key(True, (None, *values[1:]))
            start = None
            if self.grain:
                minute = (event["event_time"] + shift_ms) // MINUTE_MS
                start = (
                    self.clock.later(self.grain, minute, self.shift)
                    if by_date and self.grain not in STEPS
                    else self.clock.start(self.grain, minute)
                )
            found[key, start].add(event)
        return found

    def _partner(self, start: int | None) -> int | None:
        """The start of the bucket that this one is compared with; None: there is none, or no grain.

        For an exact shift, and by dates, the earlier events are in the buckets of the range already.
        """
        if start is None or not self.grain or not self.previous or self.shift.exact_ms:
            return start
        if self.grain not in STEPS:
            return start if self.clock.has_counterpart(self.grain, start, self.shift) else None
        return self.clock.partner(self.grain, start, self.shift)

    def _row(self, key: _Key, start: int | None, tally: Tally, before: _Tallies, partner: int | None) -> Row:
        values = tally.values(self.metrics)
        previous: dict[str, Number] | None = None
        if self.previous:
            previous = dict.fromkeys(self.metrics)
            if partner is not None or start is None:
                previous = before.get((key, partner), Tally.nothing()).values(self.metrics)
        lower, upper = intervals(tally, self.metrics)
        return {
            "bucket": None if start is None else start * MINUTE_MS,
            "other": key.other,
            "dimensions": dict(zip(self.dimensions, key.values, strict=True)),
            "values": values,
            "previous": previous,
            "change": None if previous is None else changes(values, previous),
            "lower": lower,
            "upper": upper,
            "tally": tally,
        }

    def _has(self, row: Row) -> bool:
        for one in self.question.get("having", ()):
            value = row["tally"].value(one["metric"])
            low, high = one.get("min"), one.get("max")
            if value is None or (low is not None and value < low) or (high is not None and value > high):
                return False
        return True

    def _ordered(self, rows: list[Row]) -> list[Row]:
        """By the last key first: Python's sort keeps the order of equals."""
        for name in reversed(self.dimensions):
            rows.sort(key=lambda row: _ascending(row["dimensions"][name]))
        rows.sort(key=lambda row: row["other"])
        if self.grain:
            rows.sort(key=lambda row: row["bucket"])
        elif not self.order_by:
            if self.metrics:
                rows.sort(key=lambda row: _descending(row["tally"].value(self.metrics[0])))
            rows.sort(key=lambda row: row["other"])
        for one in reversed(self.order_by):
            _sort(rows, one)
        return rows


def _sort(rows: list[Row], key: Mapping[str, Any]) -> None:
    def value(row: Row) -> Any:
        if key.get("metric"):
            return row["tally"].value(key["metric"])
        return row["dimensions"][key["dimension"]] if key.get("dimension") else row["bucket"]

    known = [row for row in rows if value(row) is not None]
    unknown = [row for row in rows if value(row) is None]
    rows[:] = sorted(known, key=value, reverse=key.get("direction", "DESC") == "DESC") + unknown


def _descending(value: Number) -> tuple[bool, float]:
    return (value is None, -(value or 0))


def _ascending(value: str | None) -> tuple[bool, str]:
    return (value is None, value or "")
