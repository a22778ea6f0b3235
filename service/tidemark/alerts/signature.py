"""Signatures of webhooks (Standard Webhooks 1.0.0, "Signature scheme"): HMAC-SHA256, version ``v1``."""

import base64
import binascii
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
_LEAST, _MOST = 24, 64  # bytes, says the specification


def keys(secret: str) -> tuple[bytes, ...]:
    """The keys in a secret: ``whsec_`` and base64 of 24 to 64 bytes; while one is replaced, two with a blank.

    Raises:
        ValueError: it is none; one sentence, which does not show it.
    """
    found = []
    for one in secret.split():
        try:
            key = base64.b64decode(one.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not one.startswith(PREFIX) or not _LEAST <= len(key) <= _MOST:
            raise ValueError(f"is no {PREFIX}… with base64 of {_LEAST} to {_MOST} bytes; make a new one")
        found.append(key)
    if not found:
        raise ValueError(f"is empty; it must be {PREFIX}… with base64 of {_LEAST} to {_MOST} bytes")
    return tuple(found)


def headers(signed_with: Sequence[bytes], named: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of a webhook: its id, the Unix second of this attempt, and a signature for each key."""
    content = f"{named}.{at_s}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in signed_with)
    return {
        "webhook-id": named,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }
