"""The event contract: one flat JSON object on ``events.v1`` (DESIGN section 1), its limits, and refusals."""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01 in Unix ms: no time is before it."""
LATEST_MS: Final = 4_102_444_800_000
"""2100-01-01 in Unix ms, exclusive."""
MAX_QUANTITY: Final = 1_000_000_000
MAX_MICROS: Final = 10_000_000_000_000
MAX_NAME: Final = 200
"""Characters of ``event_id`` and ``event``."""
MAX_TEXT: Final = 1_000
"""Characters of every other string field; values in ``properties`` are bounded by the event's size only."""
MAX_EVENT_BYTES: Final = 32_768
"""One event as the client sent it, decompressed."""
MAX_EVENTS: Final = 10_000
"""Events in one request: what the producer's queue takes, and what is parsed without a long pause."""
HEARTBEAT: Final = "heartbeat"
"""The event name that only collectors send (DESIGN rule 7)."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Milliseconds = Annotated[int, msgspec.Meta(ge=EARLIEST_MS, lt=LATEST_MS)]
Quantity = Annotated[int, msgspec.Meta(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
Micros = Annotated[int, msgspec.Meta(ge=-MAX_MICROS, le=MAX_MICROS)]


class Event(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One event as it lies on ``events.v1``: every field is written, in this order.

    Times are Unix ms, money is in millionths of the deployment's currency. ``original_time`` may also be 0
    and ``quantity`` is never 0, which the types do not say. The identity is
    (``event_id``, ``event``, ``campaign_id``, ``original_time``), DESIGN rule 8.
    """

    event_id: Name
    event: Name
    event_time: Milliseconds
    original_time: Annotated[int, msgspec.Meta(ge=0, lt=LATEST_MS)]
    received_at: Milliseconds
    quantity: Quantity = 1
    value_micros: Micros = 0
    cost_micros: Micros = 0
    campaign_id: Text = ""
    ad_id: Text = ""
    channel: Text = ""
    source: Text = ""
    platform: Text = ""
    country: Text = ""
    user_id: Text = ""
    anonymous_id: Text = ""
    experiment_id: Text = ""
    variant: Text = ""
    properties: dict[str, str] = {}


TEXT_FIELDS: Final = (
    "campaign_id", "ad_id", "channel", "source", "platform", "country",
    "user_id", "anonymous_id", "experiment_id", "variant",
)  # fmt: skip
"""The fields of at most `MAX_TEXT` characters, in the event's order."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event was not taken.

    Attributes:
        index: its place in what was sent, from 0 (among the lines that are not blank for NDJSON).
        field: the field at fault as the client names it, "" when it is the event as a whole.
        reason: one sentence with the value, the limit and what to do.
        kind: its class for metrics: ``json``, ``missing``, ``unknown``, ``type``, ``range``, ``reserved``,
            ``currency``, ``character``, ``size``, ``tracking``.
        raw: the event's bytes as they came, decompressed.
    """

    index: int
    field: str
    reason: str
    kind: str
    raw: bytes


@dataclass(slots=True)
class Parsed:
    """What a body held: each event of it is in exactly one of the two lists."""

    events: list[Event]
    refusals: list[Refusal]


class Unreadable(Exception):  # noqa: N818 - it is the body that is unreadable, not the program that erred
    """A body that could not be read as events at all: answered with ``status``, kept as one dead letter.

    Attributes:
        status: 400, or 413 when a limit was passed.
        reason: one sentence for the client.
        kind: as in `Refusal`.
        raw: what was read of it.
    """

    def __init__(self, status: int, reason: str, kind: str, raw: bytes) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.kind = kind
        self.raw = raw


encode = msgspec.json.Encoder().encode
"""An `Event` as the bytes on the topic."""
