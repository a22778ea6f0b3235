"""Values over time in a line, as promtool writes them."""

import re
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.alerts.notation import MAX_SAMPLES, NotationError, parse


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("0 100 250x2 _", (0, 100, 250, 250, 250, None)),
        ("-2+4x3", (-2, 2, 6, 10)),
        (" 1-2x4 ", (1, -1, -3, -5, -7)),
        ("1x4", (1, 1, 1, 1, 1)),
        ("1x0", (1,)),
        ("1 _x3 5-5x2", (1, None, None, None, 5, 0, -5)),
        ("_x0 1.5e3 .5 2.", (1500, 0.5, 2)),
        ("1e-1+0.1x1", (0.1, 0.2)),
        ("SAFE WORSEx2 NOT_SO _", ("SAFE", "WORSE", "WORSE", "WORSE", "NOT_SO", None)),
    ],
)  # fmt: skip
def test_a_line_reads_as_promtool_reads_it(line: str, values: tuple[object, ...]) -> None:
    assert parse(line) == values


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "is empty"),
        ("_x0", "is empty"),
        ("1 two", "'two'; write numbers"),
        ("1+2", "'1+2'"),
        ("x5", "'x5'"),
        ("1x", "'1x'"),
        ("1x-1", "'1x-1'"),
        ("nan", "'nan'"),
        ("__", "'__'"),
        ("1 WORSE", "words and numbers"),
        ("٣", "write numbers"),
        (f"0x{MAX_SAMPLES}", "more than 20,000"),
        ("0x999999999 0x999999999", "more than 20,000"),
    ],
)
def test_what_is_no_such_line_is_refused_in_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(NotationError, match=re.escape(sentence)):
        parse(line)


steps = st.integers(-1000, 1000)
items = st.one_of(
    st.tuples(steps, st.just(0), st.integers(0, 20)),
    st.tuples(steps, steps, st.integers(1, 20)),
    st.tuples(st.none(), st.just(0), st.integers(1, 20)),
)


@given(st.lists(items, min_size=1))
def test_written_and_read_is_the_same(found: list[tuple[int | None, int, int]]) -> None:
    line: list[str] = []
    values: list[float | str | None] = []
    for first, step, times in found:
        if first is None:
            line.append(f"_x{times}")
            values += [None] * times
        else:
            line.append(f"{first}{f'{step:+d}' if step else ''}x{times}")
            values += [first + step * one for one in range(times + 1)]
    assert parse(" ".join(line)) == tuple(values)


@given(st.text(st.sampled_from("0123456789+-x._eA ")))
def test_whatever_is_written_is_read_or_refused(line: str) -> None:
    with suppress(NotationError):
        assert 0 < len(parse(line)) <= MAX_SAMPLES


@given(st.integers(-99, 99), st.integers(1, 9), st.integers(0, 99))
def test_a_ramp_rises_by_its_step(first: int, step: int, times: int) -> None:
    found = parse(f"{first}+{step}x{times}")
    numbers = [one for one in found if isinstance(one, float)]
    assert len(numbers) == len(found) == times + 1
    assert all(other - one == step for one, other in pairwise(numbers))
