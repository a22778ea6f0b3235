"""The events of a demo: event number ``i`` depends on the seed, the start, the rate and ``i`` alone.

So a run's totals are known without asking anybody, and an event that has to be sent again is the same event.
"""

import math
import struct
from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate

from tidemark.ingest.demo.cast import (
    CAMPAIGNS,
    COUNTRIES,
    DEVICES,
    EXPERIMENT,
    FAILING,
    VARIANTS,
    Campaign,
)
from tidemark.ingest.replay.event import Event

HEALTHY_MS = 60_000
"""How long the failing campaign does well."""
DECLINE_MS = 30_000
"""How long it takes from well to failed, and back."""
MENDED_MS = 420_000
"""When somebody has been told and begins to mend it: it does well again a decline later, and from then on."""
_LOST_CLICKS, _LOST_CONVERSIONS = 0.6, 0.97
_SPEND_RATE, _EXPOSURE_RATE, _REFUND_RATE = 0.04, 0.015, 0.004
_TREATMENT_LIFT = 1 / 3
"""The part of its conversions that the control loses against the treatment."""
_EVENTS_PER_USER = 100
"""One new user enters the test every so many events; users that entered lately are the ones exposed."""
_EXPOSED_USERS, _CONVERTING_USERS = 20, 200
_OF_USERS = frozenset({"exposure", "conversion", "refund"})
_DRAWS = struct.Struct("<16I")
_WHOLE = 1 << 32
_HOUR_MS = 3_600_000


class Scenario:
    """A run's events.

    Attributes:
        seed: chooses everything that is left to chance.
        start_ms: when event 0 happens, Unix ms.
        rate: events a second.
        campaigns: the ids of its campaigns.
    """

    def __init__(self, *, seed: int, start_ms: int, rate: float, campaigns: int) -> None:
        self.seed = seed
        self.start_ms = start_ms
        self.rate = rate
        self._cast = CAMPAIGNS[:campaigns]
        self.campaigns = tuple(f"{campaign.name}-{seed}" for campaign in self._cast)
        self.failing = self.campaigns[FAILING] if campaigns > FAILING else ""
        self._shares = list(accumulate(campaign.share for campaign in self._cast))
        self._devices = list(accumulate(weight for _, _, weight in DEVICES))
        self._key = f"tidemark-demo/{seed}".encode()

    def due(self, now_ms: int) -> int:
        """How many events have happened until then: those whose `time` is before it."""
        due = max(0, math.ceil((now_ms - self.start_ms) * self.rate / 1000))
        # the quotient's rounding may make it one more or less
        while due and self.time(due - 1) >= now_ms:
            due -= 1
        while self.time(due) < now_ms:
            due += 1
        return due

    def time(self, number: int) -> int:
        """When the event happens, Unix ms; never before one with a smaller number."""
        return self.start_ms + int(number * 1000 / self.rate)

    def decline(self, time_ms: int) -> float:
        """How far the failing campaign has failed: 0 while it does well, 1 until it is mended."""
        elapsed = time_ms - self.start_ms
        failed, mended = (elapsed - HEALTHY_MS) / DECLINE_MS, (elapsed - MENDED_MS) / DECLINE_MS
        return min(1.0, max(0.0, failed)) - min(1.0, max(0.0, mended))

    def event(self, number: int) -> Event:
        """The event of that number."""
        draws = self._draws(number)
        time = self.time(number)
        at = bisect(self._shares, draws[0] * self._shares[-1] // _WHOLE)
        country, activity = _country(time // _HOUR_MS, draws[1])
        source, platform, _ = DEVICES[bisect(self._devices, draws[2] * self._devices[-1] // _WHOLE)]
        campaign = self._cast[at]
        kind = self._kind(at, campaign, time, number, draws)
        quantity, value_micros, cost_micros = _measures(kind, campaign, activity, draws)
        user = self._user(kind, number, draws) if kind in _OF_USERS else None
        exposed = kind == "exposure"
        return Event(
            event_id=f"demo-{self.seed}-{self.start_ms}-{number}",
            event=kind,
            event_time=time,
            original_time=time,
            campaign_id=self.campaigns[at],
            ad_id=f"{campaign.name}-ad{draws[3] % 3 + 1}",
            channel=campaign.channels[draws[4] % len(campaign.channels)],
            source="server" if kind == "spend" else source,
            platform="" if kind == "spend" else platform,
            country=country,
            anonymous_id=f"visitor-{draws[5] % 100_000}" if kind in {"impression", "click"} else "",
            quantity=quantity,
            value_micros=value_micros,
            cost_micros=cost_micros,
            user_id="" if user is None else f"user-{user}",
            experiment_id=f"{EXPERIMENT}-{self.seed}" if exposed else "",
            variant=self._variant(user) if exposed and user is not None else "",
        )

    def _draws(self, number: int) -> tuple[int, ...]:
        """Sixteen random numbers of 32 bits: BLAKE2b keyed with the seed, the same on every machine."""
        return _DRAWS.unpack(blake2b(number.to_bytes(8, "little"), key=self._key, digest_size=64).digest())

    def _kind(self, at: int, campaign: Campaign, time: int, number: int, draws: Sequence[int]) -> str:
        left = draws[6] / _WHOLE
        kinds = (
            ("conversion", campaign.conversion_rate),
            ("click", campaign.click_rate),
            ("spend", _SPEND_RATE),
            ("refund", _REFUND_RATE),
            ("exposure", _EXPOSURE_RATE),
        )
        kind = "impression"
        for name, rate in kinds:
            if left < rate:
                kind = name
                break
            left -= rate
        luck = draws[7] / _WHOLE
        if self.failing and at == FAILING:
            lost = {"click": _LOST_CLICKS, "conversion": _LOST_CONVERSIONS}.get(kind, 0.0)
            if luck < lost * self.decline(time):
                return "impression"
        if kind == "conversion" and draws[10] / _WHOLE < _TREATMENT_LIFT:
            variant = self._variant(self._user(kind, number, draws))
            return "click" if variant == VARIANTS[0] else kind
        return kind

    @staticmethod
    def _user(kind: str, number: int, draws: Sequence[int]) -> int:
        # Conversions come from users of the last while, most of whom were exposed before.
        span = _EXPOSED_USERS if kind == "exposure" else _CONVERTING_USERS
        return _CONVERTING_USERS + number // _EVENTS_PER_USER - draws[8] % span

    def _variant(self, user: int) -> str:
        digest = blake2b(b"user" + user.to_bytes(8, "little"), key=self._key, digest_size=1).digest()
        return VARIANTS[digest[0] % 2]


def _measures(kind: str, campaign: Campaign, activity: float, draws: Sequence[int]) -> tuple[int, int, int]:
    """Quantity, value and cost."""
    spread = draws[9] / _WHOLE
    if kind == "impression":
        return 1 + int((8 + 24 * spread) * activity), 0, 0
    if kind == "spend":
        return 1, 0, int(campaign.cost_micros * (0.7 + 0.6 * spread))
    if kind in {"conversion", "refund"}:
        cents = int(campaign.basket_micros * (0.5 + spread)) // 10_000
        return 1, cents * 10_000 * (-1 if kind == "refund" else 1), 0
    return 1, 0, 0


def _country(hour: int, draw: int) -> tuple[str, float]:
    """The country of an event in that hour since 1970, and how awake it is, of 1."""
    weights, awake = _awake(hour)
    at = min(bisect(weights, draw / _WHOLE * weights[-1]), len(COUNTRIES) - 1)
    return COUNTRIES[at].code, awake[at]


@lru_cache(48)
def _awake(hour: int) -> tuple[list[float], list[float]]:
    """Daily rhythm: each country is busiest at 20 h of its own time, and quietest twelve hours away."""
    awake = [
        0.55 + 0.45 * math.cos((hour + country.utc_offset - 20) / 24 * 2 * math.pi) for country in COUNTRIES
    ]
    sizes = [country.size * share for country, share in zip(COUNTRIES, awake, strict=True)]
    return list(accumulate(sizes)), awake
