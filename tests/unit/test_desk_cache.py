"""Answers that are kept: never staler than the watermark says, never more than fits."""

import sys
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desks import NOON, frame_of, question
from tidemark.desk.cache import Cache, weight
from tidemark.desk.mark import Mark
from tidemark.freshness import Freshness
from tidemark.query.frame import Column, ColumnKind, Frame
from tidemark.query.resolve import Resolved

FRESH = Freshness(NOON, NOON, None)
FRAME = frame_of(question(), FRESH, [1, 2, 3])
MARK = Mark("question", NOON, None)


def test_a_frame_is_given_for_its_question_and_watermark_only() -> None:
    cache = Cache(10**6, lambda: 5.0)
    cache.put(MARK, FRAME, 5.0)
    assert cache.get(MARK) is FRAME
    assert cache.get(Mark("another", NOON, None)) is None
    assert cache.get(Mark("question", NOON + timedelta(milliseconds=1), None)) is None
    assert cache.get(Mark("question", NOON, NOON)) is None


def test_without_a_watermark_nothing_is_kept() -> None:
    cache = Cache(10**6, lambda: 5.0)
    unknown = Mark("question", None, None)
    cache.put(unknown, FRAME, 5.0)
    assert cache.get(unknown) is None
    assert cache.bytes_held == 0


def test_a_watermark_that_stands_still_freezes_an_answer_for_two_seconds_at_most() -> None:
    now = 5.0
    cache = Cache(10**6, lambda: now)
    cache.put(MARK, FRAME, 5.0)
    now = 6.99
    assert cache.get(MARK) is FRAME
    now = 7.0
    assert cache.get(MARK) is None
    cache.put(MARK, FRAME, 5.0)  # the query took that long
    assert cache.get(MARK) is None
    assert cache.bytes_held == 0


def test_a_capacity_of_0_turns_it_off() -> None:
    cache = Cache(0, lambda: 5.0)
    cache.put(MARK, FRAME, 5.0)
    assert cache.get(MARK) is None


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = Cache(3 * weight("1", FRAME), lambda: 5.0)
    marks = [Mark(str(number), NOON, None) for number in range(4)]
    for mark in marks[:3]:
        cache.put(mark, FRAME, 5.0)
    cache.get(marks[0])
    cache.put(marks[3], FRAME, 5.0)
    assert [cache.get(mark) is not None for mark in marks] == [True, False, True, True]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 400), st.floats(0, 1)), max_size=40))
def test_it_never_holds_more_than_its_capacity(puts: list[tuple[int, int, float]]) -> None:
    now = 5.0
    cache = Cache(30_000, lambda: now)
    for number, rows, seconds in puts:
        now += seconds
        cache.put(Mark(str(number), NOON, None), frame_of(question(), FRESH, range(rows)), now)
        assert cache.bytes_held <= 30_000


@pytest.mark.parametrize("rows", [100, 10_000])
@pytest.mark.parametrize("text", ["", "camp", "кампания", "x" * 1_000])
def test_the_weight_is_what_the_values_really_take(rows: int, text: str) -> None:
    columns: list[tuple[ColumnKind, list[Any]]] = [
        (ColumnKind.BUCKET, [f"2026-11-23T12:{row // 5 % 60:02}:00Z" for row in range(rows)]),
        (ColumnKind.OTHER, [row % 5 == 4 for row in range(rows)]),
        (ColumnKind.DIMENSION, [None if row % 5 == 4 else f"{text}{row}" for row in range(rows)]),
        (ColumnKind.METRIC, [row * 10**6 for row in range(rows)]),
        (ColumnKind.CHANGE, [None if row % 2 else row / 7 for row in range(rows)]),
    ]
    shared: dict[str, str] = {}
    columns[0] = columns[0][0], [shared.setdefault(text, text) for text in columns[0][1]]
    frame = Frame(
        tuple(Column(kind, kind, None, values, kind) for kind, values in columns),
        rows,
        False,
        Resolved(question(), 0, 1),
        "fake",
        FRESH,
    )
    held = {id(value): sys.getsizeof(value) for _, values in columns for value in values}
    true = sum(held.values()) + sum(sys.getsizeof(values) for _, values in columns)
    assert 0.9 * true <= weight("question", frame) <= 1.5 * true + 10_000
