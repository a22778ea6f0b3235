"""The tracking plan, ``catalogue/tracking.yaml``: how a call of an SDK becomes an event. Checked on load."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tidemark.ingest.event import HEARTBEAT


class TrackingError(ValueError):
    """The tracking plan is wrong; the message names the file and the place in it."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place where a value may stand.

    Attributes:
        path: keys joined by dots from the top of the call, ``properties.campaign_id``.
        values: what a value found there means, others being as absent; without it the value itself stands.
    """

    path: str
    values: dict[str, str] | None = None


Sources = list[str | Source]


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the fields of every event stand: the first place that holds something counts."""

    campaign_id: Sources = []
    ad_id: Sources = []
    channel: Sources = []
    source: Sources = []
    platform: Sources = []
    country: Sources = []
    user_id: Sources = []
    anonymous_id: Sources = []
    experiment_id: Sources = []
    variant: Sources = []
    currency: Sources = []


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a call of one of these names is.

    Attributes:
        names: as applications track them, compared without regard to case.
        event: the event's name with us.
        value: where its revenue stands, in units of the currency.
        cost: where its spend stands, in units of the currency.
        quantity: where it says how many it stands for.
        refund: the revenue is given back, so it counts as negative whatever its sign.
    """

    names: list[str]
    event: str
    value: Sources = []
    cost: Sources = []
    quantity: Sources = []
    refund: bool = False


class Dialect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one family of SDKs writes its calls.

    Attributes:
        kept: objects of the call whose other values go into ``properties``, with their names' prefix.
        fields: where the fields of every event stand.
        events: what the calls of certain names are, beside those that are the same for all SDKs.
    """

    kept: dict[str, str]
    fields: Fields
    events: list[Rule] = []


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    events: list[Rule]
    segment: Dialect
    posthog: Dialect


@dataclass(frozen=True, slots=True)
class Place:
    """A `Source` taken apart: the keys from the top of the call, and the meaning of its values."""

    keys: tuple[str, ...]
    values: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class EventRule:
    """A `Rule` taken apart."""

    event: str
    value: tuple[Place, ...]
    cost: tuple[Place, ...]
    quantity: tuple[Place, ...]
    refund: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """One dialect, ready for use; rules are found by the lower-case name of the call."""

    kept: tuple[tuple[str, str], ...]
    fields: dict[str, tuple[Place, ...]]
    rules: dict[str, EventRule]


@dataclass(frozen=True, slots=True)
class Tracking:
    """The tracking plan of each family of SDKs."""

    segment: Plan
    posthog: Plan


def load(path: Path) -> Tracking:
    """Read the tracking plan.

    Raises:
        TrackingError: the file is missing or wrong, with the place and what to do.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        document = msgspec.convert(content, _Document)
    except OSError as error:
        raise TrackingError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise TrackingError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    except msgspec.ValidationError as error:
        raise TrackingError(f"{path}: {error}") from None
    shared = [(f"{path}: events[{number}]", rule) for number, rule in enumerate(document.events)]
    segment = _plan(document.segment, shared, f"{path}: segment")
    return Tracking(segment, _plan(document.posthog, shared, f"{path}: posthog"))


def _plan(dialect: Dialect, shared: list[tuple[str, Rule]], where: str) -> Plan:
    rules: dict[str, EventRule] = {}
    own = [(f"{where}.events[{number}]", rule) for number, rule in enumerate(dialect.events)]
    for place, rule in (*shared, *own):
        if not rule.event or rule.event == HEARTBEAT:
            raise TrackingError(f"{place}.event: {rule.event!r} cannot be an event's name; choose another")
        if not rule.names:
            raise TrackingError(f"{place}.names: is empty; list at least one name")
        if rule.refund and not rule.value:
            raise TrackingError(f"{place}.refund: needs value, the place of the amount that is given back")
        for name in rule.names:
            if name.lower() in rules:
                raise TrackingError(f"{place}.names: {name!r} is listed twice; leave one of them out")
            rules[name.lower()] = EventRule(
                rule.event,
                _places(rule.value, f"{place}.value"),
                _places(rule.cost, f"{place}.cost"),
                _places(rule.quantity, f"{place}.quantity"),
                rule.refund,
            )
    fields = {
        name: _places(getattr(dialect.fields, name), f"{where}.fields.{name}")
        for name in dialect.fields.__struct_fields__
    }
    return Plan(tuple(dialect.kept.items()), fields, rules)


def _places(sources: Sources, where: str) -> tuple[Place, ...]:
    places = []
    for number, given in enumerate(sources):
        source = given if isinstance(given, Source) else Source(given)
        keys = tuple(source.path.split("."))
        if not all(keys):
            raise TrackingError(f"{where}[{number}]: {source.path!r} is no path; write keys joined by dots")
        places.append(Place(keys, source.values))
    return tuple(places)
