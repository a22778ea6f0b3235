"""Turns rows into events by a map that was fitted to the file's columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidemark.ingest.replay.cells import (
    Row,
    UnreadableError,
    condition_reader,
    count_reader,
    money_reader,
    text_reader,
    time_reader,
)
from tidemark.ingest.replay.event import Event
from tidemark.ingest.replay.spec import ROW, EventSpec, ReplayMap

Outcome = Event | UnreadableError


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a replay differs from the file.

    Attributes:
        shift_ms: what is added to every ``event_time``; ``original_time`` stays the file's.
        run: makes the events new ones, by a suffix of their ids; empty: the file's events are themselves.
    """

    shift_ms: int = 0
    run: str = ""


class Mapper:
    """A map fitted to a file's columns.

    Raises:
        MapError: the map names a column that the file does not have.
    """

    def __init__(
        self, replay_map: ReplayMap, columns: Sequence[str], replayed: Replayed | None = None
    ) -> None:
        # The row's number stands behind the cells as one column more.
        index = {name: at for at, name in enumerate((*columns, ROW))}
        self._width = len(columns)
        self._builders = [_Builder(spec, index, replayed or Replayed()) for spec in replay_map.events]

    def events(self, cells: Row, number: int) -> Iterator[Outcome]:
        """The events of one row, and for each that cannot be read the reason.

        Args:
            cells: the row's cells, as many as there are columns.
            number: of the row, from 1.
        """
        if len(cells) != self._width:
            yield UnreadableError(
                "row", f"has not the {self._width} cells that the header has", str(len(cells))
            )
            return
        row = [*cells, str(number)]
        for builder in self._builders:
            try:
                event = builder.build(row)
            except UnreadableError as problem:
                yield problem
                continue
            if event is not None:
                yield event


class _Builder:
    """Builds the events of one entry of the map."""

    __slots__ = (
        "_conditions",
        "_cost",
        "_event",
        "_id",
        "_path",
        "_properties",
        "_quantity",
        "_shift",
        "_suffix",
        "_texts",
        "_time",
        "_value",
    )

    def __init__(self, spec: EventSpec, index: dict[str, int], replayed: Replayed) -> None:
        self._path = spec.path
        self._shift = replayed.shift_ms
        self._suffix = f"@{replayed.run}" if replayed.run else ""
        self._conditions = [condition_reader(condition, index) for condition in spec.when]
        self._event = text_reader(spec.event, index)
        self._id = text_reader(spec.event_id, index, self._event)
        self._time = time_reader(spec.event_time, index)
        self._quantity = count_reader(spec.quantity, index)
        self._value = money_reader(spec.value_micros, index)
        self._cost = money_reader(spec.cost_micros, index)
        self._texts = [(name, text_reader(text, index, self._event)) for name, text in spec.texts]
        self._properties = [(name, text_reader(text, index, self._event)) for name, text in spec.properties]

    def build(self, row: Row) -> Event | None:
        """The event; None where the map says that the row is none.

        Raises:
            UnreadableError: a cell is not what the map says.
        """
        for holds in self._conditions:
            if not holds(row):
                return None
        quantity = self._quantity(row)
        if quantity == 0:
            return None
        name, event_id = self._event(row), self._id(row)
        if not name or not event_id:
            raise UnreadableError(f"{self._path}.{'event_id' if name else 'event'}", "is empty")
        time = self._time(row)
        return Event(
            event_id=event_id + self._suffix,
            event=name,
            event_time=time + self._shift,
            original_time=time,
            quantity=quantity,
            value_micros=self._value(row),
            cost_micros=self._cost(row),
            properties={key: value for key, read in self._properties if (value := read(row))},
            **{key: read(row) for key, read in self._texts},
        )
