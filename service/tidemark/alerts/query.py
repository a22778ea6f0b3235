"""What a rule asks, read from YAML: metrics, an experiment's results, or Tidemark's own figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

from tidemark.alerts.rule import ExperimentQuery, HealthQuery, MetricsQuery, Query, Window
from tidemark.alerts.vocabulary import FIGURES
from tidemark.declared.entry import Entry, MistakeError, Node, Sheet, is_list, items, line_of, scalar
from tidemark.declared.problem import nearest, shown
from tidemark.declared.values import choice, length, maybe, whole
from tidemark.experiments import folder
from tidemark.experiments.definition import Definition
from tidemark.experiments.vocabulary import vocabulary_of
from tidemark.query import catalogue
from tidemark.query.catalogue import Catalogue, Metric
from tidemark.query.errors import QueryError
from tidemark.query.grain import Grain
from tidemark.query.instant import DAY_MS
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.query.parse import parse_condition
from tidemark.query.request import Compare, Condition, Top
from tidemark.query.words import condition_in, zone_in

MAX_WINDOW_MS = 31 * DAY_MS
MAX_TOP = 1_000
ALL = "all"
"""Stands for every experiment that runs."""

_CALENDAR = {"day": Grain.DAY, "week": Grain.WEEK, "month": Grain.MONTH}
_COMPARE = {one.removeprefix("PREVIOUS_").lower(): one for one in Compare}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "experiment": ("experiment", "metrics", "by"),
    "health": ("health", "window"),
    "metrics": ("metrics", "dimensions", "where", "window", "timezone", "compare", "top"),
}
_ALL_KEYS = tuple(dict.fromkeys(chain.from_iterable(_KEYS.values())))
_HOUR = Window(3_600_000)  # stands where none could be read; the rule is then refused
_NO_NAMES: tuple[str, ...] = ()
_NO_CONDITIONS: tuple[Condition, ...] = ()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """What rules may name.

    Attributes:
        catalogue: metrics and dimensions.
        experiments: those that are declared, by id.
    """

    catalogue: Catalogue
    experiments: Mapping[str, Definition]


def known_of(root: Path) -> Known:
    """What the catalogue in this folder declares; an experiment that is wrong there is not known.

    Raises:
        CatalogueError: a file of metrics, dimensions or events is wrong.
    """
    found = catalogue.load(root)
    experiments = folder.load(root / folder.FOLDER, vocabulary_of(found))
    return Known(found, {one.id: one for _, one in experiments.definitions})


def query(sheet: Sheet, known: Known) -> Callable[[Node], Query | None]:
    """Reads a query; None, and problems, where one is wrong."""

    def read(node: Node) -> Query | None:
        before = len(sheet.problems)
        found = asked(Entry(sheet, node, _ALL_KEYS))
        return found if len(sheet.problems) == before else None

    def asked(entry: Entry) -> Query | None:
        kind = next((one for one in _KEYS if one in entry), None)
        if kind is None:
            sheet.add(
                entry.line,
                "the query asks for nothing; write metrics: [SPEND], experiment: all or health: [events]",
            )
            return None
        for key in _ALL_KEYS:
            if key in entry and key not in _KEYS[kind]:
                entry.add(
                    key, f"a query of {kind} has no {key}; it has {', '.join(_KEYS[kind])}: leave {key} out"
                )
        if kind == "metrics":
            return _metrics(entry, known.catalogue)
        if kind == "experiment":
            return _experiment(entry, known)
        figures = entry.read("health", _names(sheet, "figure", FIGURES, len(FIGURES)), _NO_NAMES)
        window = entry.need("window", _rolling, _HOUR, "write how far back is looked, such as window: 5m")
        return HealthQuery(figures, window)

    return read


def _metrics(entry: Entry, catalogue: Catalogue) -> MetricsQuery:
    sheet, limits = entry.sheet, DEFAULT_LIMITS
    metrics = entry.read("metrics", _names(sheet, "metric", catalogue.metrics, limits.metrics), _NO_NAMES)
    by = _names(sheet, "dimension", catalogue.dimensions, limits.dimensions)
    dimensions = entry.read("dimensions", by, _NO_NAMES)
    hint = "write how far back is looked: window: 1h, or day, week or month for what there is of it so far"
    compare = entry.read("compare", choice("earlier range", _COMPARE), None)
    top = entry.read("top", _top(sheet, catalogue), None)
    if top is not None and not dimensions:
        entry.add("top", "top is of the first dimension, and there is none; write dimensions: [CAMPAIGN]")
    window = entry.need("window", _window, _HOUR, hint)
    zone = entry.read("timezone", _zone, "UTC")
    if "timezone" in entry and window.calendar is None and compare is None:
        entry.add("timezone", "timezone changes nothing about a window of a length; leave it out")
    return MetricsQuery(
        metrics,
        dimensions,
        entry.read("where", _where(sheet, catalogue), _NO_CONDITIONS),
        Window(window.length_ms, window.calendar, zone),
        compare,
        top,
    )


def _experiment(entry: Entry, known: Known) -> ExperimentQuery:
    sheet = entry.sheet

    def named(node: Node) -> str:
        value = scalar(node)
        if value != ALL and value not in known.experiments:
            told = f"write all, or one that is declared; {nearest(value, known.experiments)}"
            raise MistakeError(node, f"is {shown(value)}, which is no experiment; {told}")
        return value

    chosen = entry.read("experiment", named, "")
    definitions = [one for id_, one in known.experiments.items() if chosen in {ALL, "", id_}]
    metrics = {metric.name: metric for one in definitions for metric in one.metrics}
    asked = entry.read("metrics", _names(sheet, "metric", metrics, DEFAULT_LIMITS.metrics), _NO_NAMES)
    if "by" in entry and chosen == ALL:
        entry.add("by", "by needs one experiment, whose slices are known; name it, or leave by out")
        return ExperimentQuery(None, asked)
    slices = {
        dimension.name: dimension
        for dimension in known.catalogue.dimensions.values()
        if any(dimension.column in one.slices for one in definitions)
    }
    by = entry.read("by", _names(sheet, "slice", slices, len(slices)), _NO_NAMES)
    return ExperimentQuery(None if chosen == ALL else chosen, asked, by)


def _names(
    sheet: Sheet, what: str, known: Mapping[str, object], most: int
) -> Callable[[Node], tuple[str, ...]]:
    """One name or a list of them, at least one, each once; capitals do not matter."""

    def read(node: Node) -> tuple[str, ...]:
        nodes = items(node, most) if is_list(node) else [node]
        if not nodes:
            raise MistakeError(node, f"is an empty list; name at least one {what}")
        found: list[str] = []
        for each in nodes:
            try:
                name = _member(each, what, known)
            except MistakeError as mistake:
                sheet.add(mistake.line, f"a {what} {mistake.sentence}")
                continue
            if name in found:
                sheet.add(line_of(each), f"the {what} {name} stands there twice; leave one of them out")
            found.append(name)
        return tuple(dict.fromkeys(found))

    return read


def _member(node: Node, what: str, known: Mapping[str, object]) -> str:
    value = scalar(node)
    for name in (value, value.upper()):
        if name in known:
            return name
    near = nearest(value.upper() if known and next(iter(known)).isupper() else value, known)
    raise MistakeError(node, f"is {shown(value)}, which is no {what}; {near}")


def _window(node: Node) -> Window:
    value = scalar(node)
    if value.lower() in _CALENDAR:
        return Window(None, _CALENDAR[value.lower()])
    try:
        return _rolling(node)
    except MistakeError as mistake:
        raise MistakeError(node, f"{mistake.sentence}, or one of day, week and month") from None


def _rolling(node: Node) -> Window:
    return Window(length(MAX_WINDOW_MS)(node))


def _zone(node: Node) -> str:
    return _asked(node, lambda: zone_in(scalar(node)).key)


def _top(sheet: Sheet, catalogue: Catalogue) -> Callable[[Node], Top | None]:
    def metric(node: Node) -> Metric:
        return catalogue.metrics[_member(node, "metric", catalogue.metrics)]

    def read(node: Node) -> Top | None:
        entry = Entry(sheet, node, ("n", "by", "other"))
        n = entry.need("n", whole(1, MAX_TOP), 1, "write how many, such as {n: 10, by: SPEND}")
        by = entry.need(
            "by", maybe(metric), None, "write the metric that decides, such as {n: 10, by: SPEND}"
        )
        other = entry.read("other", choice("answer", {"true": True, "false": False}), False)
        return None if by is None else Top(n, by, other)

    return read


def _where(sheet: Sheet, catalogue: Catalogue) -> Callable[[Node], tuple[Condition, ...]]:
    """One condition such as ``country=DE,FR``, or a list of them."""

    def one(node: Node) -> Condition:
        given = scalar(node)
        limits = DEFAULT_LIMITS
        return _asked(
            node, lambda: parse_condition(catalogue, *condition_in(catalogue, given), limits=limits)
        )

    def read(node: Node) -> tuple[Condition, ...]:
        nodes = items(node, DEFAULT_LIMITS.conditions) if is_list(node) else [node]
        found = []
        for each in nodes:
            try:
                found.append(one(each))
            except MistakeError as mistake:
                sheet.add(mistake.line, f"a condition of where {mistake.sentence}")
        return tuple(found)

    return read


def _asked(node: Node, ask: Callable[[], T]) -> T:
    """The same as a query's door says it."""
    try:
        return ask()
    except QueryError as error:
        told = str(error).removesuffix(".")
        raise MistakeError(node, f"cannot be asked: {told[:1].lower()}{told[1:]}") from None
