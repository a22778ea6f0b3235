"""A question's key."""

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desks import NOON, question
from tidemark.desk.key import canonical
from tidemark.query.request import TimeRange

RANGE = TimeRange(NOON, NOON + timedelta(hours=1))
BASE: dict[str, Any] = {
    "metrics": ["CLICKS", "CTR"],
    "dimensions": ["CAMPAIGN", "COUNTRY"],
    "where": [("CAMPAIGN", "IN", ["a", "b"]), ("COUNTRY", "NOT_IN", ["DE"])],
    "time_range": RANGE,
    "grain": "HOUR",
    "limit": 7,
}


def key(**changed: Any) -> str:
    return canonical(question(**BASE | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"metrics": ["CTR", "CLICKS"]},
        {"dimensions": ["COUNTRY", "CAMPAIGN"]},
        {"where": [("CAMPAIGN", "IN", ["a", "c"]), ("COUNTRY", "NOT_IN", ["DE"])]},
        {"where": [("CAMPAIGN", "NOT_IN", ["a", "b"]), ("COUNTRY", "NOT_IN", ["DE"])]},
        {"where": [("CAMPAIGN", "IN", ["a", "b"])]},
        {"time_range": TimeRange(last_seconds=3600)},
        {"time_range": TimeRange(NOON, NOON + timedelta(hours=2))},
        {"grain": "DAY"},
        {"grain": None},
        {"limit": 8},
    ],
    ids=str,
)
def test_whatever_changes_the_answer_changes_the_key(changed: dict[str, Any]) -> None:
    assert key(**changed) != key()


def test_the_order_of_conditions_and_values_and_the_zone_of_an_instant_do_not_matter() -> None:
    berlin = timezone(timedelta(hours=1))
    assert key() == key(
        where=[("COUNTRY", "NOT_IN", ["DE", "DE"]), ("CAMPAIGN", "IN", ["b", "a", "b"])],
        time_range=TimeRange(RANGE.start.astimezone(berlin), RANGE.end),  # type: ignore[union-attr]
    )


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_text_has_a_key_of_its_own(values: list[str]) -> None:
    first = key(where=[("CAMPAIGN", "IN", values)])
    assert first == key(where=[("CAMPAIGN", "IN", values[::-1])])
    assert first != key(where=[("CAMPAIGN", "IN", [*values, "".join(values) + "."])])
    assert first.isascii()
