"""Unit tests of rules, ``*_test.yaml`` beside them, read from YAML: what a query answers, and what follows.

The shape is that of ``promtool test rules``, with the series' labels and columns instead of a series' name::

    tests:
      - name: more than 500 in an hour is told after five minutes
        every: 1m
        input:
          - {labels: {campaign: summer}, SPEND: "0+100x20"}
        alerts:
          - {at: 10m, alert: HighSpend, expected: [{labels: {campaign: summer}, state: pending}]}
          - {at: 11m, alert: HighSpend, expected: [{labels: {campaign: summer}, value: 1100}]}

Values are what the query answers at each tick, labels those of the series (not those that a rule adds), and
every series has the columns of all alerts of its test. What is expected is all that pends or fires then.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tidemark.alerts.notation import NotationError, Samples, parse
from tidemark.alerts.series import Labels, Phase
from tidemark.declared.entry import (
    Document,
    Entry,
    MistakeError,
    Node,
    Sheet,
    compose,
    items,
    line_of,
    pairs,
    scalar,
)
from tidemark.declared.problem import Problem
from tidemark.declared.values import choice, length, maybe, text
from tidemark.query.instant import DAY_MS

SUFFIX = "_test.yaml"
"""How the name of a file of tests ends; all others of the folder are rules."""
DOCUMENT = Document(
    noun="a file of tests",
    levels="seven",
    root="a file is a mapping with tests; begin with tests: and - name:",
)
MAX_TESTS, MAX_INPUTS, MAX_CHECKS, MAX_TEXT = 200, 1_000, 500, 200
MAX_TICKS = 20_000
"""A test lasts at most so many times its ``every``."""
MAX_VALUES = 1_000_000
"""Of one test: its ticks times its inputs."""
_START = re.compile(r"0\s?[mhdw]?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,19}(?:\.\d{1,9})?", re.ASCII)
_STATES = {"firing": Phase.FIRING, "pending": Phase.PENDING}
_NO_NODES: list[Node] = []
_NO_LABELS: Labels = ()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Input:
    """A series: its columns' values at the test's ticks, the first at 0m."""

    line: int
    labels: Labels
    columns: Mapping[str, Samples]


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert that there should be.

    Attributes:
        line: where it stands.
        labels: its series.
        phase: PENDING or FIRING.
        value: None where any will do.
    """

    line: int
    labels: Labels
    phase: Phase
    value: float | None


@dataclass(frozen=True, slots=True)
class Check:
    """What is expected of one rule at one time: these alerts and no others.

    Attributes:
        line: where it stands.
        at_ms: after the first tick.
        alert: the rule's name.
        expected: a series each.
    """

    line: int
    at_ms: int
    alert: str
    expected: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One test.

    Attributes:
        file: its name.
        line: where it begins.
        name: a sentence.
        every_ms: how far values are apart.
        inputs: of different labels each.
        checks: in the order of the file.
    """

    file: str
    line: int
    name: str
    every_ms: int
    inputs: tuple[Input, ...]
    checks: tuple[Check, ...]


def read(file: str, content: bytes) -> list[Case] | list[Problem]:
    """The tests in a file, or everything that is wrong with them, in the order of the lines."""
    sheet = Sheet(file)
    node = compose(content, sheet, DOCUMENT)
    cases: list[Case] = []
    if node is not None:
        tests = Entry(sheet, node, ("tests",)).need(
            "tests", _some(MAX_TESTS), _NO_NODES, "write tests: and - name:"
        )
        cases = list(_each(sheet, tests, "a test", lambda one: _case(sheet, one)))
    return sorted(sheet.problems) if sheet.problems else cases


def _case(sheet: Sheet, node: Node) -> Case:
    entry = Entry(sheet, node, ("name", "every", "input", "alerts"))
    every = length(7 * DAY_MS)
    every_ms = entry.need("every", every, DAY_MS, "write how far the values are apart, such as every: 1m")
    nodes = entry.need(
        "input", _some(MAX_INPUTS), _NO_NODES, "write the series, each with labels and columns"
    )
    inputs = tuple(_each(sheet, nodes, "an input", lambda one: _input(sheet, one)))
    checks = entry.need(
        "alerts", _some(MAX_CHECKS), _NO_NODES, "write at, alert and expected of at least one"
    )
    _check_distinct(sheet, inputs)
    found = tuple(_each(sheet, checks, "an alert", lambda one: _check(sheet, one, every_ms)))
    last = max((check.at_ms for check in found), default=0) // every_ms
    if last * len(inputs) > MAX_VALUES:
        told = f"{last:,} ticks of {len(inputs):,} series are too much for one test"
        entry.add("alerts", f"{told}, which may have {MAX_VALUES:,} values; make it shorter")
    return Case(
        file=sheet.file,
        line=entry.line,
        name=entry.need("name", text(MAX_TEXT), "", "write what the test shows, as a sentence"),
        every_ms=every_ms,
        inputs=inputs,
        checks=found,
    )


def _input(sheet: Sheet, node: Node) -> Input:
    labels: Labels = ()
    columns: dict[str, Samples] = {}
    for key_node, value in pairs(node):
        key = scalar(key_node)
        if key == "labels":
            labels = _labels(value)
        elif key in columns:
            sheet.add(line_of(key_node), f"{key} stands there twice; leave one of them out")
        else:
            try:
                columns[key] = parse(scalar(value))
            except NotationError as error:
                sheet.add(line_of(value), f"{key} {error}")
            except MistakeError as mistake:
                sheet.add(mistake.line, f"{key} {mistake.sentence}")
    return Input(line_of(node), labels, columns)


def _check(sheet: Sheet, node: Node, every_ms: int) -> Check:
    entry = Entry(sheet, node, ("at", "alert", "expected"))
    nodes = entry.need(
        "expected",
        lambda one: items(one, MAX_INPUTS),
        _NO_NODES,
        "write the alerts that there are, [] for none",
    )
    expected = tuple(_each(sheet, nodes, "an expected alert", lambda one: _expected(sheet, one)))
    _check_distinct(sheet, expected)
    return Check(
        line=entry.line,
        at_ms=entry.need("at", _at(every_ms), 0, "write the time since the first value, such as at: 15m"),
        alert=entry.need("alert", text(MAX_TEXT), "", "write the rule's name"),
        expected=expected,
    )


def _expected(sheet: Sheet, node: Node) -> Expected:
    entry = Entry(sheet, node, ("labels", "state", "value"))
    return Expected(
        line=entry.line,
        labels=entry.read("labels", _labels, _NO_LABELS),
        phase=entry.read("state", choice("state", _STATES), Phase.FIRING),
        value=entry.read("value", maybe(_number), None),
    )


def _labels(node: Node) -> Labels:
    found = {scalar(key): scalar(value) for key, value in pairs(node)}
    if len(found) < len(pairs(node)):
        raise MistakeError(node, "has a name twice; leave one of them out")
    return tuple(sorted(found.items()))


def _at(every_ms: int) -> Callable[[Node], int]:
    def read(node: Node) -> int:
        return 0 if _START.fullmatch(scalar(node)) else length(every_ms * MAX_TICKS)(node)

    return read


def _number(node: Node) -> float:
    value = scalar(node)
    if not _NUMBER.fullmatch(value):
        raise MistakeError(node, f"is {value[:40]!r}; it must be a number such as 500 or 0.05")
    return float(value)


def _some(most: int) -> Callable[[Node], list[Node]]:
    def read(node: Node) -> list[Node]:
        nodes = items(node, most)
        if not nodes:
            raise MistakeError(node, "is an empty list; write at least one")
        return nodes

    return read


def _each(sheet: Sheet, nodes: list[Node], what: str, reader: Callable[[Node], T]) -> Iterator[T]:
    for node in nodes:
        try:
            yield reader(node)
        except MistakeError as mistake:
            sheet.add(mistake.line, f"{what} {mistake.sentence}")


def _check_distinct(sheet: Sheet, series: tuple[Input, ...] | tuple[Expected, ...]) -> None:
    lines: dict[Labels, int] = {}
    for one in series:
        if one.labels in lines:
            sheet.add(one.line, f"the labels are those of line {lines[one.labels]}; leave one of them out")
        lines[one.labels] = one.line
