"""The event as a client sends it: only what it knows, the rest is left to the collector's defaults."""

from dataclasses import dataclass

import msgspec

EARLIEST_MS = 946_684_800_000
"""2000-01-01 in Unix ms: no event is older (DESIGN section 1)."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01 in Unix ms, exclusive: no event is newer."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """One event for the collector's ``POST /v1/events``; fields and units are those of DESIGN section 1.

    ``original_time`` is always said: it is part of the identity, which a shifted ``event_time`` is not.
    """

    event_id: str
    event: str
    event_time: int
    original_time: int
    quantity: int = 1
    value_micros: int = 0
    cost_micros: int = 0
    campaign_id: str = ""
    ad_id: str = ""
    channel: str = ""
    source: str = ""
    platform: str = ""
    country: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    experiment_id: str = ""
    variant: str = ""
    properties: dict[str, str] = {}


@dataclass(slots=True)
class Sums:
    """Exact sums over events; money in millionths of the deployment's currency."""

    events: int = 0
    quantity: int = 0
    value_micros: int = 0
    cost_micros: int = 0

    def add(self, event: Event) -> None:
        """Count one event in."""
        self.events += 1
        self.quantity += event.quantity
        self.value_micros += event.value_micros
        self.cost_micros += event.cost_micros

    def merge(self, other: "Sums") -> None:
        """Count all of another's events in."""
        self.events += other.events
        self.quantity += other.quantity
        self.value_micros += other.value_micros
        self.cost_micros += other.cost_micros
