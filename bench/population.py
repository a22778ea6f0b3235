"""Who the benchmarks' events are about: the same laws for the loader, the stream and the viewers' filters.

A rank is drawn by Zipf's law: rank ``floor((n + 1) ** u)`` of ``n``, ``u`` uniform in [0, 1), has the
probability ``log((k + 1) / k) / log(n + 1)``, which is proportional to 1/k. ``load_events.sql`` has the
same formula.
"""

import random
from collections.abc import Mapping

CAMPAIGNS = 3_000
ADS = 8
"""Ads a campaign; the ad decides the channel and the country it is shown in."""

USERS = 500_000
CHANNELS = ("search", "social", "display", "video", "mail", "affiliate")
PLATFORMS = ("mobile", "desktop", "tablet")
COUNTRIES = (
    "US", "DE", "GB", "FR", "IN", "BR", "JP", "CA", "IT", "ES", "AU", "MX", "NL", "PL", "SE",
    "TR", "KR", "ID", "AR", "BE", "CH", "AT", "DK", "NO", "FI", "PT", "IE", "CZ", "NP", "NZ",
)  # fmt: skip
_GOLDEN = 0.6180339887498949
CLICK, CONVERSION, SPEND = 0.80, 0.92, 0.95
"""Where clicks, conversions and spend begin in [0, 1); below the first are impressions."""


def rank(uniform: float, count: int) -> int:
    """A rank from 1 to ``count`` by Zipf's law."""
    return int((count + 1) ** uniform)


def country(ranked: int, ad: int) -> str:
    """Where an ad is shown: the golden ratio spreads the ads evenly over [0, 1)."""
    return COUNTRIES[rank((ranked * ADS + ad) * _GOLDEN % 1, len(COUNTRIES)) - 1]


def campaign(number: int) -> str:
    """The name of the campaign of a rank."""
    return f"campaign-{number:04}"


def campaigns(draw: random.Random, count: int) -> list[str]:
    """``count`` different campaigns by Zipf's law."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[campaign(rank(draw.random(), CAMPAIGNS))] = None
    return list(found)


def parameters() -> Mapping[str, object]:
    """The laws as ``load_events.sql`` takes them."""
    return {
        "campaigns": CAMPAIGNS,
        "ads": ADS,
        "users": USERS,
        "channels": list(CHANNELS),
        "platforms": list(PLATFORMS),
        "countries": list(COUNTRIES),
        "click": CLICK,
        "conversion": CONVERSION,
        "spend": SPEND,
    }


def event(draw: random.Random, event_id: str, at_ms: int, campaigns: int = CAMPAIGNS) -> dict[str, object]:
    """An event of one of so many campaigns as an application sends it; ``at_ms`` is Unix ms."""
    kind, ranked, ad = draw.random(), rank(draw.random(), campaigns), draw.randrange(ADS)
    name = (
        "impression"
        if kind < CLICK
        else "click"
        if kind < CONVERSION
        else "conversion"
        if kind < SPEND
        else "spend"
    )
    made: dict[str, object] = {
        "event_id": event_id,
        "event": name,
        "event_time": at_ms,
        "campaign_id": campaign(ranked),
        "ad_id": f"ad-{ranked:04}-{ad}",
        "channel": CHANNELS[(ranked + ad) % len(CHANNELS)],
        "country": country(ranked, ad),
    }
    if name == "spend":
        return made | {"source": "server", "cost_micros": 100_000 + draw.randrange(5_000_000)}
    if name == "conversion":
        made["value_micros"] = 5_000_000 + draw.randrange(95_000_000)
    return made | {
        "source": "web",
        "platform": PLATFORMS[rank(draw.random(), len(PLATFORMS)) - 1],
        "user_id": f"user-{draw.randrange(USERS)}",
    }
