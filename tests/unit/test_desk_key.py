"""A question's key."""

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desks import CATALOGUE, NOON, question
from tidemark.desk.key import canonical
from tidemark.query.request import Compare, Direction, Having, OrderBy, TimeRange, Top

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


CLICKS = CATALOGUE.metrics["CLICKS"]


@pytest.mark.parametrize(
    "changes",
    [
        {"timezone": ["UTC", "Europe/Berlin"]},
        {"compare": [None, *Compare]},
        {
            "top": [
                None,
                Top(3, CLICKS),
                Top(4, CLICKS),
                Top(3, CATALOGUE.metrics["CTR"]),
                Top(3, CLICKS, other=False),
            ]
        },
        {"having": [(), (Having(CLICKS, 1),), (Having(CLICKS, None, 1),), (Having(CLICKS, 1, 1),)]},
        {
            "order_by": [
                (),
                (OrderBy(None),),
                (OrderBy(CLICKS),),
                (OrderBy(CLICKS, Direction.ASC),),
                (OrderBy(CATALOGUE.dimensions["CAMPAIGN"]),),
                (OrderBy(CLICKS), OrderBy(None)),
                (OrderBy(None), OrderBy(CLICKS)),
            ]
        },
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_each_option_has_a_key_of_its_own(changes: dict[str, list[Any]]) -> None:
    [(name, values)] = changes.items()
    keys = {canonical(replace(question(**BASE), **{name: value})) for value in values}
    assert len(keys) == len(values)


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
