"""Calls: one call of a tracking SDK becomes one event, as ``catalogue/tracking.yaml`` says."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final, NamedTuple
from uuid import uuid4

import msgspec

from tidemark.ingest.clock import corrected
from tidemark.ingest.doors.reasons import (
    Problem,
    currency_problem,
    name_problem,
    nul_reason,
    number_problem,
    text_problem,
)
from tidemark.ingest.event import (
    MAX_EVENT_BYTES,
    MAX_EVENTS,
    MAX_MICROS,
    MAX_QUANTITY,
    TEXT_FIELDS,
    Event,
    Parsed,
    Refusal,
    Unreadable,
)
from tidemark.ingest.tracking import Place, Plan
from tidemark.ingest.values import NotJson, has_nul, read, shown, text

_LOG = logging.getLogger("tidemark.collector")

_MICRO: Final = Decimal("0.000001")
_MOST: Final = MAX_MICROS // 1_000_000
_sorted = msgspec.json.Encoder(order="sorted", decimal_format="number")


@dataclass(frozen=True, slots=True)
class Call:
    """What every dialect says of a call, before the tracking plan is asked.

    Attributes:
        body: the whole call.
        event_id: the client's message id, "" when it gave none.
        name: of the event as the application tracks it.
        time: Unix ms by the client's clock; None when it gave none or an impossible one.
        sent_at: Unix ms by the client's clock, None likewise.
        age_ms: how long before sending it happened, for clients that say that instead of a time.
    """

    body: Mapping[str, Any]
    event_id: object
    name: object
    time: int | None
    sent_at: int | None
    age_ms: int = 0


@dataclass(frozen=True, slots=True)
class Taker:
    """What events are made with.

    Attributes:
        plan: the dialect's.
        received_at: now by the brokers' clock, Unix ms.
        currency: the deployment's.
        new_id: an id for a call that has neither an id nor a time to tell it from its like.
    """

    plan: Plan
    received_at: int
    currency: str
    new_id: Callable[[], str] = lambda: uuid4().hex


class CallError(Exception):
    """The call is no event; the argument is a `Problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem[1])
        self.problem = problem


class Found(NamedTuple):
    """A value and the path it was found at."""

    value: object
    keys: tuple[str, ...]


_NOTHING: Final = Found(None, ())


def each(pieces: Sequence[bytes], read_call: Callable[[object], Call], to: Taker) -> Parsed:
    """Each call of a body, either an event or refused.

    Args:
        pieces: the bytes of each call.
        read_call: takes a call's decoded object apart; raises `CallError` when it is none.
        to: what the events are made with.

    Raises:
        Unreadable: there are more than `MAX_EVENTS`.
    """
    if len(pieces) > MAX_EVENTS:
        reason = f"the batch holds {len(pieces):,} calls; at most {MAX_EVENTS:,} fit, so send several"
        raise Unreadable(413, reason, "size", b"".join(pieces[:100]))
    parsed = Parsed([], [])
    for index, piece in enumerate(pieces):
        try:
            if len(piece) > MAX_EVENT_BYTES:
                reason = f"the call has {len(piece):,} bytes; at most {MAX_EVENT_BYTES:,} fit"
                raise CallError(("", reason, "size"))  # noqa: TRY301 - one place turns all problems into refusals
            parsed.events.append(to_event(read_call(read(piece)), to))
        except NotJson as error:
            parsed.refusals.append(Refusal(index, "", f"the call is not JSON: {error}", "json", piece))
        except RecursionError:
            parsed.refusals.append(Refusal(index, "", "the call is nested too deeply", "size", piece))
        except CallError as error:
            field, reason, kind = error.problem
            parsed.refusals.append(Refusal(index, field, reason, kind, piece))
        except Exception as error:  # noqa: BLE001 - what nobody foresaw must not cost the others of a batch
            _LOG.exception("a call could not be read")
            reason = f"the call cannot be read ({type(error).__name__}); see the collector's log"
            parsed.refusals.append(Refusal(index, "", reason, "unforeseen", piece))
    return parsed


def to_event(call: Call, to: Taker) -> Event:
    """The event of a call.

    Raises:
        CallError: it is none, and why.
    """
    plan, received_at = to.plan, to.received_at
    name = _plain(call.name)
    rule = plan.rules.get(name.lower())
    found = {field: _find(call.body, places) for field, places in plan.fields.items()}
    value = cost = quantity = _NOTHING
    if rule is not None:
        name = rule.event
        value, cost, quantity = (_find(call.body, p) for p in (rule.value, rule.cost, rule.quantity))
    used = {item.keys for item in (*found.values(), value, cost, quantity)}
    value_micros = _micros(value)
    stated = found.pop("currency")
    texts = {field: _plain(item.value) for field, item in found.items()}
    event = Event(
        event_id=_plain(call.event_id) or _id(call, to),
        event=name,
        event_time=received_at - max(0, call.age_ms) if call.time is None else call.time,
        original_time=call.time or 0,
        received_at=received_at,
        quantity=_whole(quantity),
        value_micros=-abs(value_micros) if rule is not None and rule.refund else value_micros,
        cost_micros=_micros(cost),
        properties=dict(_kept(call.body, plan, used)),
        **texts,
    )
    event.event_time = corrected(event.event_time, None if call.time is None else call.sent_at, received_at)
    problem = _problem(event, found)
    if problem is None and stated.value is not None:
        problem = currency_problem(".".join(stated.keys), _plain(stated.value), to.currency)
    if problem is not None:
        raise CallError(problem)
    return event


def _find(body: Mapping[str, Any], places: Iterable[Place]) -> Found:
    for place in places:
        value: Any = body
        for key in place.keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None or value == "" or isinstance(value, dict | list):
            continue
        if place.values is None:
            return Found(value, place.keys)
        meaning = place.values.get(text(value))
        if meaning is not None:
            return Found(meaning, ())
    return _NOTHING


def _plain(value: object) -> str:
    return "" if value is None else text(value)


def _micros(found: Found) -> int:
    """An amount in units of the currency as millionths, rounded half to even."""
    if found.value is None:
        return 0
    name = ".".join(found.keys)
    try:
        amount = Decimal(found.value) if isinstance(found.value, int | str | Decimal) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(found.value, bool) or not amount.is_finite():
        reason = f'{name} is {shown(found.value)}; it must be an amount such as 12.5 or "12.50"'
        raise CallError((name, reason, "type"))
    if amount.copy_abs() > _MOST:
        raise CallError(
            (name, f"{name} is {shown(found.value)}; at most {MAX_MICROS // 10**6:,} fits", "range")
        )
    return int(amount.quantize(_MICRO, rounding=ROUND_HALF_EVEN).scaleb(6))


def _whole(found: Found) -> int:
    if found.value is None:
        return 1
    name = ".".join(found.keys)
    reason = f"{name} is {shown(found.value)}; it must be a whole number up to {MAX_QUANTITY:,}, never 0"
    try:
        number = Decimal(found.value) if isinstance(found.value, int | str | Decimal) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(found.value, bool) or not number.is_finite():
        raise CallError((name, reason, "type"))
    if number == 0 or number.copy_abs() > MAX_QUANTITY or number != int(number):
        raise CallError((name, reason, "range"))
    return int(number)


def _id(call: Call, to: Taker) -> str:
    """An id for a call that has none: with a time of its own, the same whenever the call is sent again."""
    if call.time is None:
        return to.new_id()
    content = {name: value for name, value in call.body.items() if name not in ("sentAt", "sent_at")}
    return f"sha256-{hashlib.sha256(_sorted.encode(content)).hexdigest()}"


def _kept(body: Mapping[str, Any], plan: Plan, used: set[tuple[str, ...]]) -> Iterable[tuple[str, str]]:
    for key, prefix in plan.kept:
        value = body.get(key)
        if isinstance(value, dict):
            yield from _flat(value, prefix, (key,), used)


def _flat(
    values: Mapping[str, Any], prefix: str, keys: tuple[str, ...], used: set[tuple[str, ...]]
) -> Iterable[tuple[str, str]]:
    """Names and texts; objects of the context are taken apart with dots, of properties they are JSON text."""
    for name, value in values.items():
        path = (*keys, name)
        if value is None or path in used:
            continue
        if prefix and isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.", path, used)
        else:
            yield f"{prefix}{name}", text(value)


def _problem(event: Event, found: Mapping[str, Found]) -> Problem | None:
    """What the event's own limits say, with the names that the client used."""
    for field in ("event_id", "event"):
        problem = name_problem(field, getattr(event, field))
        if problem:
            return problem
    for field in TEXT_FIELDS:
        problem = text_problem(".".join(found[field].keys) or field, getattr(event, field))
        if problem:
            return problem
    problem = number_problem("quantity", event.quantity)
    if problem:
        return problem
    for field in ("event_id", "event", *TEXT_FIELDS, "properties"):
        if has_nul(getattr(event, field)):
            return field, nul_reason(field), "character"
    return None
