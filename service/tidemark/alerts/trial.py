"""A unit test of rules, run: the condition on the values as given, the machine on what follows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isclose

import numpy as np
from numpy.typing import NDArray

from tidemark.alerts.annotation import labels_of
from tidemark.alerts.cases import Case, Check, Expected, Input
from tidemark.alerts.expression import Columns
from tidemark.alerts.judge import seen
from tidemark.alerts.limit import replay
from tidemark.alerts.rule import Rule
from tidemark.alerts.series import Labels, Observation, Phase, State
from tidemark.declared.problem import Problem, nearest
from tidemark.declared.values import as_length
from tidemark.query.instant import FIRST_MS

_TOLD = frozenset({Phase.PENDING, Phase.FIRING})
_MOST = 10  # differences in one sentence
Sentence = tuple[int, str]
"""With its line."""


def run(case: Case, rules: Mapping[str, Rule]) -> list[Problem]:
    """What is not as the test expects, in words with what was expected and what came; empty if it passed.

    Args:
        case: The test.
        rules: By name.
    """
    named = {check.alert: rules[check.alert] for check in case.checks if check.alert in rules}
    found: list[Sentence] = [
        (check.line, f"there is no alert {check.alert}; {nearest(check.alert, rules)}")
        for check in case.checks
        if check.alert not in named
    ]
    for rule in named.values():
        told = list(_misfits(case, rule))
        found += told or _failures(case, rule)
    found += _unused(case, named)
    return [Problem(case.file, line, f"{case.name}: {sentence}") for line, sentence in sorted(found)]


def _misfits(case: Case, rule: Rule) -> Iterator[Sentence]:
    """Where the test is not of this rule."""
    if rule.every_ms % case.every_ms:
        told = f"values are {as_length(case.every_ms)} apart and {rule.name} is judged every"
        yield case.line, f"{told} {as_length(rule.every_ms)}; make every the same, or a part of it"
    names = sorted(labels_of(rule.query))
    expected = (one for check in _checks(case, rule) for one in check.expected)
    series: list[Input | Expected] = [*case.inputs, *expected]
    for one in series:
        given = [name for name, _ in one.labels]
        if given != names:
            told = f"the labels are {', '.join(given) or 'none'}, and a series of {rule.name} has"
            yield one.line, f"{told} {', '.join(names) or 'none'}; write those"
    for given_input in case.inputs:
        for name in sorted(_needed(rule)):
            samples = given_input.columns.get(name)
            if samples is None:
                yield given_input.line, f"there is no {name}, which {rule.name} looks at; write its values"
            elif any(isinstance(one, str) == (name in rule.units) for one in samples if one is not None):
                kind = "numbers" if name in rule.units else "words"
                yield given_input.line, f"{name} is one of {kind}; write such values"


def _unused(case: Case, rules: Mapping[str, Rule]) -> Iterator[Sentence]:
    known = {name for rule in rules.values() for name in (*_needed(rule), *rule.columns)}
    for one in case.inputs if rules else ():
        for name in sorted(one.columns.keys() - known):
            alerts = ", ".join(sorted(rules))
            yield one.line, f"there is {name}, which {alerts} does not look at; {nearest(name, known)}"


def _needed(rule: Rule) -> frozenset[str]:
    return rule.when.names | (rule.resolve_when.names if rule.resolve_when else frozenset())


def _checks(case: Case, rule: Rule) -> list[Check]:
    return [check for check in case.checks if check.alert == rule.name]


def _failures(case: Case, rule: Rule) -> Iterator[Sentence]:
    checks = _checks(case, rule)
    last_ms = max(check.at_ms for check in checks)
    history = _history(case, rule, range(0, last_ms + 1, rule.every_ms))
    states: dict[Labels, State] = {}
    for outcome in replay(rule, history):
        states |= outcome.states
        after_ms = outcome.at_ms - FIRST_MS
        for check in checks:
            if after_ms <= check.at_ms < after_ms + rule.every_ms:
                where = f"{rule.name} at {_time(check.at_ms)}"
                if outcome.limit.phase is Phase.FIRING:
                    told = f"the condition holds for {outcome.limit.value:,.0f} series"
                    yield (
                        check.line,
                        f"{where}: {told}; max_instances is {rule.max_instances:,}, so it is stopped",
                    )
                elif differences := _differences(check.expected, states):
                    yield check.line, f"{where}: {differences}"


def _history(case: Case, rule: Rule, after_ms: Sequence[int]) -> list[tuple[int, dict[Labels, Observation]]]:
    """What the rule sees of the series at each of its ticks; a series without any value is not there."""
    series, places = case.inputs, [one // case.every_ms for one in after_ms]
    names = sorted(_needed(rule))
    present = [
        [any(_at(one, name, place) is not None for name in names) for one in series] for place in places
    ]
    columns = {name: _column(case, name, places, is_number=name in rule.units) for name in names}
    judged = _judged(rule, columns)
    found = []
    for number, after in enumerate(after_ms):
        row = number * len(series)
        observed = {
            one.labels: judged(FIRST_MS + after, row + place)
            for place, one in enumerate(series)
            if present[number][place]
        }
        found.append((FIRST_MS + after, observed))
    return found


def _judged(rule: Rule, columns: Columns) -> Callable[[int, int], Observation]:
    """What is seen at a tick, by its row: conditions are evaluated once, for all ticks."""
    truth = rule.when.evaluate(columns)
    clears = rule.resolve_when.evaluate(columns) if rule.resolve_when else None

    def observation(at_ms: int, row: int) -> Observation:
        return seen(at_ms, row, truth, clears)

    return observation


def _column(case: Case, name: str, places: Sequence[int], *, is_number: bool) -> NDArray[np.generic]:
    """One element a tick and series, the series of a tick beside each other."""
    values = [_at(one, name, place) for place in places for one in case.inputs]
    if is_number:
        return np.array([np.nan if one is None else one for one in values], np.float64)
    return np.array(["" if one is None else one for one in values], np.str_)


def _at(one: Input, name: str, place: int) -> float | str | None:
    samples = one.columns[name]
    return samples[place] if place < len(samples) else None


def _differences(expected: Sequence[Expected], states: Mapping[Labels, State]) -> str:
    """In words; empty if there are none."""
    wanted = {one.labels: one for one in expected}
    got = {labels: state for labels, state in states.items() if state.phase in _TOLD}
    found = []
    for labels in sorted(wanted.keys() | got.keys()):
        want, have = wanted.get(labels), got.get(labels)
        if not _fits(want, have):
            told = f"expected {_told(want, want)}, got {_told(have, want)}"
            found.append(f"{series_text(labels)}: {told}" if labels else told)
    more = f"; and {len(found) - _MOST:,} more" if len(found) > _MOST else ""
    return "; ".join(found[:_MOST]) + more


def _fits(want: Expected | None, have: State | None) -> bool:
    if want is None or have is None or want.phase is not have.phase:
        return False
    if want.value is None:
        return True
    return have.value is not None and isclose(want.value, have.value, rel_tol=1e-9, abs_tol=1e-12)


def _told(one: Expected | State | None, want: Expected | None) -> str:
    if one is None:
        return "no alert"
    if want is not None and want.value is None:
        return one.phase.lower()
    return f"{one.phase.lower()} {'without a value' if one.value is None else f'with {one.value:g}'}"


def series_text(labels: Labels) -> str:
    """``campaign=summer, country=DE``."""
    return ", ".join(f"{name}={value}" for name, value in labels)


def _time(at_ms: int) -> str:
    return as_length(at_ms) if at_ms else "0m"
