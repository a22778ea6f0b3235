"""What may change in an experiment that has users, and the sentence for what may not."""

import dataclasses
from typing import Any

import pytest

from declared import TEXT, cases, read, with_line
from tidemark.experiments.change import has_started, refusals
from tidemark.query.instant import DAY_MS, parse_instant, to_ms

OLD = read(TEXT)
NOW = to_ms(parse_instant("2026-11-20T00:00:00Z"))
NEW_ONE = "declare a new experiment under another id"

REFUSED = cases("experiment_changes.yaml")

FREE = [
    ("name: The button", "name: A button"),
    ("status: running", "status: stopped"),
    ("end: 2026-12-01", "end: 2026-11-19"),
    ("end: 2026-12-01\n", ""),
    ("{control: 1, green: 1}", "{green: 0.5, control: 0.5}"),
    ("slices: [country, platform]", "slices: [country, channel]"),
    ("{name: purchase, kind", "{name: purchase, label: Buyers, kind"),
    (
        "slices:",
        "  - {name: clicks, kind: mean, sum: quantity, event: click, margin: {relative: 1%}}\nslices:",
    ),
    ("guardrails:", "  - {name: clicks, kind: mean, sum: quantity, event: click}\nguardrails:"),
    (
        "{start: 2026-11-10, weights: {control: 3, green: 1}}",
        (
            "{start: 2026-11-10, weights: {control: 3, green: 1}}\n"
            "  - {start: 2026-11-25, weights: {control: 1, green: 1}}"
        ),
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["says"][:60])
def test_what_the_verdict_depends_on_stays(case: dict[str, Any]) -> None:
    changed = read(with_line(case["old"], case["new"]))
    assert refusals(OLD, changed, NOW) == (f"button: {case['says']}",)


@pytest.mark.parametrize(("old", "new"), FREE)
def test_what_only_adds_or_is_read_by_people_may_change(old: str, new: str) -> None:
    assert refusals(OLD, read(with_line(old, new)), NOW) == ()


def test_a_variant_neither_goes_nor_comes() -> None:
    text = TEXT.replace("  - {start: 2026-11-10, weights: {control: 3, green: 1}}\n", "").replace(
        "phases:\n", ""
    )
    other = read(text.replace("green: 1", "red: 1"))
    assert refusals(read(text), other, NOW) == (
        (
            "button: the variant green has users and is missing now; write it again, or set status: stopped "
            "and an end"
        ),
        (
            "button: the variant red is new; it would be compared with users who came before it: "
            f"leave it out, or {NEW_ONE}"
        ),
    )


def test_a_goal_stays_a_goal_and_a_guardrail_a_guardrail() -> None:
    purchase = "  - {name: purchase, kind: proportion, event: conversion}\n"
    guard = "  - {name: purchase, kind: proportion, event: conversion, margin: {relative: 1%}}\n"
    lowered = read(TEXT.replace(purchase, "").replace("guardrails:\n", f"guardrails:\n{guard}"))
    assert refusals(OLD, lowered, NOW) == (
        (
            "button: the goal purchase is only a guardrail now; goals are corrected together: make it a goal "
            "again"
        ),
    )
    assert refusals(lowered, OLD, NOW) == (
        (
            "button: the margin of purchase was 0.01 relative at the start and is none now; chosen after "
            "looking, it would make anything safe: set it back"
        ),
        (
            "button: the guardrail purchase is a goal now; chosen after looking, it would pick the answer: "
            "make it a guardrail only"
        ),
    )


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["says"][:60])
def test_before_the_start_everything_may_change(case: dict[str, Any]) -> None:
    before = (OLD.start_ms or 0) - 1
    assert not has_started(OLD, before)
    assert refusals(OLD, read(with_line(case["old"], case["new"])), before) == ()


def test_a_draft_has_not_started_whenever_it_would() -> None:
    assert not has_started(read(with_line("status: running", "status: draft")), NOW)


def test_a_phase_that_has_not_begun_may_change() -> None:
    assert refusals(OLD, read(with_line("control: 3", "control: 2")), NOW - 12 * DAY_MS) == ()


def test_a_phase_may_be_declared_within_a_day_of_its_beginning() -> None:
    added = "  - {start: 2026-11-19, weights: {control: 1, green: 1}}\nplanned_users"
    new = read(with_line("planned_users", added))
    assert refusals(OLD, new, NOW) == ()
    assert len(refusals(OLD, new, NOW + 1)) == 1


def test_nothing_is_refused_where_nothing_changed() -> None:
    assert refusals(OLD, dataclasses.replace(OLD), NOW) == ()
