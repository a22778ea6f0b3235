"""What a replay map says, checked: which column is what in every event a row becomes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

ROW = "row"
"""The name under which a template sees the row's number; the first row below the header is 1."""

FileFormat = Literal["csv", "ndjson"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file (for NDJSON a key, or a path of keys with dots)."""

    name: str


@dataclass(frozen=True, slots=True)
class EventName:
    """``{event}`` in a template: the name of the event that the row becomes."""


@dataclass(frozen=True, slots=True)
class Text:
    """A template: its literal pieces and columns in order. A constant is one literal piece.

    Attributes:
        path: where it stands in the map, for messages, e.g. ``events[1].campaign_id``.
        parts: the pieces; none for the empty text.
    """

    path: str
    parts: tuple[str | Column | EventName, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number: a column's, or the same for every row."""

    path: str
    source: Column | int


class Unit(StrEnum):
    """What one of a money column stands for."""

    CURRENCY = "currency"
    CENTS = "cents"
    MICROS = "micros"


@dataclass(frozen=True, slots=True)
class Money:
    """Money in micros: a column's decimal text in ``unit``, rounded by ``rounding``, or a constant in micros.

    Attributes:
        path: where it stands in the map.
        source: the column, or the constant.
        unit: what one in the column stands for.
        rounding: one of ``decimal``'s rounding modes, or None: what is no whole number of micros is refused.
    """

    path: str
    source: Column | int
    unit: Unit = Unit.CURRENCY
    rounding: str | None = None


class TimeFormat(StrEnum):
    """The time formats that are no ``strptime`` pattern."""

    RFC3339 = "rfc3339"
    UNIX_SECONDS = "unix-seconds"
    UNIX_MILLISECONDS = "unix-milliseconds"


@dataclass(frozen=True, slots=True)
class Time:
    """A column's instant.

    Attributes:
        path: where it stands in the map.
        column: the column.
        format: a known format, or a ``strptime`` pattern.
        timezone: of times that name no offset; None where each must name its own.
    """

    path: str
    column: Column
    format: TimeFormat | str
    timezone: ZoneInfo | None


class Predicate(StrEnum):
    """What a condition asks of its column."""

    EQUALS = "equals"
    NOT_EMPTY = "not_empty"
    NOT_ZERO = "not_zero"
    GREATER_THAN = "greater_than"


@dataclass(frozen=True, slots=True)
class Condition:
    """A row becomes the event only if this holds.

    Attributes:
        path: where it stands in the map.
        column: the column asked.
        test: what is asked.
        values: for ``equals`` the texts of which one must be met, for ``greater_than`` the number; else none.
    """

    path: str
    column: Column
    test: Predicate
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One event that a row may become. It does not when a condition fails or its quantity is zero."""

    path: str
    event: Text
    event_id: Text
    event_time: Time
    quantity: Count
    value_micros: Money
    cost_micros: Money
    texts: tuple[tuple[str, Text], ...]
    properties: tuple[tuple[str, Text], ...]
    when: tuple[Condition, ...]

    def columns(self) -> Iterator[tuple[str, Column]]:
        """Every column it reads, with the place in the map that asks for it."""
        templates = (self.event, self.event_id, *(text for _, text in (*self.texts, *self.properties)))
        for template in templates:
            yield from ((template.path, part) for part in template.parts if isinstance(part, Column))
        yield self.event_time.path, self.event_time.column
        for number in (self.quantity, self.value_micros, self.cost_micros):
            if isinstance(number.source, Column):
                yield number.path, number.source
        yield from ((condition.path, condition.column) for condition in self.when)


@dataclass(frozen=True, slots=True)
class ReplayMap:
    """A whole map.

    Attributes:
        events: what a row may become, in order.
        format: of the file; None: by its name.
        delimiter: between the cells of a CSV row.
        encoding: of the file's text.
    """

    events: tuple[EventSpec, ...]
    format: FileFormat | None = None
    delimiter: str | None = None
    encoding: str = "utf-8-sig"
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = dict.fromkeys(column.name for event in self.events for _, column in event.columns())
        object.__setattr__(self, "columns", tuple(name for name in names if name != ROW))
