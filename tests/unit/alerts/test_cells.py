"""Cells: whatever is grouped and chosen, the sums are right, and a series is there if it has a cell."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import KNOWN, read
from tidemark.alerts import batch as batches
from tidemark.alerts.batch import EVENT
from tidemark.alerts.cells import BeyondError, Cells, exact, matches
from tidemark.query.catalogue import Dimension
from tidemark.query.formula import Measure, Sum
from tidemark.query.request import Condition, Operator

CAMPAIGN, COUNTRY = KNOWN.catalogue.dimensions["CAMPAIGN"], KNOWN.catalogue.dimensions["COUNTRY"]
SUMS = (Sum(Measure.COST_MICROS), Sum(Measure.QUANTITY, "click"))


@dataclass(frozen=True)
class Cell:
    event: str
    campaign: str
    country: str
    quantity: int
    cost: int

    def value(self, dimension: Dimension) -> str:
        return {EVENT: self.event, CAMPAIGN: self.campaign, COUNTRY: self.country}[dimension]


CELL = st.builds(
    Cell,
    event=st.sampled_from(["click", "spend"]),
    campaign=st.sampled_from(["a", "b", "ab", ""]),
    country=st.sampled_from(["DE", "US"]),
    quantity=st.integers(-5, 5),
    cost=st.integers(-(2**55), 2**55),
)
CONDITION = st.builds(
    Condition,
    st.sampled_from([CAMPAIGN, COUNTRY]),
    st.sampled_from(Operator),
    st.lists(st.sampled_from(["a", "b", "", "DE", "D"]), min_size=1, max_size=2).map(tuple),
)
EVENTS = st.sampled_from([None, frozenset({"click"}), frozenset({"click", "spend"})])


def made(cells: list[Cell]) -> Cells:
    columns = {one.column: [cell.value(one) for cell in cells] for one in (EVENT, CAMPAIGN, COUNTRY)}
    sums = {
        Measure.QUANTITY: exact([one.quantity for one in cells]),
        Measure.COST_MICROS: exact([one.cost for one in cells]),
    }
    return Cells.made(columns, [sums])


@given(
    st.lists(CELL, max_size=30),
    st.integers(0, 30),
    st.sets(st.sampled_from([CAMPAIGN, COUNTRY]).map(lambda one: one.name)),
    st.lists(CONDITION, max_size=2),
    EVENTS,
)
def test_a_questions_sums_are_those_of_the_cells_that_it_chooses_also_from_two_ranges(
    cells: list[Cell], cut: int, named: set[str], where: list[Condition], events: frozenset[str] | None
) -> None:
    dimensions = [KNOWN.catalogue.dimensions[name] for name in sorted(named)]
    expected: dict[tuple[str, ...], list[int]] = {} if dimensions else {(): [0, 0]}
    for cell in cells:
        if (events is None or cell.event in events) and all(
            matches(one, cell.value(one.dimension)) for one in where
        ):
            found = expected.setdefault(tuple(map(cell.value, dimensions)), [0, 0])
            found[0] += cell.cost
            found[1] += cell.quantity if cell.event == "click" else 0
    for source in (made(cells), made(cells[:cut]).joined(made(cells[cut:]))):
        answer = source.answer(dimensions, where, events, SUMS)
        rows = [*zip(*answer.columns, strict=True)] if answer.row_count else []
        assert {row[: len(dimensions)]: list(row[len(dimensions) :]) for row in rows} == expected
        assert answer.row_count == len(rows)


@pytest.mark.parametrize(
    ("operator", "values", "chosen"),
    [
        (Operator.IN, ("a", ""), ["", "a"]),
        (Operator.NOT_IN, ("a", ""), ["ab", "b"]),
        (Operator.PREFIX, ("a",), ["a", "ab"]),
        (Operator.CONTAINS, ("b",), ["ab", "b"]),
    ],
)
def test_a_condition_chooses_what_the_planners_sql_chooses(
    operator: Operator, values: tuple[str, ...], chosen: list[str]
) -> None:
    condition = Condition(CAMPAIGN, operator, values)
    assert [one for one in ["", "a", "ab", "b"] if matches(condition, one)] == chosen


def test_sums_beyond_62_bits_are_refused_and_none_wraps() -> None:
    assert exact([2**61, -(2**60)]).dtype == np.int64
    with pytest.raises(BeyondError):
        exact([2**61, 2**61])


RULES = read("""\
groups:
  - name: Spend
    every: 1m
    rules:
      - alert: All
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h}
        when: SPEND > 1
        annotations: {summary: all}
      - alert: AllAgain
        query: {metrics: [REVENUE], dimensions: [CAMPAIGN], window: 1h}
        when: REVENUE > 1
        annotations: {summary: all}
      - alert: Clicks
        query: {metrics: [CLICKS], dimensions: [CAMPAIGN], window: 1h}
        when: CLICKS > 1
        annotations: {summary: of another event}
      - alert: Germany
        query: {metrics: [SPEND], dimensions: [CHANNEL], where: country=DE, window: 1h}
        when: SPEND > 1
        annotations: {summary: of another slice}
      - alert: Day
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: day}
        when: SPEND > 1
        annotations: {summary: of another window}
      - alert: Reached
        query: {metrics: [REACH], dimensions: [CAMPAIGN], window: 1h}
        when: REACH > 1
        annotations: {summary: users do not add up}
      - alert: Greatest
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h, top: {n: 3, by: SPEND}}
        when: SPEND > 1
        annotations: {summary: which are the greatest is not seen in a slice}
      - alert: Properties
        query: {metrics: [SPEND], dimensions: [UTM_SOURCE], window: 1h}
        when: SPEND > 1
        annotations: {summary: of raw events}
""")


def test_rules_of_a_window_are_one_query_but_for_what_does_not_add_up() -> None:
    found = [
        [[rule.name for rule in asked.rules] for asked in batch]
        for batch in batches.batches(RULES, KNOWN.catalogue)
    ]
    assert found == [
        [["All", "AllAgain"], ["Clicks"], ["Germany"]],
        [["Day"]],
        [["Reached"]],
        [["Greatest"]],
        [["Properties"]],
    ]


def test_halves_of_a_batch_are_all_of_it() -> None:
    (batch, *_) = batches.batches(RULES, KNOWN.catalogue)
    one, other = batches.halves(batch)
    assert one
    assert other
    assert {id(asked) for asked in (*one, *other)} == {id(asked) for asked in batch}
