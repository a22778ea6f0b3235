"""What GraphQL must answer, computed from the events in plain Python, another way than the product does."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

Event = Mapping[str, Any]

_COLUMN = {
    "CAMPAIGN": "campaign_id",
    "AD": "ad_id",
    "CHANNEL": "channel",
    "SOURCE": "source",
    "PLATFORM": "platform",
    "COUNTRY": "country",
    "EVENT": "event",
}
_GRAIN_SECONDS = {"MINUTE": 60, "FIVE_MINUTES": 300, "HOUR": 3600, "DAY": 86400}


def distinct(events: Iterable[Event]) -> list[Event]:
    """The first copy of each identity (DESIGN rule 8), in the order they were sent."""
    first: dict[tuple[object, ...], Event] = {}
    for event in events:
        identity = (
            event["event_id"],
            event["event"],
            event.get("campaign_id", ""),
            event.get("original_time", event["event_time"]),
        )
        first.setdefault(identity, event)
    return list(first.values())


def sums(events: Iterable[Event]) -> dict[str, Fraction | None]:
    """Every metric over these distinct events; money in currency units, rates as exact fractions."""
    total: dict[str, Fraction] = defaultdict(Fraction)
    for event in events:
        quantity = event.get("quantity", 1)
        name = {"impression": "impressions", "click": "clicks", "conversion": "conversions"}.get(
            event["event"]
        )
        if name:
            total[name] += quantity
        total["spend"] += Fraction(event.get("cost_micros", 0), 1_000_000)
        total["revenue"] += Fraction(event.get("value_micros", 0), 1_000_000)
        total["events"] += 1
    ratio = {
        "ctr": ("clicks", "impressions", 1),
        "cvr": ("conversions", "clicks", 1),
        "cpc": ("spend", "clicks", 1),
        "cpm": ("spend", "impressions", 1000),
        "cpa": ("spend", "conversions", 1),
        "roas": ("revenue", "spend", 1),
    }
    answer: dict[str, Fraction | None] = {
        name: total[name] for name in ("impressions", "clicks", "conversions", "spend", "revenue", "events")
    }
    for name, (above, below, scale) in ratio.items():
        answer[name] = total[above] / total[below] * scale if total[below] else None
    return answer


def frame(
    events: Iterable[Event],
    *,
    start_ms: int,
    end_ms: int,
    dimensions: Sequence[str] = (),
    grain: str | None = None,
    where: Sequence[tuple[str, str, Sequence[str]]] = (),
) -> dict[tuple[object, ...], dict[str, Fraction | None]]:
    """(bucket start or None, dimension values …) → metrics.

    ``where`` holds (dimension, IN or NOT_IN, values).
    """
    groups: dict[tuple[object, ...], list[Event]] = defaultdict(list)
    for event in distinct(events):
        if not start_ms <= event["event_time"] < end_ms:
            continue
        value = {name: str(event.get(column, "")) for name, column in _COLUMN.items()}
        if any((value[name] in values) != (operator == "IN") for name, operator, values in where):
            continue
        bucket = None
        if grain:
            seconds = event["event_time"] // 1000
            bucket = datetime.fromtimestamp(seconds - seconds % _GRAIN_SECONDS[grain], UTC)
        groups[(bucket, *(value[name] for name in dimensions))].append(event)
    return {key: sums(members) for key, members in groups.items()}
