"""Goals and guardrails of a definition, read from YAML."""

from collections.abc import Callable, Mapping

from tidemark.declared.entry import Entry, MistakeError, Node, Sheet, is_list, items, line_of, scalar
from tidemark.declared.problem import nearest, shown
from tidemark.declared.values import cap, choice, name, number, one_of, text
from tidemark.experiments.definition import (
    MAX_DESCRIPTION,
    MAX_EVENTS,
    MAX_LABEL,
    MAX_NAME,
    Better,
    Guardrail,
    Kind,
    Margin,
    Metric,
    Total,
)
from tidemark.experiments.vocabulary import EXPOSURE, Vocabulary
from tidemark.query.catalogue import Unit
from tidemark.query.formula import Measure

MAX_MARGIN = 1e12
_SUM = ("sum", "event")
_FORMULA: Mapping[Kind, tuple[str, ...]] = {
    Kind.PROPORTION: ("event",),
    Kind.MEAN: ("sum", "event", "cap"),
    Kind.RATIO: ("numerator", "denominator", "cap", "unit"),
}
_NEEDED: Mapping[Kind, tuple[str, ...]] = {
    Kind.PROPORTION: ("event",),
    Kind.MEAN: _SUM,
    Kind.RATIO: ("numerator", "denominator"),
}
_ALL = (
    *("name", "label", "description", "kind", "sum", "event", "numerator", "denominator"),
    *("cap", "better", "unit"),
)
_MEASURES = {one.value: one for one in Measure if one is not Measure.USERS}
_HINTS = {
    "event": "write the event that is counted, such as event: conversion",
    "sum": f"write what is added up: {', '.join(_MEASURES)}",
    "numerator": "write {sum: quantity, event: click}",
    "denominator": "write {sum: quantity, event: impression}",
}


def metric(sheet: Sheet, vocabulary: Vocabulary) -> Callable[[Node], Metric]:
    """Reads a goal."""
    return lambda node: _metric(Entry(sheet, node, _ALL), vocabulary)


def guardrail(
    sheet: Sheet, vocabulary: Vocabulary, goals: Mapping[str, Metric]
) -> Callable[[Node], Guardrail]:
    """Reads a guardrail: a metric of its own, or the name of a goal, with a margin."""

    def read(node: Node) -> Guardrail:
        entry = Entry(sheet, node, (*_ALL, "goal", "margin"))
        margin = entry.need(
            "margin",
            _margin(sheet),
            Margin(0.0, is_relative=True),
            "write how much worse is still safe: {relative: 2%}",
        )
        if "goal" not in entry:
            return Guardrail(_metric(entry, vocabulary), margin)
        for key in _ALL:
            if key in entry:
                entry.add(key, f"{key} stands beside goal, which has its own; leave one of them out")
        goal = entry.read("goal", one_of("goal", tuple(goals)), "")
        return Guardrail(goals.get(goal, _NONE), margin)

    return read


def _metric(entry: Entry, vocabulary: Vocabulary) -> Metric:
    sheet = entry.sheet
    known = entry.need("name", name(MAX_NAME), "", "write a short one, such as name: purchase")
    kind = entry.need(
        "kind", choice("kind", {one.value: one for one in Kind}), None, f"write {_listed(Kind)}"
    )
    measure = Measure.QUANTITY  # of a proportion, so that a conversion that was restated is none
    events: tuple[str, ...] = ()
    numerator, denominator = _NONE.numerator, None
    for key in ("sum", "event", "numerator", "denominator", "cap", "unit"):
        if kind is not None and key in entry and key not in _FORMULA[kind]:
            entry.add(key, f"a {kind} has no {key}; it has {', '.join(_FORMULA[kind])}: leave {key} out")
    for key in _NEEDED[kind] if kind else ():
        entry.need(key, lambda _node: None, None, _HINTS[key])
    total = _total(sheet, vocabulary)
    if kind is Kind.RATIO:
        numerator = entry.read("numerator", total, numerator)
        denominator = entry.read("denominator", total, _NONE.numerator)
    else:
        events = entry.read("event", _events(vocabulary), events)
        if kind is Kind.MEAN:
            measure = entry.read("sum", choice("measure", _MEASURES), measure)
        numerator = Total(measure, events)
    limit = None
    if kind is not Kind.PROPORTION:
        limit = entry.read("cap", cap(is_money=numerator.measure.is_money), None)
    unit = _unit(kind, numerator, denominator)
    fraction = entry.read("unit", choice("unit", {Unit.FRACTION.value: Unit.FRACTION}), None)
    if fraction and unit is Unit.CURRENCY:
        entry.add("unit", "unit is fraction, but money over a number is money; leave unit out")
    return Metric(
        name=known,
        label=entry.read("label", text(MAX_LABEL), known.replace("_", " ").capitalize()),
        description=entry.read("description", text(MAX_DESCRIPTION), ""),
        kind=kind or Kind.MEAN,
        numerator=numerator,
        denominator=denominator,
        cap=limit,
        better=entry.read("better", choice("direction", {one.value: one for one in Better}), Better.HIGHER),
        unit=fraction or unit,
    )


def _unit(kind: Kind | None, numerator: Total, denominator: Total | None) -> Unit | None:
    if kind is Kind.PROPORTION:
        return Unit.FRACTION
    money_below = denominator is not None and denominator.measure.is_money
    return Unit.CURRENCY if numerator.measure.is_money and not money_below else None


def _total(sheet: Sheet, vocabulary: Vocabulary) -> Callable[[Node], Total]:
    def read(node: Node) -> Total:
        entry = Entry(sheet, node, _SUM)
        measure = entry.need("sum", choice("measure", _MEASURES), Measure.EVENTS, _HINTS["sum"])
        return Total(measure, entry.need("event", _events(vocabulary), (), _HINTS["event"]))

    return read


def _events(vocabulary: Vocabulary) -> Callable[[Node], tuple[str, ...]]:
    """One name of events or a list of them; sorted, since their order changes nothing."""

    def read(node: Node) -> tuple[str, ...]:
        nodes = items(node, MAX_EVENTS) if is_list(node) else [node]
        if not nodes:
            raise MistakeError(node, "is an empty list; name at least one event")
        found: list[str] = []
        for each in nodes:
            event = scalar(each)
            if event == EXPOSURE:
                raise MistakeError(
                    each,
                    "is exposure, which makes somebody a user of the experiment and is no goal; name another",
                )
            if event not in vocabulary.events:
                told = f"is {shown(event)}, which is not in events.yaml (add it there if it is new)"
                raise MistakeError(each, f"{told}; {nearest(event, vocabulary.events)}")
            if event in found:
                raise MistakeError(each, f"names {event} twice; leave one of them out")
            found.append(event)
        return tuple(sorted(found))

    return read


def _margin(sheet: Sheet) -> Callable[[Node], Margin]:
    def read(node: Node) -> Margin:
        entry = Entry(sheet, node, ("relative", "absolute"))
        if ("relative" in entry) == ("absolute" in entry):
            sheet.add(
                line_of(node),
                "margin must have either relative, a part of the control's mean such as 2%, or absolute, "
                "in units of the metric; write one of them",
            )
        absolute = entry.read("absolute", number(0, MAX_MARGIN, above=True), 0.0)
        return Margin(entry.read("relative", number(0, 1, above=True), absolute), "relative" in entry)

    return read


def _listed(kinds: type[Kind]) -> str:
    *most, last = (f"kind: {one.value}" for one in kinds)
    return f"{', '.join(most)} or {last}"


# What stands where a metric could not be read; the definition is then refused.
_NONE = Metric("", "", "", Kind.MEAN, Total(Measure.EVENTS, ()), None, None, Better.HIGHER, None)
