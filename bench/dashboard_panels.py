"""The six panels of the benchmark's dashboard: what each asks of GraphQL, and the range it is about."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import population

_COLUMNS = "columns { name values }"
_META = "rowCount resolved { source } freshness { lagMs }"
_COST = "cost { rowsRead elapsedMs cacheHit }"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        name: For the tables of figures.
        query: The constant part of its ``MetricsQuery``.
        campaigns: How many campaigns it filters by; 0: it filters by a channel.
        seconds: It is about so many seconds up to now; 0: about ``days``.
        days: It is about so many days of its time zone, today included.
        selection: The part of the frame that it draws.
    """

    name: str
    query: Mapping[str, object]
    campaigns: int = 1
    seconds: int = 0
    days: int = 0
    selection: str = _COLUMNS


@dataclass(frozen=True, slots=True)
class Filters:
    """What one refresh of a panel filters by."""

    campaigns: list[str] = field(default_factory=list)
    channel: str = ""


PANELS = (
    Panel("24 h by hour", {"metrics": ["CLICKS", "CTR"], "grain": "HOUR"}, seconds=86_400),
    Panel(
        "7 days by day and channel, compared",
        {
            "metrics": ["SPEND", "REVENUE", "ROAS"],
            "dimensions": ["CHANNEL"],
            "grain": "DAY",
            "compare": "PREVIOUS_WEEK",
        },
        campaigns=5,
        days=7,
    ),
    Panel(
        "today's top 10 campaigns",
        {
            "metrics": ["SPEND", "CLICKS", "ROAS"],
            "dimensions": ["CAMPAIGN"],
            "top": {"n": 10, "by": "SPEND", "other": True},
        },
        campaigns=0,
        days=1,
        selection="rows { campaign other values { spend clicks roas } }",
    ),
    Panel("60 min by minute", {"metrics": ["IMPRESSIONS", "CLICKS"], "grain": "MINUTE"}, seconds=3_600),
    Panel(
        "30 days by day and country, Berlin",
        {
            "metrics": ["CLICKS"],
            "dimensions": ["COUNTRY"],
            "grain": "DAY",
            "timezone": "Europe/Berlin",
            "top": {"n": 5, "by": "CLICKS", "other": True},
        },
        days=30,
    ),
    Panel(
        "24 h totals with intervals",
        {"metrics": ["IMPRESSIONS", "CLICKS", "CONVERSIONS", "CTR", "CVR"], "dimensions": ["CAMPAIGN"]},
        campaigns=3,
        seconds=86_400,
        selection="rows { campaign values { impressions clicks conversions ctr cvr }"
        " lower { ctr cvr } upper { ctr cvr } }",
    ),
)


def draw(panel: Panel, chance: random.Random) -> Filters:
    """Filters for one refresh: campaigns by Zipf's law, or any channel."""
    if panel.campaigns:
        return Filters(campaigns=population.campaigns(chance, panel.campaigns))
    return Filters(channel=chance.choice(population.CHANNELS))


def span(panel: Panel, now: datetime) -> tuple[datetime, datetime]:
    """The instants that the panel is about: whole minutes, or days of its zone through the end of today."""
    if panel.seconds:
        minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return minute - timedelta(minutes=1, seconds=panel.seconds), minute
    zone = ZoneInfo(str(panel.query.get("timezone", "UTC")))
    today = now.astimezone(zone).date()
    first, after = today - timedelta(days=panel.days - 1), today + timedelta(days=1)
    edges = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, after))
    return next(edges), next(edges)


def document(panel: Panel, *, cost: bool) -> str:
    """The operation; ``cost`` asks for what it cost too."""
    wanted = f"{panel.selection} {_META} {_COST if cost else ''}"
    return f"query($query: MetricsQuery!) {{ metrics(query: $query) {{ {wanted} }} }}"


def question(panel: Panel, filters: Filters, now: datetime) -> dict[str, Any]:
    """The ``MetricsQuery`` of one refresh."""
    where = (
        {"dimension": "CAMPAIGN", "values": filters.campaigns}
        if panel.campaigns
        else {"dimension": "CHANNEL", "values": [filters.channel]}
    )
    if panel.seconds:
        asked: dict[str, object] = {"lastSeconds": panel.seconds}
    else:
        start, end = span(panel, now)
        asked = {"from": start.isoformat(), "to": end.isoformat()}
    return {**panel.query, "where": [where], "range": asked}
