"""Wide numbers are Python's integers: exact, and rounded as ``float`` rounds."""

from itertools import accumulate

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tidemark.stats.wide import INT128, Wide, centred

INT64 = st.integers(-(2**63), 2**63 - 1)
LARGE = st.integers(-(2**127), 2**127 - 1)
# numbers near the middle between two float64, where one bit far below decides
MIDDLES = st.builds(
    lambda head, shift, off, sign: sign * (((2**53 + 2 * head + 1) << shift) + off),
    st.integers(0, 2**52 - 1), st.integers(0, 72), st.sampled_from([-1, 0, 1]), st.sampled_from([-1, 1]),
)  # fmt: skip
ANY = st.one_of(st.integers(-100, 100), INT64, LARGE, MIDDLES)
SUMS = st.tuples(st.integers(0, 10**9), st.one_of(INT64, st.integers(-(10**18), 10**18)), INT64, ANY)


def stored(values: list[int]) -> NDArray[np.void]:
    """As ClickHouse writes integers of 128 bits."""
    content = b"".join(one.to_bytes(16, "little", signed=True) for one in values)
    return np.frombuffer(content, INT128)


@given(st.lists(ANY))
@example([])
@example([-(2**127), 2**127 - 1, 0, -1])
def test_a_number_of_128_bits_is_the_nearest_float(values: list[int]) -> None:
    assert Wide.of(stored(values)).floats().tolist() == [float(one) for one in values]


@given(st.lists(INT64))
def test_a_number_of_64_bits_is_the_nearest_float(values: list[int]) -> None:
    assert Wide.of(np.array(values, np.int64)).floats().tolist() == [float(one) for one in values]


@given(st.lists(ANY, min_size=1))
def test_running_totals_lose_nothing(values: list[int]) -> None:
    expected = [float(one) for one in accumulate(values)]
    assert Wide.of(stored(values)).totals().floats().tolist() == expected


@given(st.lists(SUMS, min_size=1))
def test_centred_products_are_rounded_once(sums: list[tuple[int, int, int, int]]) -> None:
    users, ones, others, products = (list(column) for column in zip(*sums, strict=True))
    n, x, y, xy = Wide.of(np.array(users, np.int64)), *(stored(one) for one in (ones, others, products))
    expected = [float(n * xy - x * y) for n, x, y, xy in sums]
    assert centred(n, Wide.of(x), Wide.of(y), Wide.of(xy)).tolist() == expected


@given(st.integers(1, 10**7), st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=9))
def test_what_cancels_to_the_last_digit_stays_exact(copies: int, values: list[int]) -> None:
    n, x = copies * len(values), copies * sum(values)
    xx = copies * sum(value * value for value in values)
    users, one, product = (Wide.of(stored([number])) for number in (n, x, xx))
    assert centred(users, one, one, product).tolist() == [float(n * xx - x * x)]


@given(st.lists(ANY, min_size=1, max_size=6))
def test_numbers_stand_where_they_are_placed_and_0_elsewhere(values: list[int]) -> None:
    places = np.arange(len(values)) * 2
    found = Wide.of(stored(values)).placed((np.zeros_like(places), places), (2, 12)).floats()
    assert found[0, places].tolist() == [float(one) for one in values]
    assert np.count_nonzero(found) == np.count_nonzero(values)
