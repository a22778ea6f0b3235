"""Which past ticks are judged, and what is kept of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules import MINUTE, START, rule
from rules import read
from tidemark.alerts.limit import replay
from tidemark.alerts.past import Batch, Record, looked_at, ticks
from tidemark.alerts.preview import preview
from tidemark.alerts.rule import OnNoData, Rule
from tidemark.alerts.series import Labels, Observation

HOUR, DAY = 60 * MINUTE, 1440 * MINUTE
TEXT = """\
groups:
  - name: Spend
    every: 5m
    rules:
      - alert: Week
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h, compare: week}
        when: SPEND > 100
        annotations: {summary: "{{ campaign }}"}
      - alert: Day
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: day, timezone: Europe/Berlin}
        when: SPEND > 100
        annotations: {summary: "{{ campaign }}"}
"""
WEEK, CALENDAR = read(TEXT)
GONE = -1.0
"""A series that has no row at a tick."""
values = st.lists(
    st.sampled_from([0.0, 30.0, 120.0, 150.0, 333.0, float("nan"), GONE]), min_size=40, max_size=40
)
any_rule = st.builds(
    rule,
    minutes=st.sampled_from([0, 2]),
    keep=st.sampled_from([0, 3]),
    on_no_data=st.sampled_from(OnNoData),
    hysteresis=st.booleans(),
    most=st.sampled_from([1, 2, 100]),
)


def of(campaign: int) -> Labels:
    return (("campaign", f"c{campaign}"),)


def batch(table: list[list[float]], first: int, end: int) -> Batch:
    """Of these ticks, the rows of a series beside each other."""
    rows = [
        (tick - first, owner, series[tick])
        for owner, series in enumerate(table)
        for tick in range(first, end)
        if series[tick] != GONE
    ]
    places, owners, spend = ([row[at] for row in rows] for at in range(3))
    return Batch(
        range(START + first * MINUTE, START + end * MINUTE, MINUTE),
        [of(number) for number in range(len(table))],
        np.array(places, np.int64),
        np.array(owners, np.int64),
        {"SPEND": np.array(spend, np.float64)},
    )


def everything(by: Rule, table: list[list[float]]) -> list[tuple[int, dict[Labels, Observation]]]:
    """What there is of all series at all ticks."""
    found = []
    for tick in range(len(table[0])):
        at_ms = START + tick * MINUTE
        row = {}
        for owner, series in enumerate(table):
            spend = series[tick]
            known = not math.isnan(spend)
            if spend != GONE:
                resolves = spend < 50 if by.resolve_when is not None and known else None
                value = spend if known else None
                row[of(owner)] = Observation(at_ms, spend > 100 if known else None, resolves, value)
        found.append((at_ms, row))
    return found


@given(any_rule, st.lists(values, min_size=1, max_size=4), st.integers(1, 39))
def test_what_is_left_out_decides_nothing_nor_does_it_for_what_is_suggested(
    by: Rule, table: list[list[float]], cut: int
) -> None:
    record = Record(by)
    for first, end in ((0, cut), (cut, 40)):
        record.add(batch(table, first, end))
    whole = everything(by, table)
    for variant in (by, replace(by, for_ms=5 * MINUTE)):
        told = [
            [(one.changes, one.limit) for one in replay(variant, each)] for each in (record.history, whole)
        ]
        assert told[0] == told[1]
    seen = {labels for _, row in whole for labels in row}
    assert record.series == len(seen)
    assert replace(preview(by, record.history), series=len(seen)) == preview(by, whole)


def test_a_quiet_series_is_not_kept() -> None:
    record = Record(rule())
    record.add(batch([[0.0, 0, 200, 0, 0, 0], [0.0] * 6], 0, 6))
    assert [len(row) for _, row in record.history] == [0, 0, 1, 1, 0, 0]
    assert record.series == 2


def test_ticks_are_those_of_the_asked_past_up_to_where_data_is_complete() -> None:
    complete = START + 7 * MINUTE + 123
    found = ticks(WEEK, HOUR, complete, floor_ms=0, first_ms=0)
    assert (found[-1], len(found), found.step) == (START + 5 * MINUTE, 12, 5 * MINUTE)


def test_ticks_begin_after_the_first_minute_of_data() -> None:
    found = ticks(WEEK, DAY, START + DAY, floor_ms=0, first_ms=START + 10 * MINUTE)
    assert found[0] == START + 15 * MINUTE


@pytest.mark.parametrize(("by", "back"), [(WEEK, 7 * DAY + HOUR), (rule(), HOUR)])
def test_a_tick_looks_at_nothing_that_is_no_longer_kept(by: Rule, back: int) -> None:
    floor = START - 8 * DAY
    found = ticks(by, 30 * DAY, START, floor_ms=floor, first_ms=0)
    assert found[0] == floor + back
    assert min(start for start, _ in looked_at(by, found[0])) == floor
    assert not ticks(by, DAY, START, floor_ms=START, first_ms=0)


def test_a_day_looks_back_to_midnight_of_its_zone() -> None:
    ((start, end),) = looked_at(CALENDAR, START)
    assert (end, (start + HOUR) % DAY) == (START, 0)
