"""Moments are exact, whatever their size."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidemark.stats.effect import adjusted_mean, mean, ratio
from tidemark.stats.moments import Moments, prefix_sums

MICROS = st.integers(-(10**13), 10**13)
USERS = st.lists(st.tuples(MICROS, st.integers(-(10**9), 10**9), MICROS), min_size=2, max_size=8)


def sums(users: list[tuple[int, int, int]]) -> dict[str, int]:
    """The moments' sums of users (x, y, k)."""
    return {
        "n": len(users),
        "x": sum(x for x, _, _ in users),
        "xx": sum(x * x for x, _, _ in users),
        "y": sum(y for _, y, _ in users),
        "yy": sum(y * y for _, y, _ in users),
        "xy": sum(x * y for x, y, _ in users),
        "k": sum(k for _, _, k in users),
        "kk": sum(k * k for _, _, k in users),
        "xk": sum(x * k for x, _, k in users),
        "yk": sum(y * k for _, y, k in users),
    }


def variance(values: list[int]) -> Fraction:
    average = Fraction(sum(values), len(values))
    return sum(((value - average) ** 2 for value in values), Fraction(0)) / (len(values) - 1)


@given(USERS)
def test_variances_are_those_of_the_users_to_the_last_digit(users: list[tuple[int, int, int]]) -> None:
    ours = Moments.exact(**sums(users))
    for product, values in ((ours.dxx, [x for x, _, _ in users]), (ours.dyy, [y for _, y, _ in users])):
        assert float(ours.covariance(product)) == pytest.approx(float(variance(values)), rel=1e-15)


def test_the_variance_of_revenue_in_millionths_does_not_cancel_at_1e18_and_1e38() -> None:
    """A hundred thousand users who differ by a millionth around ten million: float64 would lose all of it."""
    n, level = 10**5, 10**13
    x = n * level + n // 2
    xx = (n // 2) * level**2 + (n // 2) * (level + 1) ** 2
    assert x > 10**18 - 1
    assert 10**31 < xx < 10**38
    ours = Moments.exact(n=n, x=x, xx=xx)
    exact = Fraction(n * xx - x * x, n * (n - 1))
    assert float(ours.covariance(ours.dxx)) == pytest.approx(float(exact), rel=1e-15)
    assert float(n) * float(xx) - float(x) * float(x) != pytest.approx(float(n * xx - x * x), rel=0.5)


@pytest.mark.parametrize("number", [int, Decimal, Fraction, np.int64])
def test_integers_decimals_fractions_and_int64_say_the_same(number: type) -> None:
    users = [(7, 2, 1), (-3, 1, 4), (12, 5, 0)]
    given_sums = {name: number(value) for name, value in sums(users).items()}
    one, other = Moments.exact(**given_sums), Moments.exact(**sums(users))
    for name in Moments.__slots__:
        assert getattr(one, name) == getattr(other, name)


def test_decimals_of_38_digits_are_not_rounded() -> None:
    n, x, xx = 10**9, 10**18 + 1, 10**38 - 1
    assert float(Moments.exact(n=Decimal(n), x=Decimal(x), xx=Decimal(xx)).dxx) == float(n * xx - x * x)


def test_int64_sums_whose_product_would_wrap_are_formed_in_larger_integers() -> None:
    n, x, xx = (np.asarray([value], dtype=np.int64) for value in (10**9, 10**18, 9 * 10**18))
    assert Moments.exact(n=n, x=x, xx=xx).dxx.tolist() == [float(10**9 * 9 * 10**18 - 10**36)]


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a sum is 'many', must be an int"):
        Moments.exact(n=["many"], x=1, xx=1)


@example([[(0, 0, 0)], [(0, 0, 0), (0, 1_674_578, 9_999_999_999_795)]])  # a list of which one fits int64
@given(st.lists(USERS, min_size=1, max_size=4))
def test_slices_and_minutes_add_up_to_all_users(slices: list[list[tuple[int, int, int]]]) -> None:
    parts = [sums(users) for users in slices]
    whole = Moments.exact(**sums([user for users in slices for user in users]))
    running = {name: prefix_sums([part[name] for part in parts]) for name in parts[0]}
    added = Moments.exact(**running)
    for name in Moments.__slots__:
        assert getattr(added, name)[-1] == getattr(whole, name)


def test_prefix_sums_that_pass_64_bits_do_not_wrap() -> None:
    steps = np.full((2, 5), 4 * 10**18, dtype=np.int64)
    assert prefix_sums(steps)[:, -1].tolist() == [2 * 10**19] * 2


def test_prefix_sums_of_small_integers_stay_int64() -> None:
    assert prefix_sums(np.asarray([[1, 2, 3]])).dtype == np.int64


@given(USERS)
def test_sums_in_millionths_scale_to_the_unit(users: list[tuple[int, int, int]]) -> None:
    ours = Moments.exact(**sums(users)).scaled(x=1e-6, k=1e-6)
    money = [(Fraction(x, 10**6), y, Fraction(k, 10**6)) for x, y, k in users]
    other = Moments.exact(**sums(money))  # type: ignore[arg-type]
    for name in Moments.__slots__:
        np.testing.assert_allclose(getattr(ours, name), getattr(other, name), rtol=1e-12)


def test_a_ratio_and_an_adjusted_mean_of_users_are_what_the_users_themselves_say() -> None:
    """The delta method and CUPED from moments, against the linearised values of each user."""
    random = np.random.default_rng(7)
    arms = []
    for level in (3, 4):
        k = random.poisson(5, 400)
        y = 1 + random.poisson(2, 400)
        arms.append((random.poisson(level, 400) + 2 * k + y, y, k))
    control, treatment = (
        Moments.exact(**sums([tuple(int(v) for v in user) for user in zip(*arm, strict=True)]))  # type: ignore[misc]
        for arm in arms
    )
    found = ratio(control, treatment)
    linear = [(x - x.sum() / y.sum() * y) / y.mean() for x, y, _ in arms]
    expected = sum(np.var(values, ddof=1) / 400 for values in linear)
    assert float(found.variance) == pytest.approx(float(expected), rel=1e-12)
    adjusted = adjusted_mean(control, treatment)
    slope = sum(np.cov(x, k)[0, 1] for x, _, k in arms) / sum(np.var(k, ddof=1) for _, _, k in arms)
    left = [x - slope * k for x, _, k in arms]
    assert float(adjusted.difference) == pytest.approx(float(left[1].mean() - left[0].mean()), rel=1e-12)
    spread = sum(np.var(values, ddof=1) / 400 for values in left)
    assert float(adjusted.variance) == pytest.approx(float(spread), rel=1e-12)
    assert adjusted.variance < 0.3 * mean(control, treatment).variance
    shared = np.cov(left[0], arms[0][0])[0, 1] / 400
    assert float(adjusted.covariance) == pytest.approx(-float(shared), rel=1e-12)
    assert adjusted.baseline == control.mean(control.x)


def test_a_covariate_that_says_everything_leaves_no_variance_and_one_that_says_nothing_leaves_it_all() -> (
    None
):
    users = [(3 * k, 1, k) for k in range(50)]
    same = Moments.exact(**sums(users))
    assert adjusted_mean(same, same).variance == 0
    idle = Moments.exact(**sums([(x, y, 9) for x, y, _ in users]))
    assert adjusted_mean(idle, idle).variance == mean(idle, idle).variance
