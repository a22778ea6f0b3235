"""What each metric is, over events in plain Python: integers, and one division at the end."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from functools import cache
from typing import Any

Number = int | float | None

_MICROS = 1_000_000
_COUNTS = {"IMPRESSIONS": "impression", "CLICKS": "click", "CONVERSIONS": "conversion"}
_RATIOS = {
    "CTR": ("CLICKS", "IMPRESSIONS", 1),
    "CVR": ("CONVERSIONS", "CLICKS", 1),
    "CPC": ("SPEND", "CLICKS", 1),
    "CPM": ("SPEND", "IMPRESSIONS", 1000),
    "CPA": ("SPEND", "CONVERSIONS", 1),
    "ROAS": ("REVENUE", "SPEND", 1),
}
RATES = ("CTR", "CVR")
_MONEY = ("SPEND", "REVENUE")
METRICS = (*_COUNTS, *_MONEY, "EVENTS", "REACH", *_RATIOS)


class Tally:
    """Sums over the events that were added."""

    __slots__ = ("_cost", "_events", "_known", "_quantity", "_users", "_value")

    def __init__(self) -> None:
        self._quantity: Counter[str] = Counter()
        self._events = self._value = self._cost = 0
        self._users: set[str] = set()
        self._known: dict[str, Number] = {}

    @staticmethod
    @cache
    def nothing() -> "Tally":
        """The sums over no event."""
        return Tally()

    def add(self, event: Mapping[str, Any]) -> None:
        """Count an event."""
        self._quantity[event["event"]] += event.get("quantity", 1)
        self._events += 1
        self._value += event.get("value_micros", 0)
        self._cost += event.get("cost_micros", 0)
        user = event.get("user_id", "") or event.get("anonymous_id", "")
        if user:
            self._users.add(user)

    def value(self, metric: str) -> Number:
        """A metric: counts whole, money in currency units, null where a denominator is 0."""
        if metric not in self._known:
            self._known[metric] = self._computed(metric)
        return self._known[metric]

    def values(self, metrics: Iterable[str]) -> dict[str, Number]:
        """Several of them by name."""
        return {metric: self.value(metric) for metric in metrics}

    def whole(self, metric: str) -> int:
        """A sum as it is: counts, or millionths of the currency."""
        if metric in _COUNTS:
            return self._quantity[_COUNTS[metric]]
        return {
            "SPEND": self._cost,
            "REVENUE": self._value,
            "EVENTS": self._events,
            "REACH": len(self._users),
        }[metric]

    def _computed(self, metric: str) -> Number:
        if metric not in _RATIOS:
            whole = self.whole(metric)
            return whole / _MICROS if metric in _MONEY else whole
        above, below, scale = _RATIOS[metric]
        up, down = self.whole(above) * scale, self.whole(below)
        if above in _MONEY and below not in _MONEY:
            down *= _MICROS
        return up / down if down else None


def looked_at(metrics: Iterable[str]) -> set[str] | None:
    """The names of the events that these metrics look at; None: they look at all, or there are none."""
    sums = {part for metric in metrics for part in _RATIOS.get(metric, (metric,))[:2]}
    if not sums or not sums <= _COUNTS.keys():
        return None
    return {_COUNTS[one] for one in sums}


def changes(values: Mapping[str, Number], previous: Mapping[str, Number]) -> dict[str, Number]:
    """How much each grew, as a fraction of what it was."""
    return {metric: _change(value, previous[metric]) for metric, value in values.items()}


def intervals(tally: Tally, metrics: Sequence[str]) -> tuple[dict[str, Number], dict[str, Number]]:
    """The lower and the upper ends of Wilson's interval of each rate among the metrics."""
    ends = {
        metric: _wilson(*(tally.whole(part) for part in _RATIOS[metric][:2]))
        for metric in metrics
        if metric in RATES
    }
    lower, upper = ({metric: end[side] for metric, end in ends.items()} for side in (0, 1))
    return lower, upper


def _change(value: Number, previous: Number) -> Number:
    return (value - previous) / previous if previous and value is not None else None


@cache
def _wilson(successes: int, trials: int) -> tuple[Number, Number]:
    """95 % (E. B. Wilson 1927), as the roots p of (x/n - p)² = z² p (1 - p) / n, to 50 digits."""
    if trials <= 0 or not 0 <= successes <= trials:
        return None, None
    with localcontext() as context:
        context.prec = 50
        square = Decimal("1.959963984540054") ** 2
        a, b = trials + square, 2 * successes + square
        root = (b * b - 4 * a * Decimal(successes) ** 2 / trials).sqrt()
        return float((b - root) / (2 * a)), float((b + root) / (2 * a))
