"""What a rule would have told on the past, and what would tell less."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from alert_rules import LOW_SPEND, MINUTE, START, TEXT, rule
from rules import read
from tidemark.alerts.limit import replay
from tidemark.alerts.preview import Preview, preview
from tidemark.alerts.previewdisplay import as_json, of_json, render
from tidemark.alerts.rule import Rule
from tidemark.alerts.series import Kind, Labels, Observation

Values = Mapping[str, Sequence[float | None]]
DAY = 1440


def labels(campaign: str) -> Labels:
    return (("campaign", campaign),)


def judged(
    values: Values, holds: Callable[[float], bool] = lambda value: value > 100
) -> list[tuple[int, dict[Labels, Observation]]]:
    """A tick a minute."""
    ticks = max(map(len, values.values()))
    found = []
    for minute in range(ticks):
        at_ms = START + minute * MINUTE
        row = {
            labels(one): Observation(at_ms, None if value is None else holds(value), value=value)
            for one, series in values.items()
            for value in series[minute : minute + 1]
        }
        found.append((at_ms, row))
    return found


def shown(found: Preview, of: Rule) -> str:
    screen = Console(file=io.StringIO(), width=110, color_system=None)
    screen.print(render(found, of, ZoneInfo("UTC"), "USD", 110))
    file = screen.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_alerts_are_those_that_the_rule_would_have_told() -> None:
    found = preview(rule(minutes=1), judged({"a": [0, 200, 200, 200, 0, 0], "b": [0, 0, 0, 200, 300, 300]}))
    first, second = found.alerts
    assert (first.labels, first.fired_ms, first.ended_ms) == (
        labels("a"),
        START + 2 * MINUTE,
        START + 4 * MINUTE,
    )
    assert (second.labels, second.fired_ms, second.ended_ms) == (labels("b"), START + 4 * MINUTE, None)
    assert (first.value, second.value) == (200, 300)
    assert [found.lasted_ms(one) // MINUTE for one in found.alerts] == [2, 1]
    assert (found.ticks, found.series, found.stopped, found.suggestions) == (6, 2, 0, ())


def test_a_past_without_a_tick_is_refused() -> None:
    with pytest.raises(ValueError, match="no tick of HighSpend"):
        preview(rule(), [])


def spikes(lengths: Sequence[int], heights: Sequence[float], apart: int = 20) -> list[float | None]:
    found: list[float | None] = []
    for length, height in zip(lengths, heights, strict=True):
        found += [height] * length + [0.0] * apart
    return found


NOISE = spikes([2] * 30 + [40], [150] * 30 + [900])


def test_a_rule_that_tells_too_much_is_told_a_for_and_a_number_that_tell_less() -> None:
    found = preview(rule(), judged({"a": NOISE}))
    assert (len(found.alerts), found.most) == (31, 5)
    longer, stricter = found.suggestions
    assert (longer.for_ms, longer.threshold, longer.alerts) == (2 * MINUTE, None, 1)
    assert (stricter.for_ms, stricter.threshold, stricter.alerts) == (None, 150, 1)


def test_a_number_is_suggested_below_where_the_condition_is_below() -> None:
    values = [100 - (value or 0) / 10 for value in NOISE]
    found = preview(rule(LOW_SPEND), judged({"a": [*values]}, lambda value: value < 100))
    assert [one.threshold for one in found.suggestions] == [None, 85]


def test_where_nothing_helps_nothing_is_suggested() -> None:
    found = preview(rule(), judged({"a": spikes([2] * 30, [150] * 30)}))
    assert len(found.alerts) == 30
    assert found.suggestions == ()
    assert "No longer `for`" in shown(found, rule())


def test_a_condition_of_words_or_of_two_comparisons_gets_no_number() -> None:
    text = TEXT.replace("SPEND > 100", "SPEND > 100 and CLICKS < 3").replace("[SPEND]", "[SPEND, CLICKS]")
    two = rule(read(text)[0])
    found = preview(two, judged({"a": NOISE}))
    assert [one.threshold for one in found.suggestions] == [None]


def test_a_rule_with_too_many_series_says_that_it_was_stopped() -> None:
    found = preview(rule(most=2), judged({one: [0, 200, 200, 0] for one in "abc"}))
    assert (found.alerts, found.stopped) == ((), 2)
    assert "The rule was stopped at 2 ticks" in shown(found, rule(most=2))


series = st.lists(st.sampled_from([0.0, 0.0, 120.0, 150.0, 333.0, 1e6, None]), min_size=1, max_size=120)


@given(
    st.dictionaries(st.sampled_from("abc"), series, min_size=1), st.sampled_from([rule(), rule(minutes=1)])
)
def test_a_suggestion_tells_what_it_says_and_no_more_than_may_be(values: Values, by: Rule) -> None:
    history = judged(values)
    found = preview(by, history)
    fired = [change for one in replay(by, history) for _, change in one.changes if change.kind is Kind.FIRED]
    assert len(found.alerts) == len(fired)
    for one in found.suggestions:
        assert 0 < one.alerts <= found.most < len(found.alerts)
        if one.threshold is None:
            again = preview(replace(by, for_ms=one.for_ms or 0), history)
        else:
            bound = one.threshold
            assert bound > 100
            again = preview(by, judged(values, lambda value: value > bound))  # noqa: B023 - called at once
        assert len(again.alerts) == one.alerts


def test_a_terminal_shows_how_often_for_whom_when_and_what_to_change() -> None:
    by = rule()
    text = shown(preview(by, judged({"summer": NOISE, "winter": [0.0] * 710 + [120] * 10})), by)
    lines = text.splitlines()
    assert lines[0].startswith("HighSpend would have fired 32 times in the 12h up to Thu")
    assert "for 2 of the series, 1 of them firing still." in " ".join(text.split())
    summer = next(line for line in lines if line.startswith("campaign=summer"))
    assert " 31 " in summer
    assert "40m" in summer
    assert "█" in summer
    winter = next(line for line in lines if line.startswith("campaign=winter"))
    assert winter.rstrip().endswith("▏")
    assert "9m, still" in text
    assert "and 22 before" in text
    assert "With `for: 2m` it would have been" in text
    assert "150.00 USD in place of 100.00 USD" in text


def test_a_short_alert_is_seen_in_the_timeline_of_a_week() -> None:
    found = preview(rule(), judged({"a": [0.0] * 5 * DAY + [200] + [0.0] * 2 * DAY}))
    assert "░" in shown(found, rule())
    assert found.days == pytest.approx(7)
    assert found.most == 35


def test_a_rule_that_tells_nothing_says_so() -> None:
    found = preview(rule(), judged({"a": [0, 0]}))
    assert shown(found, rule()).startswith("HighSpend would not have fired in the 2m up to")


def test_machines_read_the_same() -> None:
    found = json.loads(json.dumps(as_json(preview(rule(), judged({"a": NOISE})))))
    assert found["rule"] == "HighSpend"
    assert len(found["alerts"]) == 31
    assert found["alerts"][0] == {
        "labels": {"campaign": "a"},
        "firedAt": "2025-02-19T21:20:00Z",
        "endedAt": "2025-02-19T21:22:00Z",
        "seconds": timedelta(minutes=2).seconds,
        "value": 150,
    }
    assert found["suggestions"][0] == {"forSeconds": 120, "threshold": None, "alerts": 1}


def test_what_machines_read_is_the_whole_preview() -> None:
    found = replace(preview(rule(), judged({"a": NOISE, "b": [0, 200]})), series=7, asked_ms=START - DAY)
    assert of_json(json.loads(json.dumps(as_json(found)))) == found


def test_a_past_that_is_shorter_than_asked_says_where_it_begins() -> None:
    found = preview(rule(), judged({"a": [0, 0]}))
    assert "does not go back further" not in shown(found, rule())
    short = shown(replace(found, asked_ms=START - 60 * MINUTE), rule())
    assert "Judged from Wed 19 Feb 21:20, since data does not go back further." in short


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_the_terminal(width: int) -> None:
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    found = preview(rule(), judged({f"campaign-of-summer-{number}": NOISE for number in range(30)}))
    screen.print(render(found, rule(), ZoneInfo("UTC"), "USD", width))
    file = screen.file
    assert isinstance(file, io.StringIO)
    assert "campaign=campaign-of-summer-0  " in file.getvalue() or width < 80
    assert max(map(len, file.getvalue().splitlines())) <= width
