"""PostHog's doors: one capture, a list of them, or a batch; plain, or base64 in a form.

Source: https://posthog.com/docs/api/capture
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec

from tidemark.ingest.clock import client_time
from tidemark.ingest.doors.calls import Call, CallError, Taker, each
from tidemark.ingest.event import LATEST_MS, Parsed, Unreadable


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    sent_at: Any = None


_LATEST_SECONDS: Final = LATEST_MS // 1000
_batch = msgspec.json.Decoder(_Batch)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_single = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse(body: bytes, query: Mapping[str, str], to: Taker) -> Parsed:
    """The events of a body; ``query`` may hold ``_``, when the browser sent it in Unix ms.

    Raises:
        Unreadable: it is not what PostHog's clients send, or too many calls.
    """
    plain = _from_form(body)
    stamp = query.get("_", "")
    sent_at: object = int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 16 else None  # noqa: PLR2004
    try:
        if plain.lstrip()[:1] == b"[":
            pieces = [bytes(raw) for raw in _list.decode(plain)]
        else:
            single = _single.decode(plain)
            if "batch" in single:
                batch = _batch.decode(plain)
                pieces = [bytes(raw) for raw in batch.batch]
                sent_at = batch.sent_at or sent_at
            else:
                pieces = [plain]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f'the body is no capture: {error}; send {{"api_key": ..., "batch": [...]}}'
        raise Unreadable(400, reason, "json", body) from None
    return each(pieces, lambda item: _call(item, sent_at), to)


def _from_form(body: bytes) -> bytes:
    if not body.startswith(b"data="):
        return body
    data = unquote_to_bytes(body[5:].split(b"&", 1)[0])
    if data.lstrip()[:1] in (b"{", b"["):
        return data
    try:
        return b64decode(data.replace(b" ", b"+"), validate=True)
    except binascii.Error as error:
        raise Unreadable(400, f"the form's data is not base64: {error}", "json", body) from None


def _call(item: object, sent_at: object) -> Call:
    if not isinstance(item, dict):
        raise CallError(("", "a capture is a JSON object", "json"))
    properties = item.get("properties")
    if not isinstance(properties, dict):
        properties = item["properties"] = {}
    for secret in ("token", "api_key"):
        properties.pop(secret, None)
    time = client_time(item.get("timestamp"))
    seconds = properties.pop("$time", None)  # posthog-js: Unix seconds with a fraction
    if time is None and isinstance(seconds, int | Decimal) and 0 < seconds < _LATEST_SECONDS:
        time = client_time(int(seconds * 1000))
    age = item.get("offset")
    return Call(
        body=item,
        event_id=item.get("uuid") or item.get("message_id") or properties.pop("$insert_id", None),
        name=item.get("event"),
        time=time,
        sent_at=client_time(item.get("sent_at", sent_at)),
        age_ms=min(age, 10**12) if isinstance(age, int) and not isinstance(age, bool) else 0,
    )
