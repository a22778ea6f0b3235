"""Segment's doors, which RudderStack's SDKs use too: calls one by one, or a batch of them.

Source: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

from typing import Any, Final

import msgspec

from tidemark.ingest.clock import client_time
from tidemark.ingest.doors.calls import Call, CallError, Taker, each
from tidemark.ingest.event import Parsed, Unreadable

CALLS: Final = ("track", "page", "screen", "identify", "group", "alias")
_BESIDE: Final = ("name", "category", "groupId", "previousId")
"""What a call says beside its properties, kept among them."""


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    sentAt: Any = None  # noqa: N815 - the wire's name
    context: dict[str, Any] | None = None


_batch = msgspec.json.Decoder(_Batch)


def parse(body: bytes, kind: str, to: Taker) -> Parsed:
    """The events of a body sent to the door of one call (``track``) or to ``batch``.

    Raises:
        Unreadable: it is no batch, or too many calls.
    """
    if kind != "batch":
        return each([body], lambda item: _call(item, kind, None, None), to)
    try:
        batch = _batch.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f'the body is no batch: {error}; send {{"batch": [...]}}'
        raise Unreadable(400, reason, "json", body) from None
    pieces = [bytes(raw) for raw in batch.batch]
    return each(pieces, lambda item: _call(item, "", batch.sentAt, batch.context), to)


def _call(item: object, kind: str, sent_at: object, context: dict[str, Any] | None) -> Call:
    if not isinstance(item, dict):
        raise CallError(("", "a call is a JSON object", "json"))
    kind = kind or str(item.get("type", "")).lower()
    if kind not in CALLS:
        reason = f"type is {item.get('type')!r}; it must be one of {', '.join(CALLS)}"
        raise CallError(("type", reason, "tracking"))
    if context:
        own = item.get("context")
        item["context"] = {**context, **(own if isinstance(own, dict) else {})}
    beside = {name: item[name] for name in _BESIDE if item.get(name) is not None}
    if beside:
        properties = item.get("properties")
        item["properties"] = {**beside, **(properties if isinstance(properties, dict) else {})}
    time = client_time(item.get("timestamp"))
    return Call(
        body=item,
        event_id=item.get("messageId"),
        name=item.get("event") if kind == "track" else kind,
        # RudderStack's Node SDK gives both; only ``timestamp`` is the same when the application sends again.
        time=client_time(item.get("originalTimestamp")) if time is None else time,
        sent_at=client_time(item.get("sentAt", sent_at)),
    )


def settings(write_key: str, scheme: str, host: str) -> dict[str, Any]:
    """What ``analytics-next`` asks its CDN for before it sends: to send here, and nothing elsewhere."""
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{host}/v1",
                "protocol": scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
