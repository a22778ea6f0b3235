"""The recomputation that the product is compared with: rows, sums and their order, by hand."""

from typing import Any

import pytest

import truth
from truth_values import METRICS

HOUR = {"from": "2026-03-01T10:00Z", "to": "2026-03-01T11:00Z"}


def event(number: int, name: str = "click", at: str = "2026-03-01T10:30Z", **more: Any) -> dict[str, Any]:
    return {"event_id": f"e{number}", "event": name, "event_time": truth.to_ms(at), **more}


def asked(events: list[dict[str, Any]], **question: Any) -> truth.Answer:
    return truth.answer(events, {"metrics": ["CLICKS"], "range": HOUR} | question, 0)


def campaigns(**clicks: int) -> list[dict[str, Any]]:
    return [
        event(number, campaign_id=name, quantity=count) for number, (name, count) in enumerate(clicks.items())
    ]


def listed(answer: truth.Answer, metric: str = "CLICKS") -> list[tuple[Any, ...]]:
    return [(*row["dimensions"].values(), row["values"][metric]) for row in answer.rows]


def test_of_two_copies_the_first_counts() -> None:
    events = [event(1, original_time=5, quantity=2), event(1, original_time=5, quantity=7), event(2)]
    assert listed(asked([*events, event(3, "heartbeat")], metrics=["EVENTS"]), "EVENTS") == [(2,)]
    assert listed(asked(events)) == [(3,)]


def test_every_metric_of_a_few_events() -> None:
    events = [
        event(1, "impression", quantity=3, cost_micros=1, user_id="u"),
        event(2, quantity=2, anonymous_id="u", cost_micros=1),
        event(3, "conversion", value_micros=5_000_000, anonymous_id="v"),
        event(4, "refund", value_micros=-4_999_999),
    ]
    [row] = asked(events, metrics=METRICS).rows
    values = (3, 2, 1, 2e-6, 1e-6, 4, 2, 2 / 3, 0.5, 1e-6, 2000 / 3e6, 2e-6, 0.5)
    assert row["values"] == dict(zip(METRICS, values, strict=True))


def test_a_ratio_without_a_denominator_is_null_and_an_empty_total_is_a_row_of_zeros() -> None:
    [row] = asked([], metrics=["CLICKS", "SPEND", "REACH", "CTR"]).rows
    assert row["values"] == {"CLICKS": 0, "SPEND": 0, "REACH": 0, "CTR": None}
    assert row["previous"] is None
    assert row["lower"] == row["upper"] == {"CTR": None}


def test_wilson_is_that_of_the_textbook() -> None:
    events = [event(1, "impression", quantity=10), event(2, quantity=1)]
    [row] = asked(events, metrics=["CTR", "CLICKS"]).rows
    assert row["lower"] == pytest.approx({"CTR": 0.017876213095072854}, rel=1e-14)
    assert row["upper"] == pytest.approx({"CTR": 0.40415002679523837}, rel=1e-14)
    [row] = asked([*events, event(3, quantity=10)], metrics=["CTR"]).rows
    assert row["lower"] == row["upper"] == {"CTR": None}


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("IN", ["ab", "B"], ["ab"]),
        ("NOT_IN", ["ab", "b"], ["", "a%", "äb"]),
        ("PREFIX", ["a", "ä"], ["a%", "ab", "äb"]),
        ("CONTAINS", ["%", "_"], ["a%"]),
        ("CONTAINS", [""], ["", "a%", "ab", "b", "äb"]),
    ],
)
def test_conditions_compare_as_they_are_written(operator: str, values: list[str], found: list[str]) -> None:
    events = [event(number, ad_id=ad) for number, ad in enumerate(["ab", "", "b", "a%", "äb"])]
    where = [{"dimension": "AD", "op": operator, "values": values}]
    assert listed(asked(events, dimensions=["AD"], where=where)) == [(ad, 1) for ad in found]


def test_gaps_are_filled_for_each_combination_whose_events_the_metrics_look_at() -> None:
    span = {"from": "2026-03-01T10:30Z", "to": "2026-03-01T12:00Z"}
    events = [event(1, country="DE"), event(2, "page", country="FR"), event(3, at="2026-03-01T10:29Z")]
    question = {"range": span, "grain": "HOUR", "dimensions": ["COUNTRY"]}
    first, second = (truth.to_ms(f"2026-03-01T{hour}:00Z") for hour in (10, 11))
    rows = [(row["bucket"], *row["dimensions"].values()) for row in asked(events, **question).rows]
    assert rows == [(first, "DE"), (second, "DE")]
    empty = asked(events, **question, having=[{"metric": "EVENTS", "max": 0}]).rows
    assert [(row["bucket"], *row["dimensions"].values()) for row in empty] == [
        (second, "DE"),
        (second, "FR"),
    ]


def test_a_comparison_has_rows_for_what_is_gone_and_changes_from_what_was() -> None:
    events = [event(1, ad_id="a", quantity=3), event(2, at="2026-03-01T09:30Z", ad_id="b", quantity=2)]
    events.append(event(3, at="2026-03-01T09:59Z", ad_id="a", quantity=2))
    answer = asked(events, compare="PREVIOUS_PERIOD", dimensions=["AD"])
    assert listed(answer) == [("a", 3), ("b", 0)]
    assert [row["previous"]["CLICKS"] for row in answer.rows] == [2, 2]
    assert [row["change"]["CLICKS"] for row in answer.rows] == [0.5, -1]


def test_the_top_keeps_its_remainder_last_and_its_ties_by_value() -> None:
    events = campaigns(d=1, c=5, b=2, a=2)
    top = {"n": 2, "by": "CLICKS"}
    assert listed(asked(events, dimensions=["CAMPAIGN"], top=top)) == [("c", 5), ("a", 2), (None, 3)]
    assert listed(asked(events, dimensions=["CAMPAIGN"], top=top | {"other": False})) == [("c", 5), ("a", 2)]
    assert listed(asked(events, dimensions=["CAMPAIGN"], top=top | {"n": 4}))[-1] == ("d", 1)
    by_name = [{"dimension": "CAMPAIGN", "direction": "DESC"}]
    assert listed(asked(events, dimensions=["CAMPAIGN"], top=top, orderBy=by_name))[-1] == (None, 3)


def test_order_having_and_limit_in_this_order() -> None:
    events = campaigns(a=1, b=4, c=3, d=1)
    question = {"dimensions": ["CAMPAIGN"], "orderBy": [{"metric": "CLICKS", "direction": "ASC"}]}
    assert listed(asked(events, **question)) == [("a", 1), ("d", 1), ("c", 3), ("b", 4)]
    answer = asked(events, **question, having=[{"metric": "CLICKS", "min": 3.0}], limit=1)
    assert (listed(answer), answer.truncated) == ([("c", 3)], True)
    null_last = [{"metric": "CTR", "direction": "ASC"}]
    events.append(event(9, "impression", quantity=2, campaign_id="d"))
    assert listed(asked(events, dimensions=["CAMPAIGN"], orderBy=null_last))[0] == ("d", 1)


def test_the_last_seconds_are_whole_minutes_to_the_end_of_this_one() -> None:
    now = truth.to_ms("2026-03-01T10:30:30Z")
    answer = truth.answer([], {"metrics": ["CLICKS"], "range": {"lastSeconds": 45}}, now)
    assert (answer.start, answer.end) == (now - 90_000, now + 30_000)
