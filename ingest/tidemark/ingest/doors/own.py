"""Our own door, ``POST /v1/events``: one object, an array, or NDJSON, with the field names of the event.

A whole batch is decoded and checked in one call; only when that fails is each event looked at by itself,
for its reason. The two ways take the same events.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from tidemark.ingest.clock import corrected, to_ms
from tidemark.ingest.doors.reasons import explain
from tidemark.ingest.event import (
    EARLIEST_MS,
    HEARTBEAT,
    LATEST_MS,
    MAX_EVENT_BYTES,
    MAX_EVENTS,
    Event,
    Micros,
    Milliseconds,
    Name,
    Parsed,
    Quantity,
    Refusal,
    Text,
    Unreadable,
)
from tidemark.ingest.values import NotJson, read, texts


class Incoming(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An event as a client of our own door writes it; RFC 3339 or Unix ms for times."""

    event_id: Name
    event: Name
    event_time: Milliseconds | datetime
    original_time: int | datetime | None = None
    sent_at: Milliseconds | datetime | None = None
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
    properties: dict[str, Any] = {}
    currency: str = ""


class _Unusual(ValueError):  # noqa: N818 - no error, only not the usual
    """Something that the whole batch's decoding does not settle: look at each event by itself."""


_one = msgspec.json.Decoder(Incoming, float_hook=Decimal)
_many = msgspec.json.Decoder(list[Incoming], float_hook=Decimal)
_raw_array = msgspec.json.Decoder(list[msgspec.Raw])
_raw_one = msgspec.json.Decoder(msgspec.Raw)


def parse(body: bytes, received_at: int, currency: str) -> Parsed:
    """The events of a body, each either taken or refused.

    Args:
        body: decompressed bytes, of whatever kind.
        received_at: now by the brokers' clock, Unix ms.
        currency: the deployment's.

    Raises:
        Unreadable: there is no event in it to accept or refuse, or there are more than `MAX_EVENTS`.
    """
    if b"\\u0000" not in body and _moderate(body):
        try:
            return Parsed(_fast(body, received_at, currency), [])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError, _Unusual):
            pass
    return _slow(body, received_at, currency)


def _moderate(body: bytes) -> bool:
    """Whether no event can be too large, nor the events too many."""
    if len(body) <= MAX_EVENT_BYTES:
        return True
    try:
        pieces = _pieces(body)
    except Unreadable:
        return False
    return len(pieces) <= MAX_EVENTS and len(max(pieces, key=len)) <= MAX_EVENT_BYTES


def _fast(body: bytes, received_at: int, currency: str) -> list[Event]:
    first = body.lstrip()[:1]
    if first == b"[":
        items = _many.decode(body)
    elif b"\n" in body.strip():
        try:
            items = _many_lines(body)
        except (msgspec.DecodeError, _Unusual):
            items = [_one.decode(body)]
    else:
        items = [_one.decode(body)]
    if not items:
        raise _Unusual
    return [_event(item, received_at, currency) for item in items]


def _many_lines(body: bytes) -> list[Incoming]:
    lines = [line for line in map(bytes.strip, body.split(b"\n")) if line]
    items: list[Incoming] = _one.decode_lines(body)
    if len(items) != len(lines) or not all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
        raise _Unusual  # decode_lines takes two objects on one line, and an object over several
    return items


def _event(item: Incoming, received_at: int, currency: str) -> Event:
    time = item.event_time
    if type(time) is not int:
        time = _ms(time)
    original = item.original_time
    if original is None:
        original = time
    elif type(original) is not int:
        original = _ms(original)
    elif original != 0 and not EARLIEST_MS <= original < LATEST_MS:
        raise _Unusual
    sent_at = item.sent_at
    if sent_at is not None and type(sent_at) is not int:
        sent_at = _ms(sent_at)
    properties = item.properties
    for value in properties.values():
        if type(value) is not str:
            properties = texts(properties)
            break
    if item.event == HEARTBEAT or item.quantity == 0 or (item.currency and item.currency.upper() != currency):
        raise _Unusual
    return Event(
        item.event_id,
        item.event,
        corrected(time, sent_at, received_at),
        original,
        received_at,
        item.quantity,
        item.value_micros,
        item.cost_micros,
        item.campaign_id,
        item.ad_id,
        item.channel,
        item.source,
        item.platform,
        item.country,
        item.user_id,
        item.anonymous_id,
        item.experiment_id,
        item.variant,
        properties,
    )


def _ms(moment: object) -> int:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise _Unusual
    ms = to_ms(moment)
    if not EARLIEST_MS <= ms < LATEST_MS:
        raise _Unusual
    return ms


def _slow(body: bytes, received_at: int, currency: str) -> Parsed:
    pieces = _pieces(body)
    if len(pieces) > MAX_EVENTS:
        reason = (
            f"the body holds {len(pieces):,} events; at most {MAX_EVENTS:,} fit, so send several requests"
        )
        raise Unreadable(413, reason, "size", body)
    parsed = Parsed([], [])
    for index, piece in enumerate(pieces):
        outcome = _each(index, piece, received_at, currency)
        if isinstance(outcome, Event):
            parsed.events.append(outcome)
        else:
            parsed.refusals.append(outcome)
    return parsed


def _pieces(body: bytes) -> list[bytes]:
    """The bytes of each event of an array, of one object, or of the lines."""
    start = body.lstrip()[:1]
    if not start:
        raise Unreadable(
            400, "the body is empty; send an object, an array, or one object a line", "json", body
        )
    try:
        if start != b"[":
            return [bytes(_raw_one.decode(body))]
        pieces = [bytes(raw) for raw in _raw_array.decode(body)]
    except (msgspec.DecodeError, RecursionError) as error:
        lines = [line for line in body.split(b"\n") if line.strip()]
        if start == b"[" or (len(lines) > 1 and not any(map(_whole, lines))):
            reason = f"the body is not JSON: {str(error).removeprefix('JSON is malformed: ')}"
            raise Unreadable(400, reason, "json", body) from None
        return lines
    if not pieces:
        raise Unreadable(400, "the array is empty; send at least one event", "json", body)
    return pieces


def _whole(line: bytes) -> bool:
    """Whether a line is a JSON value by itself."""
    try:
        _raw_one.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _each(index: int, piece: bytes, received_at: int, currency: str) -> Event | Refusal:
    if len(piece) > MAX_EVENT_BYTES:
        reason = (
            f"the event has {len(piece):,} bytes; at most {MAX_EVENT_BYTES:,} fit, so shorten its properties"
        )
        return Refusal(index, "", reason, "size", piece)
    try:
        item = read(piece)
        problem = explain(item, currency)
        if problem is None and isinstance(item, dict):
            present = {name: value for name, value in item.items() if value is not None}
            return _event(msgspec.convert(present, Incoming), received_at, currency)
    except NotJson as error:
        problem = "", f"this is not a JSON object: {error}", "json"
    except RecursionError:
        problem = "properties", "properties are nested too deeply; flatten them", "size"
    field, reason, kind = problem or ("", "an event is a JSON object", "json")
    return Refusal(index, field, reason, kind, piece)
