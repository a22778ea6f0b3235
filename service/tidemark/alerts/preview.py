"""What a rule would have told on the real past, before it is switched on, and what would tell less. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, isfinite, log10
from operator import ge, gt, le, lt
from typing import TypeVar

from tidemark.alerts.limit import History, replay
from tidemark.alerts.rule import Rule
from tidemark.alerts.series import Kind, Labels, Observation, Phase
from tidemark.alerts.term import Comparison, Constant
from tidemark.query.instant import DAY_MS, MINUTE_MS

MOST_A_DAY = 5.0
"""Alerts of one rule a day; people stop reading what comes more often."""
_LENGTHS = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1440)
"""Minutes, as people write them."""
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Alert:
    """One that would have been told.

    Attributes:
        labels: of whom.
        fired_ms: the tick at which it would have fired.
        ended_ms: the tick at which it would have resolved; None where it would still fire.
        value: when it fired.
    """

    labels: Labels
    fired_ms: int
    ended_ms: int | None
    value: float | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change with which the rule would have told at most as many alerts as it may; the other is None.

    Attributes:
        for_ms: a longer ``for``.
        threshold: a stricter number in the condition.
        alerts: how many it would have told then.
    """

    for_ms: int | None
    threshold: float | None
    alerts: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What would have been.

    Attributes:
        rule: its name.
        asked_ms: the first tick that was asked for.
        from_ms: the first that was judged; a later one where data begins later.
        to_ms: the last tick.
        ticks: how many were judged.
        series: how many were seen at all; at least those of the history.
        alerts: in the order of their time.
        stopped: ticks at which the condition held for more series than ``max_instances``.
        most: as many alerts as the rule may tell in this time.
        suggestions: where it told more; none if no ``for`` and no threshold helps and still tells something.
    """

    rule: str
    asked_ms: int
    from_ms: int
    to_ms: int
    ticks: int
    series: int
    alerts: tuple[Alert, ...]
    stopped: int
    most: int
    suggestions: tuple[Suggestion, ...]

    @property
    def days(self) -> float:
        """How long the past was; 0 of a single tick."""
        return (self.to_ms - self.from_ms) / DAY_MS

    def lasted_ms(self, alert: Alert) -> int:
        """How long an alert would have fired, up to the last tick where it still would."""
        return (self.to_ms if alert.ended_ms is None else alert.ended_ms) - alert.fired_ms


def preview(rule: Rule, history: History, most_a_day: float = MOST_A_DAY) -> Preview:
    """Judge the past as if the rule had been there from its first tick.

    Args:
        rule: As it is declared.
        history: Its complete ticks in order, each with the observations of all series.
        most_a_day: More alerts than this a day, over the whole time, are too many; a past of less than a day
            may have as many as one.

    Raises:
        ValueError: There is no tick.
    """
    if not history:
        raise ValueError(f"there is no tick of {rule.name} to judge; ask for a longer past than its every")
    from_ms, to_ms = history[0][0], history[-1][0]
    most = max(1, floor(most_a_day * max(1.0, (to_ms - from_ms) / DAY_MS)))
    alerts, stopped = _alerts(rule, history)
    return Preview(
        rule=rule.name,
        asked_ms=from_ms,
        from_ms=from_ms,
        to_ms=to_ms,
        ticks=len(history),
        series=len({labels for _, observations in history for labels in observations}),
        alerts=alerts,
        stopped=stopped,
        most=most,
        suggestions=tuple(_suggestions(rule, history, most)) if len(alerts) > most else (),
    )


def _alerts(rule: Rule, history: History) -> tuple[tuple[Alert, ...], int]:
    """In the order of time, and at how many ticks there were too many series."""
    firing: dict[Labels, Alert] = {}
    ended: list[Alert] = []
    stopped = 0
    for outcome in replay(rule, history):
        stopped += outcome.limit.phase is Phase.FIRING
        for labels, change in outcome.changes:
            if change.kind is Kind.FIRED:
                firing[labels] = Alert(labels, change.at_ms, None, change.value)
            else:
                ended.append(replace(firing.pop(labels), ended_ms=change.at_ms))
    return tuple(sorted((*ended, *firing.values()), key=lambda one: (one.fired_ms, one.labels))), stopped


def _suggestions(rule: Rule, history: History, most: int) -> Iterator[Suggestion]:
    def with_for(for_ms: int) -> int:
        return len(_alerts(replace(rule, for_ms=for_ms), history)[0])

    lengths = [one * MINUTE_MS for one in _LENGTHS]
    found = _first([one for one in lengths if one > rule.for_ms and one % rule.every_ms == 0], with_for, most)
    if found is not None:
        yield Suggestion(found[0], None, found[1])
    stricter = _stricter(rule)
    if stricter is None:
        return

    def with_threshold(bound: float) -> int:
        return len(_alerts(rule, list(_narrowed(history, lambda value: stricter.holds(value, bound))))[0])

    values = {one.value for _, row in history for one in row.values() if one.holds and one.value is not None}
    signed = sorted({_rounded_up(stricter.sign * value) for value in values})
    bound = _first([stricter.sign * one for one in signed], with_threshold, most)
    if bound is not None:
        yield Suggestion(None, bound[0], bound[1])


def _first(candidates: Sequence[N], count: Callable[[N], int], most: int) -> tuple[N, int] | None:
    """The least strict that tells at most so many, and something: by bisection, stricter ones telling less.

    Where that is not quite so (hysteresis can make two alerts of one) it is one that tells few enough.
    """
    place = bisect_left(candidates, True, key=lambda one: count(one) <= most)
    if place == len(candidates) or not (told := count(candidates[place])):
        return None
    return candidates[place], told


@dataclass(frozen=True, slots=True)
class _Stricter:
    """How a condition of one comparison goes on with another number: greater (1) or less (-1) is stricter."""

    sign: int
    holds: Callable[[float, float], bool]


def _stricter(rule: Rule) -> _Stricter | None:
    """None where the condition is no comparison of something with a number as its threshold."""
    condition = rule.when.condition
    if not isinstance(condition, Comparison) or rule.threshold is None:
        return None
    sign = _TURNED.get(condition.sign, "") if isinstance(condition.left, Constant) else condition.sign
    return _STRICTER.get(sign)


def _narrowed(
    history: History, holds: Callable[[float], bool]
) -> Iterator[tuple[int, Mapping[Labels, Observation]]]:
    """The same, where the condition holds only of these values."""
    for at_ms, observations in history:
        yield (
            at_ms,
            {
                labels: replace(one, holds=False)
                if one.holds and one.value is not None and not holds(one.value)
                else one
                for labels, one in observations.items()
            },
        )


def _rounded_up(number: float) -> float:
    """To two digits that count, as people write a threshold."""
    if not number or not isfinite(number):
        return number
    digits = 1 - floor(log10(abs(number)))
    near = round(number, digits)
    return near if near >= number else round(near + 10.0**-digits, digits)


_STRICTER = {">": _Stricter(1, gt), ">=": _Stricter(1, ge), "<": _Stricter(-1, lt), "<=": _Stricter(-1, le)}
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
