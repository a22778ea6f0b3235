"""When an experiment is looked at."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tidemark.experiments.look import DIGITS, ages, ceiling, floor, looks

START = 1_793_491_217
DAY = 86_400


@given(st.integers(0, 400 * DAY), st.integers(0, 400 * DAY))
def test_what_is_a_mark_once_stays_one(age: int, later: int) -> None:
    before = looks(START, ceiling(START + age)).ends[:-1]
    after = looks(START, ceiling(START + age + later)).ends
    assert set(before) <= set(after)


@given(st.integers(0, 400 * DAY))
def test_looks_rise_on_whole_minutes_and_end_at_the_end(age: int) -> None:
    end = ceiling(START + age)
    found = looks(START, end, [end - 3600, end - DAY])
    assert found.ends[-1] == end
    assert all(one % 60 == 0 for one in found.ends)
    assert all(one < other for one, other in pairwise(found.ends))
    assert found.starts == (0, *found.ends[:-1])


def test_marks_are_each_minute_at_first_and_then_at_most_a_sixteenth_older() -> None:
    found = list(ages(30 * 1440))
    assert found[:33] == [*range(1, 33), 34]
    assert all(other - one <= max(1, one / 2 ** (DIGITS - 1)) for one, other in pairwise(found))
    assert all(bin(one).rstrip("0").count("1") <= DIGITS for one in found)
    assert len(found) == 198 - 1


def test_minutes_are_half_open() -> None:
    assert (floor(119.9), ceiling(120), ceiling(120.1)) == (60, 120, 180)
