"""Unit tests of rules: how they are read, and what they say when they fail."""

import pytest

from rules import read as read_rules
from tidemark.alerts.cases import MAX_TICKS, Case, read
from tidemark.alerts.series import Phase
from tidemark.alerts.trial import run

RULES = """\
groups:
  - name: Spend
    every: 1m
    rules:
      - alert: HighSpend
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h}
        when: SPEND > 500
        for: 5m
        annotations: {summary: "{{ campaign }}"}
      - alert: AtOnce
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h}
        when: SPEND > 500
        resolve_when: SPEND < 400
        max_instances: 2
        annotations: {summary: "{{ campaign }}"}
  - name: Slow
    every: 5m
    rules:
      - alert: Slow
        query: {metrics: [SPEND], window: 1h}
        when: SPEND > 500
        annotations: {summary: much}
      - alert: Worse
        query: {experiment: all}
        when: verdict == WORSE
        annotations: {summary: "{{ variant }}"}
"""
BY_NAME = {one.name: one for one in read_rules(RULES)}
TEST = """\
tests:
  - name: told after five minutes
    every: 1m
    input:
      - {labels: {campaign: summer}, SPEND: "0+100x20"}
    alerts:
      - {at: 10m, alert: HighSpend, expected: [{labels: {campaign: summer}, state: pending}]}
      - {at: 11m, alert: HighSpend, expected: [{labels: {campaign: summer}, value: 1100}]}
"""


def cases(text: str) -> list[Case]:
    found = read("a_test.yaml", text.encode())
    good = [one for one in found if isinstance(one, Case)]
    assert len(good) == len(found), [str(one) for one in found]
    return good


def one_test(every: str, inputs: str, alerts: str) -> str:
    return f"tests: [{{name: it, every: {every}, input: [{inputs}], alerts: [{alerts}]}}]"


def told(text: str) -> list[str]:
    """What fails, without the file, the line and the test's name."""
    return [one.sentence.partition(": ")[2] for case in cases(text) for one in run(case, BY_NAME)]


SUMMER = "labels: {campaign: summer}"


def test_a_test_is_read_with_its_lines() -> None:
    (case,) = cases(TEST)
    assert (case.name, case.line, case.every_ms) == ("told after five minutes", 2, 60_000)
    assert case.inputs[0].labels == (("campaign", "summer"),)
    assert case.inputs[0].columns["SPEND"][:3] == (0, 100, 200)
    check = case.checks[1]
    assert (check.line, check.at_ms, check.alert) == (8, 660_000, "HighSpend")
    assert (check.expected[0].phase, check.expected[0].value) == (Phase.FIRING, 1100)


def test_the_test_of_the_manual_passes() -> None:
    assert told(TEST) == []


@pytest.mark.parametrize(
    ("inputs", "alerts", "sentence"),
    [
        (f'{{{SUMMER}, SPEND: "600x9"}}', "{at: 5m, alert: HighSpend, expected: []}",
         "HighSpend at 5m: campaign=summer: expected no alert, got firing with 600"),
        (f'{{{SUMMER}, SPEND: "600x9"}}', f"{{at: 4m, alert: HighSpend, expected: [{{{SUMMER}}}]}}",
         "HighSpend at 4m: campaign=summer: expected firing, got pending"),
        (f'{{{SUMMER}, SPEND: "1x9"}}',
         f"{{at: 0m, alert: HighSpend, expected: [{{{SUMMER}, state: pending}}]}}",
         "HighSpend at 0m: campaign=summer: expected pending, got no alert"),
        (f'{{{SUMMER}, SPEND: "600x9"}}', f"{{at: 5m, alert: HighSpend, expected: [{{{SUMMER}, value: 5}}]}}",
         "HighSpend at 5m: campaign=summer: expected firing with 5, got firing with 600"),
        (f'{{{SUMMER}, SPEND: "600x9"}}',
         "{at: 5m, alert: HighSpend, expected: [{labels: {campaign: winter}}]}",
         ("HighSpend at 5m: campaign=summer: expected no alert, got firing with 600; "
          "campaign=winter: expected firing, got no alert")),
        (f'{{{SUMMER}, SPEND: "600x9"}}', "{at: 5m, alert: HighSpent, expected: []}",
         "there is no alert HighSpent; did you mean HighSpend?"),
        (f'{{{SUMMER}, SPENT: "600x9"}}', "{at: 5m, alert: HighSpend, expected: []}",
         "there is no SPEND, which HighSpend looks at; write its values"),
        (f'{{{SUMMER}, SPEND: "1", SPENT: "600x9"}}', "{at: 5m, alert: HighSpend, expected: []}",
         "there is SPENT, which HighSpend does not look at; did you mean SPEND?"),
        (f'{{{SUMMER}, SPEND: "WORSEx9"}}', "{at: 5m, alert: HighSpend, expected: []}",
         "SPEND is one of numbers; write such values"),
        ('{labels: {campain: summer}, SPEND: "1x9"}', "{at: 5m, alert: HighSpend, expected: []}",
         "the labels are campain, and a series of HighSpend has campaign; write those"),
        ('{labels: {campaign: summer}, SPEND: "1x9"}', "{at: 5m, alert: Slow, expected: []}",
         "the labels are campaign, and a series of Slow has none; write those"),
        ('{labels: {experiment: a, metric: m, variant: b}, verdict: "5"}',
         "{at: 5m, alert: Worse, expected: []}", "verdict is one of words; write such values"),
        (", ".join(f'{{labels: {{campaign: {one}}}, SPEND: "600"}}' for one in "abc"),
         "{at: 0m, alert: AtOnce, expected: []}",
         "AtOnce at 0m: the condition holds for 3 series; max_instances is 2, so it is stopped"),
    ],
)  # fmt: skip
def test_what_fails_is_said_with_what_was_expected_and_what_came(
    inputs: str, alerts: str, sentence: str
) -> None:
    assert sentence in told(one_test("1m", inputs, alerts))


def test_values_that_are_further_apart_than_ticks_are_refused() -> None:
    text = one_test("5m", f'{{{SUMMER}, SPEND: "1"}}', "{at: 5m, alert: HighSpend, expected: []}")
    assert told(text) == [
        "values are 5m apart and HighSpend is judged every 1m; make every the same, or a part of it"
    ]


def test_a_rule_is_judged_at_its_own_ticks_only() -> None:
    """It is above the limit in between, and not at 0 and 5 minutes; at 10 it is."""
    alerts = "{at: 9m, alert: Slow, expected: []}, {at: 11m, alert: Slow, expected: [{value: 700}]}"
    text = one_test("1m", '{SPEND: "0 600x3 0 600x3 700 0"}', alerts)
    assert told(text) == []


def test_a_series_that_ends_has_no_data_from_then_on() -> None:
    alerts = f"{{at: 1m, alert: AtOnce, expected: [{{{SUMMER}}}]}}, {{at: 2m, alert: AtOnce, expected: []}}"
    assert told(one_test("1m", f'{{{SUMMER}, SPEND: "600 450"}}', alerts)) == []


@pytest.mark.parametrize(
    ("change", "by", "sentence"),
    [
        ("0+100x20", "5 5x?", "line 5: SPEND has '5x?'; write numbers"),
        ("at: 10m", "at: soon", "line 7: at is soon; it must be a length"),
        ("at: 10m", f"at: {MAX_TICKS + 1}m", "line 7: at is"),
        ("state: pending", "state: paused", "line 7: state is paused, which is no state; there"),
        ("value: 1100", "value: many", "line 8: value is 'many'; it must be a number"),
        ("every: 1m", "pace: 1m", "line 3: there is no key pace"),
        ("every: 1m", "every: 1s", "line 3: every is 1s"),
        ("tests:", "test:", "line 1: tests is missing"),
        ("{campaign: summer}, SPEND", "summer, SPEND", "line 5: an input is summer; it must be"),
        ("{campaign: summer}, SPEND", "{a: 1, a: 2}, SPEND", "line 5: an input has a name twice"),
        ('"0+100x20"}', '"0", SPEND: "1"}', "line 5: SPEND stands there twice"),
        ('"0+100x20"}', '"0"}\n      - {labels: {campaign: summer}, SPEND: "1"}',
         "line 6: the labels are those of line 5"),
        ("name: told after five minutes", "name:", "line 2: name is empty"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_its_line(change: str, by: str, sentence: str) -> None:
    text = TEST.replace(change, by, 1)
    assert text != TEST
    found = [str(one).partition(", ")[2] for one in read("a_test.yaml", text.encode())]
    assert any(one.startswith(sentence) for one in found), found


def test_a_test_of_too_many_values_is_refused_before_it_takes_all_memory() -> None:
    many = ", ".join(f'{{labels: {{campaign: c{number}}}, SPEND: "1"}}' for number in range(99))
    text = one_test("1m", many, "{at: 12_000m, alert: HighSpend, expected: []}".replace("_", ""))
    assert "too much for one test" in str(read("a_test.yaml", text.encode())[0])
