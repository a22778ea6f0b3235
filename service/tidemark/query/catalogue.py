"""What can be asked: metrics, dimensions and events, from YAML that is checked when it is loaded."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import yaml

from tidemark.query.formula import Formula, Measure, ratio, total

# The columns that campaign_minute and events share, besides time and measures.
COLUMNS = ("campaign_id", "ad_id", "channel", "source", "platform", "country", "event")
# Names that a row has, or will have, beside its dimensions.
RESERVED = frozenset({"bucket", "other", "values", "previous", "change", "lower", "upper"})
_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_RATIO = {"name", "label", "description", "ratio"}
_EVENT = re.compile(r"\S(.{0,198}\S)?")


class CatalogueError(ValueError):
    """The catalogue is wrong; the message names the file, the entry and what to do."""


class Unit(StrEnum):
    """What a metric's number counts."""

    CURRENCY = "currency"
    FRACTION = "fraction"


@dataclass(frozen=True, slots=True)
class Event:
    """An event that metrics can name."""

    name: str
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class Dimension:
    """What can be sliced by.

    Attributes:
        name: In the enum.
        label: For people.
        description: One sentence.
        column: Its column in every table; None for a property, which only raw events have.
        property_key: The key in an event's ``properties``; None for a column.
    """

    name: str
    label: str
    description: str
    column: str | None
    property_key: str | None = None

    @property
    def field(self) -> str:
        """Its name in rows and columns, ``campaign`` of ``CAMPAIGN``."""
        return field_of(self.name)


@dataclass(frozen=True, slots=True)
class Metric:
    """What can be measured.

    Attributes:
        name: In the enum.
        label: For people.
        description: One sentence, or two.
        unit: None for plain numbers.
        formula: How it is computed from sums.
        expression: The same for people, ``CLICKS / IMPRESSIONS``.
        is_rate: Whether it is a share of trials, so that an answer has its 95 % interval.
    """

    name: str
    label: str
    description: str
    unit: Unit | None
    formula: Formula
    expression: str
    is_rate: bool = False

    @property
    def field(self) -> str:
        """Its name in rows and columns, ``clicks`` of ``CLICKS``."""
        return field_of(self.name)

    def unit_in(self, currency: str) -> str | None:
        """What its numbers count, for people: the currency's ISO 4217 code where that is money."""
        return currency if self.unit is Unit.CURRENCY else self.unit


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of them by name, in the order of the files; ``version`` changes with what they say."""

    metrics: Mapping[str, Metric]
    dimensions: Mapping[str, Dimension]
    events: Mapping[str, Event]
    version: str


def field_of(name: str) -> str:
    """The camel-case field of an enum value: ``costPerView`` of ``COST_PER_VIEW``."""
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def load(folder: Path) -> Catalogue:
    """Read ``metrics.yaml``, ``dimensions.yaml`` and ``events.yaml`` from a folder.

    Raises:
        CatalogueError: a file is missing or an entry is wrong.
    """
    events = {name: _event(at, entry) for at, name, entry in _entries(folder / "events.yaml")}
    dimensions = {name: _dimension(at, entry) for at, name, entry in _entries(folder / "dimensions.yaml")}
    metrics = _metrics(list(_entries(folder / "metrics.yaml")), events)
    fields: dict[str, str] = {}
    for file, names in (("dimensions.yaml", dimensions), ("metrics.yaml", metrics)):
        for name in names:
            other = fields.setdefault(field_of(name), name)
            if other is not name:
                raise CatalogueError(
                    f"{file}, {name}: its field {field_of(name)} is that of {other}; rename one"
                )
    version = hashlib.sha256(repr((metrics, dimensions, events)).encode()).hexdigest()[:12]
    return Catalogue(
        MappingProxyType(metrics), MappingProxyType(dimensions), MappingProxyType(events), version
    )


Entry = dict[str, object]


def _entries(path: Path) -> list[tuple[str, str, Entry]]:
    """Each entry with where it stands (``metrics.yaml, CTR``) and its name."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, list) or not content:
        raise CatalogueError(f"{path.name} must be a list of entries, at least one")
    found: dict[str, tuple[str, str, Entry]] = {}
    for number, entry in enumerate(content, start=1):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise CatalogueError(f"{path.name}, entry {number}: it must be a mapping with a name")
        if name in found:
            raise CatalogueError(f"{path.name}, {name}: the name stands there twice")
        found[name] = (f"{path.name}, {name}", name, entry)
    return list(found.values())


def _event(at: str, entry: Entry) -> Event:
    _only(at, entry, required={"name", "label", "description"})
    name = _text(at, entry, "name")
    if name == "heartbeat" or not _EVENT.fullmatch(name):
        raise CatalogueError(
            f"{at}: an event's name has 1 to 200 characters, no blanks around it, and is not heartbeat"
        )
    return Event(name, _text(at, entry, "label"), _text(at, entry, "description"))


def _dimension(at: str, entry: Entry) -> Dimension:
    _only(at, entry, required={"name", "label", "description"}, optional={"column", "property"})
    if ("column" in entry) == ("property" in entry):
        raise CatalogueError(f"{at}: it needs either column or property, one of the two")
    texts = _enum_name(at, entry), _text(at, entry, "label"), _text(at, entry, "description")
    if "property" in entry:
        return Dimension(*texts, column=None, property_key=_text(at, entry, "property"))
    column = _text(at, entry, "column")
    if column not in COLUMNS:
        raise CatalogueError(f"{at}: there is no column {column}; there are {', '.join(COLUMNS)}")
    return Dimension(*texts, column=column)


def _metrics(entries: list[tuple[str, str, Entry]], events: Mapping[str, Event]) -> dict[str, Metric]:
    by_name = {name: (at, entry) for at, name, entry in entries}
    done: dict[str, Formula] = {}

    def formula(name: str, path: tuple[str, ...]) -> Formula:
        if name in path:
            raise CatalogueError(
                f"{by_name[path[0]][0]}: it is defined by itself: {' → '.join((*path, name))}"
            )
        if name not in done:
            at, entry = by_name[name]
            done[name] = quotient(at, entry, (*path, name)) if "ratio" in entry else _total(at, entry, events)
        return done[name]

    def quotient(at: str, entry: Entry, path: tuple[str, ...]) -> Formula:
        _only(at, entry, required=_RATIO, optional={"scale", "unit", "interval"})
        parts, scale = entry["ratio"], entry.get("scale", 1)
        if not isinstance(parts, list) or len(parts) != 2:  # noqa: PLR2004 - numerator and denominator
            raise CatalogueError(f"{at}: ratio must be [numerator, denominator], two names of metrics")
        if not isinstance(scale, int) or isinstance(scale, bool) or not 0 < scale <= 10**9:
            raise CatalogueError(f"{at}: scale must be a whole number from 1 to 1,000,000,000")
        for part in parts:
            if str(part) not in by_name:
                raise CatalogueError(f"{at}: there is no metric {part}; there are {', '.join(by_name)}")
        return ratio(formula(str(parts[0]), path), formula(str(parts[1]), path), scale)

    metrics = {}
    for name, (at, entry) in by_name.items():
        checked = formula(name, ())
        text = _text(at, entry, "label"), _text(at, entry, "description")
        is_rate = _is_rate(at, entry, checked)
        metrics[name] = Metric(_enum_name(at, entry), *text, _unit(at, entry), checked, _told(entry), is_rate)
    return metrics


def _total(at: str, entry: Entry, events: Mapping[str, Event]) -> Formula:
    what = "distinct" if "distinct" in entry else "sum"
    _only(at, entry, required={"name", "label", "description", what}, optional={"event"})
    measures = [one.value for one in Measure if (one is Measure.USERS) == (what == "distinct")]
    if entry[what] not in measures:
        raise CatalogueError(
            f"{at}: there is nothing called {entry[what]} for {what}; there are {', '.join(measures)}"
        )
    event = _text(at, entry, "event") if "event" in entry else None
    if event is not None and event not in events:
        raise CatalogueError(f"{at}: events.yaml has no event {event}; it has {', '.join(events)}")
    return total(Measure(str(entry[what])), event)


def _told(entry: Entry) -> str:
    """The formula for people: ``sum(quantity) of click``, ``1000 * SPEND / IMPRESSIONS``."""
    ratio = entry.get("ratio")
    if isinstance(ratio, list):
        scale = f"{entry['scale']} * " if "scale" in entry else ""
        return f"{scale}{ratio[0]} / {ratio[1]}"
    what = "distinct" if "distinct" in entry else "sum"
    return f"{what}({entry[what]})" + (f" of {entry['event']}" if "event" in entry else "")


def _is_rate(at: str, entry: Entry, formula: Formula) -> bool:
    interval = entry.get("interval")
    if interval is None:
        return False
    if interval != "wilson":
        raise CatalogueError(f"{at}: there is no interval {interval}; there is wilson")
    if not formula.is_share:
        raise CatalogueError(
            f"{at}: interval wilson needs a ratio of two counts without a scale; leave it out here"
        )
    return True


def _unit(at: str, entry: Entry) -> Unit | None:
    if "ratio" not in entry:
        return Unit.CURRENCY if entry.get("sum") in (Measure.VALUE_MICROS, Measure.COST_MICROS) else None
    unit = entry.get("unit")
    units = [known.value for known in Unit]
    if unit is not None and unit not in units:
        raise CatalogueError(f"{at}: there is no unit {unit}; there are {', '.join(units)}")
    return None if unit is None else Unit(unit)


def _enum_name(at: str, entry: Entry) -> str:
    name = _text(at, entry, "name")
    if not _NAME.fullmatch(name) or field_of(name) in RESERVED:
        raise CatalogueError(
            f"{at}: a name is upper case with single underscores, such as COST_PER_VIEW, and none of "
            f"{', '.join(sorted(word.upper() for word in RESERVED))}"
        )
    return name


def _text(at: str, entry: Entry, key: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value.strip():
        raise CatalogueError(f"{at}: {key} must be a text that is not empty")
    return value


def _only(
    at: str, entry: Entry, *, required: set[str], optional: frozenset[str] | set[str] = frozenset()
) -> None:
    missing = sorted(required - entry.keys())
    unknown = sorted(str(key) for key in entry.keys() - required - optional)
    known = ", ".join(sorted(required | optional))
    if unknown:
        raise CatalogueError(f"{at}: unknown key {', '.join(unknown)}; known are {known}")
    if missing:
        raise CatalogueError(f"{at}: {', '.join(missing)} missing; an entry like this one has {known}")
