"""Reads a replay map (YAML) and checks it: a message names the place in the map and what could stand there.

::

    timezone: UTC                       # of times that name no offset
    common:                             # what all events below have
      event_id: "{event}-{row}"         # a template: columns in braces, {row} and {event}
      event_time: {column: when, format: "%Y-%m-%d %H:%M"}
    events:
      - event: click
        campaign_id: "{app}"
        source: web                     # a template without braces is a constant
      - event: conversion
        when: {column: is_attributed, equals: 1}
        quantity: {column: conversions} # a zero is no event
        value_micros: {column: paid, unit: currency, rounding: half-even}

One row becomes as many events as hold. ``{row}`` is the row's number (the first below the header is 1).
"""

import codecs
import decimal
import string
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidemark.ingest.replay.document import Node, load_document
from tidemark.ingest.replay.spec import (
    Column,
    Condition,
    Count,
    EventName,
    EventSpec,
    FileFormat,
    Money,
    Predicate,
    ReplayMap,
    Text,
    Time,
    TimeFormat,
    Unit,
)

TEXT_FIELDS = (
    "campaign_id",
    "ad_id",
    "channel",
    "source",
    "platform",
    "country",
    "user_id",
    "anonymous_id",
    "experiment_id",
    "variant",
)
_COMMON_KEYS = (
    "event_id",
    "event_time",
    "quantity",
    "value_micros",
    "cost_micros",
    *TEXT_FIELDS,
    "properties",
    "when",
)
_EVENT_KEYS = ("event", *_COMMON_KEYS)
_MAP_KEYS = ("format", "delimiter", "encoding", "timezone", "common", "events")
_ROUNDINGS = {
    "half-even": decimal.ROUND_HALF_EVEN,
    "half-up": decimal.ROUND_HALF_UP,
    "down": decimal.ROUND_DOWN,
    "none": None,
}
_FORMATS: dict[str, FileFormat] = {"csv": "csv", "ndjson": "ndjson"}


def load_map(path: Path) -> ReplayMap:
    """Read and check the map in a file.

    Raises:
        MapError: it cannot be read, is no YAML, or says what a map cannot say.
    """
    return parse_map(load_document(path))


def parse_map(document: Node) -> ReplayMap:
    """Check a map.

    Raises:
        MapError: it says what a map cannot say.
    """
    entries = document.mapping(_MAP_KEYS)
    if "events" not in entries or not entries["events"].items():
        raise document.error("events: a list of what a row becomes is missing")
    timezone = _timezone(entries["timezone"]) if "timezone" in entries else None
    common = entries["common"].mapping(_COMMON_KEYS) if "common" in entries else {}
    return ReplayMap(
        events=tuple(_event(node, common, timezone) for node in entries["events"].items()),
        format=entries["format"].choice(_FORMATS) if "format" in entries else None,
        delimiter=_delimiter(entries["delimiter"]) if "delimiter" in entries else None,
        encoding=_encoding(entries["encoding"]) if "encoding" in entries else "utf-8-sig",
    )


def _event(node: Node, common: dict[str, Node], timezone: ZoneInfo | None) -> EventSpec:
    own = node.mapping(_EVENT_KEYS)
    entries = {**common, **own}
    for required in ("event", "event_id", "event_time"):
        if required not in entries:
            raise node.error(f"{required} is missing")
    zero = Node(0, "")
    event = _text(entries["event"])
    if EventName() in event.parts:
        raise entries["event"].error("the name of an event cannot hold {event}, which is itself")
    return EventSpec(
        path=node.path,
        event=event,
        event_id=_text(entries["event_id"]),
        event_time=_time(entries["event_time"], timezone),
        quantity=_count(entries.get("quantity", Node(1, ""))),
        value_micros=_money(entries.get("value_micros", zero)),
        cost_micros=_money(entries.get("cost_micros", zero)),
        texts=tuple((name, _text(entries[name])) for name in TEXT_FIELDS if name in entries),
        properties=tuple(
            {
                name: _text(value)
                for source in (common, own)
                if "properties" in source
                for name, value in source["properties"].entries().items()
            }.items()
        ),
        when=tuple(
            condition
            for source in (common, own)
            if "when" in source
            for condition in _conditions(source["when"])
        ),
    )


def _text(node: Node) -> Text:
    template = node.text()
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise node.error(
            f"{template!r} is no template ({error}); a brace that is meant is doubled: {{{{"
        ) from error
    parts: list[str | Column | EventName] = []
    for literal, name, detail, conversion in pieces:
        if literal:
            parts.append(literal)
        if name is None:
            continue
        # A column's name may hold what str.format takes for its own syntax.
        whole_name = name + (f"!{conversion}" if conversion else "") + (f":{detail}" if detail else "")
        if not whole_name:
            raise node.error("an empty pair of braces names no column")
        parts.append(EventName() if whole_name == "event" else Column(whole_name))
    return Text(node.path, tuple(parts))


def _column(node: Node, entries: dict[str, Node]) -> Column:
    if "column" not in entries:
        raise node.error("column is missing: which column of the file is it?")
    return Column(entries["column"].text())


def _count(node: Node) -> Count:
    if node.is_mapping():
        return Count(node.path, _column(node, node.mapping(("column",))))
    number = node.whole()
    if number == 0:
        raise node.error("a quantity of 0 is no event: leave the event out")
    return Count(node.path, number)


def _money(node: Node) -> Money:
    if not node.is_mapping():
        return Money(node.path, node.whole())
    entries = node.mapping(("column", "unit", "rounding"))
    column = _column(node, entries)
    if "unit" not in entries:
        raise node.error(f"unit is missing: what is 1 in the column? one of: {', '.join(Unit)}")
    return Money(
        node.path,
        column,
        entries["unit"].choice({unit.value: unit for unit in Unit}),
        entries["rounding"].choice(_ROUNDINGS) if "rounding" in entries else decimal.ROUND_HALF_EVEN,
    )


def _time(node: Node, default_timezone: ZoneInfo | None) -> Time:
    if not node.is_mapping():
        raise node.error(
            "must say column and format, e.g. {column: when, format: rfc3339}; "
            f"formats are: {', '.join(TimeFormat)}, or a pattern such as %Y-%m-%d"
        )
    entries = node.mapping(("column", "format", "timezone"))
    column = _column(node, entries)
    if "format" not in entries:
        raise node.error(
            f"format is missing; there are: {', '.join(TimeFormat)}, or a pattern such as %Y-%m-%d"
        )
    timezone = _timezone(entries["timezone"]) if "timezone" in entries else default_timezone
    text = entries["format"].text()
    if "%" not in text:
        format_: TimeFormat | str = entries["format"].choice({name.value: name for name in TimeFormat})
    else:
        format_ = text
        if "%z" not in text and timezone is None:
            raise node.error(
                f"{text!r} names no offset; give timezone, an IANA name such as UTC or Europe/Berlin"
            )
    return Time(node.path, column, format_, timezone)


def _conditions(node: Node) -> list[Condition]:
    if node.is_list():
        return [_condition(item) for item in node.items()]
    return [_condition(node)]


def _condition(node: Node) -> Condition:
    tests = [test.value for test in Predicate]
    entries = node.mapping(("column", *tests))
    column = _column(node, entries)
    asked = [Predicate(name) for name in entries if name in tests]
    if len(asked) != 1:
        raise node.error(f"must ask one thing of the column: {', '.join(tests)}")
    test, value = asked[0], entries[asked[0].value]
    if test is Predicate.EQUALS:
        values = value.items() if value.is_list() else [value]
        return Condition(node.path, column, test, tuple(item.text() for item in values))
    if test is Predicate.GREATER_THAN:
        return Condition(node.path, column, test, (_number(value),))
    if value.value is not True:
        raise value.error(f"must be true, not {value.shown()}")
    return Condition(node.path, column, test)


def _number(node: Node) -> str:
    text = node.text()
    try:
        finite = decimal.Decimal(text).is_finite()
    except decimal.InvalidOperation:
        finite = False
    if not finite:
        raise node.error(f"must be a number, not {node.shown()}")
    return text


def _timezone(node: Node) -> ZoneInfo:
    name = node.text()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise node.error(
            f"{name!r} is no time zone; give an IANA name such as UTC or Europe/Berlin"
        ) from error


def _delimiter(node: Node) -> str:
    text = {"tab": "\t"}.get(node.text(), node.text())
    if len(text) != 1:
        raise node.error(f"must be one character (or tab), not {node.shown()}")
    return text


def _encoding(node: Node) -> str:
    name = node.text()
    try:
        codec = codecs.lookup(name).name
    except LookupError as error:
        raise node.error(f"{name!r} is no encoding; utf-8, latin-1 and cp1252 are usual") from error
    return "utf-8-sig" if codec == "utf-8" else codec
