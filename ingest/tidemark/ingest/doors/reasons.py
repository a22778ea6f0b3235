"""Reasons: what is wrong with one object sent to our own door, as a sentence that says what to do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from tidemark.ingest.clock import possible, to_ms
from tidemark.ingest.event import HEARTBEAT, MAX_MICROS, MAX_NAME, MAX_QUANTITY, MAX_TEXT, TEXT_FIELDS
from tidemark.ingest.values import has_nul, kind, shown

REQUIRED: Final = {
    "event_id": "an id of your own that every retry repeats",
    "event": "its name, such as impression, click or conversion",
    "event_time": "when it happened, in Unix ms or RFC 3339",
}
_TIMES: Final = ("event_time", "original_time", "sent_at")
_NUMBERS: Final = {"quantity": MAX_QUANTITY, "value_micros": MAX_MICROS, "cost_micros": MAX_MICROS}
_KNOWN: Final = {*REQUIRED, *_TIMES, *_NUMBERS, *TEXT_FIELDS, "properties", "currency"}

Problem = tuple[str, str, str]
"""Field, reason and kind, as in `tidemark.ingest.event.Refusal`."""


def explain(item: object, currency: str) -> Problem | None:
    """The first thing wrong with an event, or None when it is right; null is the same as absent."""
    if not isinstance(item, dict):
        return "", f"an event is a JSON object, and this is {kind(item)}", "json"
    for name, purpose in REQUIRED.items():
        if item.get(name) is None:
            return name, f"{name} is missing; every event needs {purpose}", "missing"
    for name in item:
        if name not in _KNOWN:
            return name, _unknown(name), "unknown"
    return (
        _texts(item)
        or next(filter(None, (_time(name, item.get(name)) for name in _TIMES)), None)
        or next(filter(None, (_number(name, item.get(name)) for name in _NUMBERS)), None)
        or _properties(item.get("properties"))
        or _currency(item.get("currency"), currency)
        or _characters(item)
    )


def _unknown(name: str) -> str:
    if name == "received_at":
        return "received_at is set by the collector; leave it out"
    return f"{shown(name)} is no field of an event; put it into properties"


def _texts(item: Mapping[str, object]) -> Problem | None:
    for name in ("event_id", "event", *TEXT_FIELDS):
        value = item.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            return name, f"{name} is {shown(value)}, {kind(value)}; it must be a string", "type"
        problem = name_problem(name, value) if name in REQUIRED else text_problem(name, value)
        if problem:
            return problem
    return None


def name_problem(name: str, value: str) -> Problem | None:
    """What is wrong with an ``event_id`` or an event's name."""
    if not 1 <= len(value) <= MAX_NAME:
        said = "is empty" if not value else f"has {len(value):,} characters"
        return name, f"{name} {said}; it must have 1 to {MAX_NAME} characters", "range"
    if name == "event" and value == HEARTBEAT:
        return name, f'event is "{HEARTBEAT}", a name that only collectors use; choose another', "reserved"
    return None


def text_problem(name: str, value: str) -> Problem | None:
    """What is wrong with one of the other texts of an event."""
    if len(value) > MAX_TEXT:
        return name, f"{name} has {len(value):,} characters; at most {MAX_TEXT:,} fit, so shorten it", "range"
    return None


def _time(name: str, value: object) -> Problem | None:
    if value is None or (name == "original_time" and value == 0 and not isinstance(value, bool)):
        return None
    example = 'Unix ms such as 1700000000000, or RFC 3339 such as "2023-11-14T22:13:20Z"'
    if isinstance(value, bool) or not isinstance(value, int | str):
        return name, f"{name} is {shown(value)}; it must be {example}", "type"
    ms = value
    if isinstance(ms, str):
        try:
            moment = msgspec.convert(ms, datetime)
        except msgspec.ValidationError:
            return name, f"{name} is {shown(value)}; it must be {example}", "type"
        if moment.tzinfo is None:
            return name, f"{name} is {shown(value)} without an offset; end it with Z when it is UTC", "type"
        ms = to_ms(moment)
    if not possible(ms):
        hint = (
            "; it looks like seconds, so multiply by 1000"
            if isinstance(value, int) and possible(ms * 1000)
            else ""
        )
        return name, f"{name} is {shown(value)}; it must lie in the years 2000 to 2099{hint}", "range"
    return None


def _number(name: str, value: object) -> Problem | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        return name, f"{name} is {shown(value)}; it must be a whole number", "type"
    return number_problem(name, value)


def number_problem(name: str, value: int) -> Problem | None:
    """What is wrong with a quantity or an amount of money."""
    limit = _NUMBERS[name]
    if abs(value) > limit:
        unit = "" if name == "quantity" else " millionths of the currency"
        return name, f"{name} is {shown(value)}; it must be from -{limit:,} to {limit:,}{unit}", "range"
    if name == "quantity" and value == 0:
        sense = f"it says how many the event stands for, from -{limit:,} to {limit:,} but never 0"
        return name, f"quantity is 0; {sense}", "range"
    return None


def _properties(value: object) -> Problem | None:
    if value is None or isinstance(value, dict):
        return None
    return "properties", f"properties is {shown(value)}; it must be an object of names and values", "type"


def _currency(value: object, currency: str) -> Problem | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return "currency", f'currency is {shown(value)}; it must be a code such as "{currency}"', "type"
    return currency_problem("currency", value, currency)


def currency_problem(name: str, value: str, currency: str) -> Problem | None:
    """What is wrong with a currency that an event names: only the deployment's own is taken."""
    if value.upper() == currency:
        return None
    sense = f"this deployment counts in {currency} only, so convert the amounts before sending"
    return name, f"{name} is {shown(value)}; {sense}", "currency"


def _characters(item: Mapping[str, object]) -> Problem | None:
    for name, value in item.items():
        if has_nul(value):
            return name, nul_reason(name), "character"
    return None


def nul_reason(name: str) -> str:
    """The sentence about a NUL character in a field."""
    return f"{name} holds a NUL character (U+0000); remove it"
