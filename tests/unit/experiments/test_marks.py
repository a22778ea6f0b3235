"""What is said of an instant depends on the marks and on that instant, not on when or how it is asked."""

from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from experiment_minutes import FIRST, STEADY, Minutes
from tidemark.experiments.judgement import Pair, clock_of, compared, marks_of
from tidemark.experiments.look import MINUTE, Looks, ages, looks
from tidemark.experiments.remaining import marks as arrivals
from tidemark.stats.comparison import Comparison
from tidemark.stats.interval import Interval

COUNT = 300
MARKS = [*ages(COUNT)]
PAIR = Pair.of(STEADY, "green")
STREAMS = st.builds(
    Minutes.drawn,
    seed=st.integers(0, 2**32),
    count=st.just(COUNT),
    recruiting=st.sampled_from([10, 100, COUNT]),
    rates=st.sampled_from([(0.1, 0.1), (0.1, 0.13), (0.03, 0.05)]),
    users=st.sampled_from([3.0, 30.0]),
)
METRICS = [one for one in STEADY.metrics if one.name in ("purchase", "revenue")]


def instant(age: int) -> int:
    return FIRST + MINUTE * age


def told(stream: Minutes, metric: int, at: Looks) -> Comparison:
    return compared(STEADY, METRICS[metric], PAIR, stream.sums(at))


def at_look(told: Comparison, place: int) -> list[float]:
    """All that is said at one look, NaN where there is none."""
    values = []
    for field in fields(told):
        part = getattr(told, field.name)
        arrays = [part.value, part.lower, part.upper] if isinstance(part, Interval) else [part]
        values += [float(array[0, place]) for array in arrays]
    return values


def test_marks_are_known_among_other_looks() -> None:
    most = 3 * 1_440
    found = marks_of(STEADY, Looks(tuple(instant(age) for age in range(most + 1))))
    assert np.flatnonzero(found).tolist() == [*ages(most)]


@given(STREAMS, st.integers(0, 1), st.sampled_from(MARKS), st.integers(0, COUNT))
def test_a_mark_has_the_same_answer_asked_then_and_later(
    stream: Minutes, metric: int, age: int, later: int
) -> None:
    then = looks(FIRST, instant(age))
    now = looks(FIRST, instant(age + later))
    place = now.ends.index(instant(age))
    np.testing.assert_array_equal(
        at_look(told(stream, metric, then), -1), at_look(told(stream, metric, now), place)
    )


@given(STREAMS, st.integers(0, 1), st.sampled_from(MARKS), st.integers(0, COUNT))
def test_what_a_mark_showed_is_never_taken_back(stream: Minutes, metric: int, age: int, later: int) -> None:
    then = told(stream, metric, looks(FIRST, instant(age)))
    now = told(stream, metric, looks(FIRST, instant(age + later)))
    assert now.p_value[0, -1] <= then.p_value[0, -1]
    assert now.above[0, -1] >= then.above[0, -1]
    assert now.below[0, -1] >= then.below[0, -1]
    for before, after in ((then.difference, now.difference), (then.lift, now.lift)):
        assert not after.lower[0, -1] < before.lower[0, -1]
        assert not after.upper[0, -1] > before.upper[0, -1]


@given(STREAMS, st.integers(0, 1), st.integers(1, COUNT))
def test_an_instant_has_the_same_clock_whatever_else_is_looked_at(
    stream: Minutes, metric: int, age: int
) -> None:
    end = instant(age)
    every = Looks(tuple(instant(one) for one in range(1, age + 1)))
    alone, charted, remaining = (
        clock_of(STEADY, METRICS[metric], PAIR, stream.sums(one))
        for one in (looks(FIRST, end), every, looks(FIRST, end, arrivals(end)))
    )
    assert alone == charted == remaining


@given(STREAMS, st.integers(0, 1), st.integers(1, COUNT), st.integers(0, COUNT))
def test_a_point_of_a_chart_stays_as_it_was_when_the_chart_goes_on(
    stream: Minutes, metric: int, age: int, later: int
) -> None:
    then, now = (
        told(stream, metric, Looks(tuple(instant(one) for one in range(1, last + 1))))
        for last in (age, age + later)
    )
    np.testing.assert_array_equal(at_look(then, -1), at_look(now, age - 1))


@given(STREAMS, st.integers(0, 1), st.integers(1, COUNT))
def test_more_looks_say_no_less(stream: Minutes, metric: int, age: int) -> None:
    every = Looks(tuple(instant(one) for one in range(1, age + 1)))
    few, many = told(stream, metric, looks(FIRST, instant(age))), told(stream, metric, every)
    assert many.p_value[0, -1] <= few.p_value[0, -1]
    assert not many.difference.lower[0, -1] < few.difference.lower[0, -1]
    assert not many.difference.upper[0, -1] > few.difference.upper[0, -1]
