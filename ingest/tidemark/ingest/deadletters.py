"""Dead letters: each refused event with its bytes, reason, door and time, on ``rejected.v1`` (rule 9)."""

from typing import Final

import msgspec

from tidemark.ingest.event import Refusal

MAX_RAW: Final = 64 * 1024
"""Bytes kept of a refused event."""


class DeadLetter(msgspec.Struct, frozen=True):
    r"""One value on ``rejected.v1``.

    Attributes:
        reason: one sentence.
        field: the field at fault, "" for the event as a whole.
        door: the path it came in by.
        at: Unix ms by the brokers' clock.
        raw: its bytes as text, what is not UTF-8 as ``\xNN``.
    """

    reason: str
    field: str
    door: str
    at: int
    raw: str


def letter(refusal: Refusal, door: str, at: int) -> bytes:
    """A refused event as the bytes of its dead letter."""
    raw = refusal.raw[:MAX_RAW].decode("utf-8", "backslashreplace")
    return msgspec.json.encode(DeadLetter(_utf8(refusal.reason), _utf8(refusal.field), door, at, raw))


def _utf8(text: str) -> str:
    """A text that can be encoded: names that a client chose stand in reasons."""
    return text.encode("utf-8", "backslashreplace").decode()
