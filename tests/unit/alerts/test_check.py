"""Rules from YAML: what they say, and that every kind of mistake is told on its line with what to do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declared import cases, with_line
from rules import KNOWN, TEXT, problems, read
from tidemark.alerts.check import MAX_RULES, check
from tidemark.alerts.rule import ExperimentQuery, HealthQuery, MetricsQuery, OnNoData, Rule, Severity, Window
from tidemark.query.catalogue import Unit
from tidemark.query.grain import Grain
from tidemark.query.instant import HOUR_MS, MINUTE_MS
from tidemark.query.request import Compare, Condition, Operator


def test_a_rule_says_what_its_file_says() -> None:
    spend = read(TEXT)[0]
    assert (spend.name, spend.group, spend.file, spend.line) == ("HighSpend", "Spend", "rules.yaml", 5)
    assert (spend.severity, spend.every_ms, spend.for_ms) == (
        Severity.CRITICAL,
        5 * MINUTE_MS,
        10 * MINUTE_MS,
    )
    assert (spend.keep_firing_ms, spend.on_no_data, spend.max_instances) == (
        15 * MINUTE_MS,
        OnNoData.KEEP,
        50,
    )
    country = KNOWN.catalogue.dimensions["COUNTRY"]
    assert spend.query == MetricsQuery(
        ("SPEND", "CTR"),
        ("CAMPAIGN", "COUNTRY"),
        (Condition(country, Operator.IN, ("DE", "FR")),),
        Window(HOUR_MS),
        Compare.PREVIOUS_WEEK,
    )
    assert spend.when.text == "SPEND > 1_000 and change_upper.CTR < -5%"
    assert spend.resolve_when is not None
    assert spend.resolve_when.threshold == 800
    assert (dict(spend.labels), spend.threshold, spend.is_open) == ({"team": "search"}, None, False)
    assert spend.columns == {"SPEND", "change_upper.CTR"}
    assert (spend.units["SPEND"], spend.units["change_upper.CTR"]) == (Unit.CURRENCY, Unit.FRACTION)


def test_a_short_rule_has_defaults_for_the_rest() -> None:
    _, worse, refused = read(TEXT)
    assert worse.query == ExperimentQuery("checkout-button-1", ("buyers",), ("PLATFORM",))
    assert (worse.severity, worse.every_ms, worse.for_ms) == (Severity.WARNING, MINUTE_MS, 0)
    assert (worse.keep_firing_ms, worse.on_no_data, worse.max_instances) == (0, OnNoData.OK, 100)
    assert (worse.resolve_when, dict(worse.labels), worse.is_open) == (None, {}, False)
    assert refused.query == HealthQuery(("dead_letters",), Window(5 * MINUTE_MS))
    assert (refused.threshold, refused.is_open) == (10.0, True)


def test_a_day_so_far_has_a_budget_and_a_part_that_is_over() -> None:
    text = with_line(
        "          window: 1h\n", "          window: day\n          timezone: Europe/Berlin\n", TEXT
    )
    [day, *_] = read(with_line("SPEND > 1_000 and", "SPEND > budget * elapsed and", text))
    assert isinstance(day.query, MetricsQuery)
    assert day.query.window == Window(None, Grain.DAY, "Europe/Berlin")
    assert day.columns == {"SPEND", "budget", "elapsed", "change_upper.CTR"}


def test_what_holds_only_for_a_while_is_not_judged_on_an_open_window() -> None:
    open_ = with_line("dead_letters > 10", "dead_letters > 10\n        for: 5m", TEXT)
    assert [rule.is_open for rule in read(TEXT)] == [False, False, True]
    assert [rule.is_open for rule in read(open_)] == [False, False, False]


@pytest.mark.parametrize("case", cases("rule_mistakes.yaml"), ids=lambda case: case["says"][:70])
def test_a_mistake_is_told_on_its_line_with_what_to_do(case: dict[str, Any]) -> None:
    told = [str(one) for one in problems(with_line(case["old"], case["new"], TEXT))]
    assert told == [f"rules.yaml, line {case['line']}: {case['says']}"]


def test_every_mistake_of_a_file_is_told_at_once_in_the_order_of_its_lines() -> None:
    wrong = TEXT
    for old, new in (
        ("for: 10m", "for: 10"),
        ("verdict == WORSE", "verdict"),
        ("severity: cri", "severity: "),
    ):
        wrong = with_line(old, new, wrong)
    assert [one.line for one in problems(wrong)] == [6, 15, 27]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "a file is a mapping with groups of rules"),
        (b"groups:\n", 1, "groups is ''; it must be a list"),
        (b"groups: []", 1, "groups is an empty list"),
        (b"groups:\n- name: a\n  rules: [", 3, "this is not YAML: "),
        (b"groups: [a]", 1, "a group is a; it must be a mapping"),
        (b"groups: [{name: a, rules: [b]}]", 1, "a rule is b; it must be a mapping"),
        (b"#" * 65_537, 1, "the file has 65,537 bytes; a file of rules has at most 65,536: shorten it"),
        (b"[" * 20_000, 1, "it is nested too deeply; a file of rules has at most eight levels"),
    ],
)
def test_what_is_no_file_of_rules_at_all_is_one_sentence(content: bytes, line: int, says: str) -> None:
    [found] = check("a.yaml", content, KNOWN, {})
    assert not isinstance(found, Rule)
    assert found.line == line
    assert found.sentence.startswith(says)


@pytest.mark.parametrize("rule", ["{alert: 1}", "{alert: A}", "a"])
def test_a_list_that_is_named_again_and_again_ends_at_the_limit(rule: str) -> None:
    group = "- {name: a, rules: &all [" + ", ".join([rule] * 500) + "]}\n"
    found = problems(f"groups:\n{group}" + "- {name: b, rules: *all}\n" * 90)
    [limit] = [one.line for one in found if f"more than {MAX_RULES:,} rules in all files" in one.sentence]
    assert limit == 6


def test_a_fingerprint_stays_until_a_decision_would_change() -> None:
    def fingerprint(old: str = "", new: str = "") -> str:
        return read(with_line(old, new, TEXT) if old else TEXT)[0].fingerprint

    same = fingerprint()
    assert len(same) == 16
    for old, new in (
        ("severity: critical", "severity: info"),
        ('"for {{ team }}"', "for you"),
        ("team: search", "team: social"),
        ("name: Spend", "name: Money"),
        ("groups:", "# a comment\ngroups:"),
        ("SPEND > 1_000 and", "SPEND >  1_000 and"),
    ):
        assert fingerprint(old, new) == same, new
    for old, new in (
        ("alert: HighSpend", "alert: HigherSpend"),
        ("every: 5m", "every: 1m"),
        ("SPEND > 1_000", "SPEND > 2_000"),
        ("SPEND < 800", "SPEND < 700"),
        ("for: 10m", "for: 20m"),
        ("keep_firing_for: 15m", "keep_firing_for: 20m"),
        ("on_no_data: keep", "on_no_data: ok"),
        ("max_instances: 50", "max_instances: 60"),
        ("country=DE,FR", "country=DE"),
        ("window: 1h", "window: 2h"),
        ("compare: week", "compare: day"),
        ("[SPEND, CTR]", "[SPEND, CTR, CVR]"),
    ):
        assert fingerprint(old, new) != same, new


@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text("{}[]:,-#&*!|>'\"% \nab0", max_size=6))
def test_whatever_is_typed_is_rules_or_sentences_of_one_line(at: int, cut: int, typed: str) -> None:
    text = TEXT[:at] + typed + TEXT[at + cut :]
    found = check("a.yaml", text.encode(), KNOWN, {})
    told = [str(one) for one in found if not isinstance(one, Rule)]
    assert found
    assert all("\n" not in one for one in told)
