"""One file of rules, read and checked: its rules, or everything that is wrong with them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from tidemark.alerts.annotation import OF_CAMPAIGN, labels_of, names_of, units_of
from tidemark.alerts.expression import Expression, is_open, overlap
from tidemark.alerts.fingerprint import fingerprint
from tidemark.alerts.grammar import ConditionError, parse
from tidemark.alerts.query import Known, query
from tidemark.alerts.rule import ExperimentQuery, OnNoData, Query, Rule, Severity
from tidemark.alerts.template import MAX_CHARACTERS, fields
from tidemark.alerts.vocabulary import Vocabulary, vocabulary_of
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
from tidemark.declared.problem import Problem, nearest, shown
from tidemark.declared.values import as_length, choice, length, maybe, text, whole
from tidemark.query.instant import DAY_MS, MINUTE_MS

DOCUMENT = Document(
    noun="a file of rules",
    levels="eight",
    root="a file is a mapping with groups of rules, as Prometheus has them; begin with groups: and - name:",
)
MAX_RULES = 2_000
"""In all files together."""
MAX_GROUPS = 100
"""In one file."""
MAX_NAME, MAX_LABELS, MAX_LABEL = 100, 20, 200
MAX_EVERY_MS, MAX_FOR_MS = 7 * DAY_MS, 31 * DAY_MS
MAX_INSTANCES, DEFAULT_INSTANCES = 10_000, 100

KEYS = (
    *("alert", "severity", "query", "when", "resolve_when", "for", "keep_firing_for", "on_no_data"),
    *("max_instances", "labels", "annotations"),
)
_ALERT = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_LABEL = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_RESERVED = frozenset({"alertname", "group", "rule", "severity", "threshold", "value", *OF_CAMPAIGN})
"""Labels that receivers know already, and names that annotations have."""
_SEVERITY = {one.lower(): one for one in Severity}
_ON_NO_DATA = {one.lower(): one for one in OnNoData}
_WHEN = "write the condition, such as when: SPEND > 500"
_ANNOTATIONS = "write what is told, such as annotations: {summary: Too much was spent}"
_TEXTS = ("summary", "description")
_NO_NODES: list[Node] = []
_NO_TEXTS: Mapping[str, str] = {}


def check(file: str, content: bytes, known: Known, taken: Mapping[str, str]) -> list[Rule] | list[Problem]:
    """The rules in a file.

    Args:
        file: its name, for problems.
        content: its bytes.
        known: the names that they may use.
        taken: names of alerts that other files declare, each with where.

    Returns:
        The rules, or everything that is wrong, in the order of the lines.
    """
    sheet = Sheet(file)
    node = compose(content, sheet, DOCUMENT)
    rules: list[Rule] = []
    if node is not None:
        names = dict(taken)
        entry = Entry(sheet, node, ("groups",))
        for group in entry.need("groups", _groups, _NO_NODES, "write groups: and below it - name:"):
            rules += _group(sheet, group, known, names)
            if len(names) > MAX_RULES:  # a file may name a list again and again, so reading ends here
                told = f"with this group there are more than {MAX_RULES:,} rules in all files"
                sheet.add(line_of(group), f"{told}; there may be at most {MAX_RULES:,}: remove some")
                break
    return sorted(sheet.problems) if sheet.problems else rules


def _groups(node: Node) -> list[Node]:
    return _some(items(node, MAX_GROUPS), node)


def _rules(node: Node) -> list[Node]:
    return _some(items(node, MAX_RULES), node)


def _some(nodes: list[Node], node: Node) -> list[Node]:
    if not nodes:
        raise MistakeError(node, "is an empty list; write at least one, or remove the file")
    return nodes


def _group(sheet: Sheet, node: Node, known: Known, taken: dict[str, str]) -> Iterator[Rule]:
    try:
        entry = Entry(sheet, node, ("name", "every", "rules"))
    except MistakeError as mistake:
        sheet.add(mistake.line, f"a group {mistake.sentence}")
        return
    group = entry.need("name", text(MAX_NAME), "", "write one for people, such as name: Spend")
    every_ms = entry.read("every", length(MAX_EVERY_MS), MINUTE_MS)
    for rule in entry.need("rules", _rules, _NO_NODES, "write at least one, beginning with - alert:"):
        try:
            reader = _Reader(Entry(sheet, rule, KEYS), known)
        except MistakeError as mistake:
            sheet.add(mistake.line, f"a rule {mistake.sentence}")
            _count(taken, "", "")
        else:
            found = reader.rule(group, every_ms, taken)
            if found is not None:
                yield found
        if len(taken) > MAX_RULES:
            return


def _count(taken: dict[str, str], name: str, place: str) -> None:
    """A rule more; one without a name, or with another's, counts towards the limit, too."""
    taken[name if name and name not in taken else f" {len(taken)}"] = place


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one rule."""

    entry: Entry
    known: Known

    def rule(self, group: str, every_ms: int, taken: dict[str, str]) -> Rule | None:
        """The rule; where there are problems it does not count, and may be None."""
        entry = self.entry
        name = self._name(taken)
        hint = "write what it asks, such as query: {metrics: [SPEND], window: 1h}"
        asked = entry.need("query", query(entry.sheet, self.known), None, hint)
        severity = entry.read("severity", choice("severity", _SEVERITY), Severity.WARNING)
        for_ms = entry.read("for", length(MAX_FOR_MS), 0)
        keep_firing_ms = entry.read("keep_firing_for", length(MAX_FOR_MS), 0)
        on_no_data = entry.read("on_no_data", choice("decision", _ON_NO_DATA), OnNoData.OK)
        max_instances = entry.read("max_instances", whole(1, MAX_INSTANCES), DEFAULT_INSTANCES)
        for key in ("when", "annotations"):
            entry.need(key, lambda _node: None, None, _WHEN if key == "when" else _ANNOTATIONS)
        if asked is None:  # what it would say of the rest would be misleading
            return None
        self._check_every(asked, every_ms)
        vocabulary = vocabulary_of(asked, self.known.catalogue)
        when = entry.read("when", maybe(_condition(vocabulary)), None)
        resolve_when = entry.read("resolve_when", maybe(_condition(vocabulary)), None)
        if when and resolve_when and (both := overlap(when, resolve_when)) is not None:
            told = f"at {both:g} resolve_when holds and when, too, so the alert would come and go"
            entry.add("resolve_when", f"{told}; choose a bound on the other side")
        before = len(entry.sheet.problems)
        labels = entry.read("labels", self._labels(asked, vocabulary), _NO_TEXTS)
        if when is None or len(entry.sheet.problems) > before:
            return None
        names = names_of(asked, when, labels, vocabulary, self.known.catalogue)
        annotations = entry.read("annotations", self._annotations(names), _NO_TEXTS)
        named = {name for template in annotations.values() for name in fields(template)}
        needed = when.names | (resolve_when.names if resolve_when else frozenset())
        rule = Rule(
            name=name,
            group=group,
            file=entry.sheet.file,
            line=entry.line,
            severity=severity,
            every_ms=every_ms,
            query=asked,
            when=when,
            resolve_when=resolve_when,
            for_ms=for_ms,
            keep_firing_ms=keep_firing_ms,
            on_no_data=on_no_data,
            max_instances=max_instances,
            labels=labels,
            annotations=annotations,
            # one with `for` has to hold at complete ticks anyway
            is_open=for_ms == 0 and is_open(when, vocabulary.growing, vocabulary.fixed),
            threshold=when.threshold,
            fingerprint="",
            columns=needed | (named & vocabulary.names.keys()),
            units=units_of(when, vocabulary),
        )
        return replace(rule, fingerprint=fingerprint(rule, self.known.catalogue))

    def _name(self, taken: dict[str, str]) -> str:
        entry = self.entry
        name = entry.need("alert", _alert, "", "write its name, such as alert: SpendWithoutConversions")
        if name in taken:
            entry.add("alert", f"the alert {name} is that of {taken[name]}; rename one of them")
        _count(taken, name, f"{entry.sheet.file}, line {entry.line}")
        return name

    def _check_every(self, asked: Query, every_ms: int) -> None:
        length_ms = None if isinstance(asked, ExperimentQuery) else asked.window.length_ms
        if length_ms is not None and length_ms < every_ms:
            told = (
                f"the window has {as_length(length_ms)} and its group is judged every {as_length(every_ms)}"
            )
            self.entry.add("query", f"{told}, so what lies between would never be seen; make every shorter")

    def _labels(self, asked: Query, vocabulary: Vocabulary) -> Callable[[Node], Mapping[str, str]]:
        sheet, series = self.entry.sheet, labels_of(asked)

        def read(node: Node) -> Mapping[str, str]:
            found: dict[str, str] = {}
            for key, value in pairs(node):
                try:
                    name = scalar(key)
                    _check_label(key, name, series, vocabulary, found)
                    found[name] = text(MAX_LABEL)(value)
                except MistakeError as mistake:
                    sheet.add(mistake.line, f"a label {mistake.sentence}")
            if len(found) > MAX_LABELS:
                raise MistakeError(node, f"has {len(found)} entries; there may be at most {MAX_LABELS}")
            return found

        return read

    def _annotations(self, names: frozenset[str]) -> Callable[[Node], Mapping[str, str]]:
        sheet = self.entry.sheet

        def read(node: Node) -> Mapping[str, str]:
            entry = Entry(sheet, node, _TEXTS)
            template = _template(names)
            found = {"summary": entry.need("summary", template, "", "write one line that says what is wrong")}
            description = entry.read("description", template, "")
            return found | ({"description": description} if description else {})

        return read


def _alert(node: Node) -> str:
    value = scalar(node)
    if len(value) > MAX_NAME or not _ALERT.fullmatch(value):
        told = (
            f"it must be 1 to {MAX_NAME} letters, digits and underscores, a letter first, such as HighSpend"
        )
        raise MistakeError(node, f"is {shown(value)}; {told}")
    return value


def _condition(vocabulary: Vocabulary) -> Callable[[Node], Expression]:
    def read(node: Node) -> Expression:
        try:
            return parse(scalar(node), vocabulary)
        except ConditionError as error:
            raise MistakeError(node, f"is wrong: {error}") from None

    return read


def _check_label(
    node: Node, name: str, series: tuple[str, ...], vocabulary: Vocabulary, found: Mapping[str, str]
) -> None:
    if not _LABEL.fullmatch(name) or len(name) > MAX_NAME:
        told = "it must be lower-case letters, digits and underscores, a letter first, such as team"
        raise MistakeError(node, f"is called {shown(name)}; {told}")
    if name in series:
        raise MistakeError(node, f"is called {name}, which each series has of its own; choose another name")
    if name in _RESERVED or name in vocabulary.names:
        raise MistakeError(node, f"is called {name}, which has a meaning already; choose another name")
    if name in found:
        raise MistakeError(node, f"is called {name} like another one; leave one of them out")


def _template(names: frozenset[str]) -> Callable[[Node], str]:
    def read(node: Node) -> str:
        template = text(MAX_CHARACTERS)(node)
        try:
            used = fields(template)
        except ValueError as error:
            raise MistakeError(node, str(error)) from None
        for name in used:
            if name not in names:
                raise MistakeError(
                    node, f"names {shown(name)}, which is nothing here; {nearest(name, names)}"
                )
        return template

    return read
