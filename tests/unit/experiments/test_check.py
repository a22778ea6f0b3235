"""A definition: what it says, and that every kind of mistake is told on its line with what to do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declared import TEXT, VOCABULARY, cases, problems, read, with_line
from tidemark.experiments.check import check
from tidemark.experiments.definition import (
    Better,
    Covariate,
    Definition,
    Kind,
    Margin,
    Phase,
    Status,
    Total,
    UserKey,
)
from tidemark.query.catalogue import Unit
from tidemark.query.formula import Measure
from tidemark.query.instant import DAY_MS, parse_instant, to_ms

SHORT = """\
id: button
variants: {control: 1, green: 1}
planned_users: 20000
goals:
  - {name: purchase, kind: proportion, event: conversion}
"""


def ms(text: str) -> int:
    return to_ms(parse_instant(text))


def test_a_definition_says_what_its_file_says() -> None:
    found = read(TEXT)
    assert (found.id, found.name, found.status) == ("button", "The button", Status.RUNNING)
    assert (found.start_ms, found.end_ms) == (ms("2026-11-01T00:00:00Z"), ms("2026-12-01T00:00:00Z"))
    assert [(one.key, one.weight, one.is_control) for one in found.variants] == [
        ("control", 1, True),
        ("green", 1, False),
    ]
    assert found.phases == (Phase(ms("2026-11-10T00:00:00Z"), (3, 1)),)
    assert (found.planned_users, found.alpha, found.window_ms) == (20_000, 0.05, 7 * DAY_MS)
    purchase, revenue, click_rate = found.goals
    assert (purchase.kind, purchase.unit, purchase.label) == (Kind.PROPORTION, Unit.FRACTION, "Purchase")
    assert revenue.numerator == Total(Measure.VALUE_MICROS, ("conversion", "refund"))
    assert (revenue.cap, revenue.unit) == (500_000_000, Unit.CURRENCY)
    assert click_rate.denominator == Total(Measure.QUANTITY, ("impression",))
    refunds, guarded = found.guardrails
    assert (refunds.metric.better, refunds.margin) == (Better.LOWER, Margin(0.1, is_relative=True))
    assert (guarded.metric, guarded.margin) == (revenue, Margin(0.5, is_relative=False))
    assert [metric.name for metric in found.metrics] == ["purchase", "revenue", "click_rate", "refunds"]
    assert found.slices == ("platform", "country")
    assert found.covariate == Covariate(14, None)


def test_a_short_file_has_defaults_for_the_rest() -> None:
    found = read(SHORT)
    assert (found.name, found.status, found.start_ms) == ("button", Status.DRAFT, None)
    assert (found.unit, found.alpha, found.window_ms) == (UserKey.USER_ID, 0.05, 7 * DAY_MS)
    assert (found.slices, found.covariate, found.guardrails) == (("platform", "country"), None, ())


def test_weights_hold_from_the_start_of_their_phase() -> None:
    found, change = read(TEXT), ms("2026-11-10T00:00:00Z")
    assert found.shares_at(change - 1) == {"control": 0.5, "green": 0.5}
    assert found.shares_at(change) == {"control": 0.75, "green": 0.25}


def test_a_pair_of_variants_has_its_part_of_the_planned_users() -> None:
    found = read(with_line("{control: 1, green: 1}", "{control: 5, green: 3, blue: 2}", SHORT))
    assert (found.planned_pair("green"), found.planned_pair("blue")) == (16_000, 14_000)


@pytest.mark.parametrize(
    "weights", ["{control: 50, green: 50}", "{control: 0.5, green: 0.5}", "{control: 50%, green: 50 %}"]
)
def test_weights_are_relative_however_they_are_written(weights: str) -> None:
    assert read(with_line("{control: 1, green: 1}", weights)) == read(TEXT)


def test_variants_are_texts_even_where_yaml_has_another_idea() -> None:
    found = read(with_line("{control: 1, green: 1}", "{on: 1, 007: 2}\ncontrol: on", SHORT))
    assert [(one.key, one.is_control) for one in found.variants] == [("on", True), ("007", False)]


def test_a_smallest_effect_gives_the_number_of_users() -> None:
    found = read(with_line("planned_users: 20000", "minimal_effect: {base_rate: 12%, lift: 5%}"))
    assert 180_000 < found.planned_users < 181_000


@pytest.mark.parametrize("case", cases("experiment_mistakes.yaml"), ids=lambda case: case["says"][:60])
def test_a_mistake_is_told_on_its_line_with_what_to_do(case: dict[str, Any]) -> None:
    told = [str(one) for one in problems(with_line(case["old"], case["new"]))]
    assert told == [f"button.yaml, line {case['line']}: {case['says']}"]


def test_every_mistake_of_a_file_is_told_at_once_in_the_order_of_its_lines() -> None:
    wrong = TEXT
    for old, new in (("alpha: 0.05", "alpha: 1"), ("status: running", "status: on"), ("days: 14", "days: 0")):
        wrong = with_line(old, new, wrong)
    assert [one.line for one in problems(wrong)] == [3, 10, 23]


def test_no_variant_is_the_control_unless_it_is_called_that_or_named() -> None:
    wrong = with_line("{control: 1, green: 1}", "{red: 1, green: 1}", SHORT)
    assert [str(one) for one in problems(wrong)] == [
        "button.yaml, line 2: no variant is called control; write control: and the name of the one that is it"
    ]
    assert read(wrong + "control: red\n").control.key == "red"


def test_more_metrics_than_allowed_are_refused() -> None:
    goals = "".join(f"  - {{name: g{n}, kind: proportion, event: click}}\n" for n in range(50))
    rail = "guardrails:\n  - {name: r, kind: proportion, event: click, margin: {relative: 1%}}\n"
    assert problems(SHORT.split("  -", maxsplit=1)[0] + goals) == []
    assert [str(one) for one in problems(SHORT.split("  -", maxsplit=1)[0] + goals + rail)] == [
        "button.yaml, line 56: there are 51 metrics; there may be at most 50: leave some out"
    ]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "a file is one experiment, a mapping of keys to values; begin with id and name"),
        (b"\n- id: a", 2, "a file is one experiment, a mapping of keys to values; begin with id and name"),
        (b"id: a\nname: [", 2, "this is not YAML: "),
        (b"id: a\n---\nid: b", 2, "this is not YAML: "),
        (b"id: a\nname: \xff", 2, "the file is not UTF-8; save it as UTF-8"),
        (b"id: a\x07", 1, "this is not YAML: it has the character "),
        (b"[" * 20_000, 1, "it is nested too deeply; a definition has at most five levels"),
        (b"#" * 65_537, 1, "the file has 65,537 bytes; a definition has at most 65,536: shorten it"),
    ],
)
def test_what_is_no_definition_at_all_is_one_sentence(content: bytes, line: int, says: str) -> None:
    found = check("a.yaml", content, VOCABULARY, {})
    assert isinstance(found, list)
    assert [one.line for one in found] == [line]
    assert found[0].sentence.startswith(says)


def test_a_key_that_holds_itself_is_told_like_any_other() -> None:
    [problem] = problems(f"{TEXT}? &a [*a]\n: 1\n")
    assert problem.line == 24
    assert problem.sentence.startswith("there is no key a list; there are alpha, control, ")


@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text("{}[]:,-#&*!|>'\"% \nab0", max_size=6))
def test_whatever_is_typed_is_a_definition_or_sentences_of_one_line(at: int, cut: int, typed: str) -> None:
    text = TEXT[:at] + typed + TEXT[at + cut :]
    found = check("a.yaml", text.encode(), VOCABULARY, {})
    if not isinstance(found, Definition):
        assert found
        assert all("\n" not in str(one) and 1 <= one.line <= text.count("\n") + 1 for one in found)
