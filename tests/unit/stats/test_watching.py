"""Watched all the time, nothing is called too often: few paths of the bench's streams, with fixed seeds."""

import numpy as np
import pytest

from tidemark.stats.array import Flags, Floats
from tidemark.stats.boundary import Boundary
from tidemark.stats.clock import intrinsic, users
from tidemark.stats.comparison import missing, standard_errors, watch
from tidemark.stats.effect import mean, proportion, ratio
from tidemark.stats.moments import Moments

PATHS, ALPHA = 400, 0.05
MOST = ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / PATHS)


def converted(n: Floats, buyers: Floats) -> Moments:
    return Moments(n=n, x=buyers, dxx=buyers * (n - buyers))


def complete(seed: int, rate: float) -> tuple[Moments, Moments]:
    """Paths without an effect: 20 users an arm more at each of 250 looks."""
    random = np.random.default_rng(seed)
    n = np.broadcast_to(np.arange(20.0, 5_001.0, 20.0), (PATHS, 250))
    one, other = (np.cumsum(random.binomial(20, rate, n.shape), axis=-1).astype(float) for _ in range(2))
    return converted(n, one), converted(n, other)


def later(seed: int) -> tuple[Moments, Moments, Floats]:
    """Paths without an effect: 250,000 users an arm at once, 5 % buy within 14 days; looks grow seldom."""
    random = np.random.default_rng(seed)
    minutes = np.unique(np.round(np.geomspace(1, 20_160, 300)))
    shares = np.diff(1 - np.exp(-3 * np.r_[0, minutes] / 20_160))
    n = np.full((PATHS, len(minutes)), 250_000.0)
    buyers = random.binomial(250_000, 0.05, (2, PATHS))
    one, other = np.cumsum(random.multinomial(buyers, shares / shares.sum()), axis=-1).astype(float)
    return converted(n, one), converted(n, other), shares


def ever(flags: Flags) -> float:
    return float(flags.any(axis=-1).mean())


@pytest.mark.parametrize("rate", [0.2, 0.05])
def test_complete_users_are_called_too_seldom_rather_than_too_often(rate: float) -> None:
    one, other = complete(1, rate)
    seen = watch(proportion, one, other, (one.x, other.x), Boundary.tuned(ALPHA, 10_000))
    assert 0 < ever(seen.above | seen.below) <= MOST
    assert ever((seen.lift.lower > 0) | (seen.lift.upper < 0)) <= MOST


def test_the_same_paths_would_be_called_by_the_z_of_one_look() -> None:
    one, other = complete(1, 0.05)
    assert ever(np.abs(standard_errors(proportion(one, other))) > 1.96) > 0.3


def test_the_lift_is_called_exactly_with_the_difference_where_the_delta_method_is_not() -> None:
    """On paths of a low base rate the delta method, with the same multiplier, calls more than the bar."""
    one, other = complete(2, 0.01)
    boundary = Boundary.tuned(ALPHA, 10_000)
    seen = watch(proportion, one, other, (one.x, other.x), boundary)
    bounded = ~np.isnan(seen.lift.lower)
    called = (seen.lift.lower > 0) | (seen.lift.upper < 0)
    assert ever(called) <= MOST
    assert (called == (seen.above | seen.below))[bounded].all()
    with np.errstate(divide="ignore", invalid="ignore"):
        level, treated = one.x / one.n, other.x / other.n
        variance = other.dxx / other.n**3 / level**2 + one.dxx / one.n**3 * treated**2 / level**4
        z = np.where(one.x > 0, np.abs(treated / level - 1) / np.sqrt(variance), 0.0)
    by_delta = z > boundary.multiplier(users(one.n, other.n))
    assert ever(by_delta) > MOST
    assert (np.logical_or.accumulate(by_delta & bounded, axis=-1) != (seen.above | seen.below))[bounded].any()


def test_buyers_who_come_after_all_users_are_there_keep_the_clock_running() -> None:
    one, other, shares = later(3)
    effect = proportion(one, other)
    enough = missing(effect, (one.x, other.x)) == 0
    clock = intrinsic(effect, enough)
    first = int(np.argmax(enough[0]))
    bought = np.cumsum(shares)
    assert clock[0, first] == pytest.approx(500_000)
    assert clock[0, -1] / clock[0, first] == pytest.approx(bought[-1] / bought[first], rel=0.3)
    seen = watch(proportion, one, other, (one.x, other.x), Boundary.tuned(ALPHA, 500_000))
    assert ever(seen.above | seen.below) <= MOST


def test_the_clock_of_a_ratio_runs_with_its_denominator() -> None:
    """Ten times the orders of the same users are ten times the time, as ten times the users are."""
    n: Floats = np.asarray([[10_000.0, 10_000.0]])
    orders: Floats = np.asarray([[1_000.0, 10_000.0]])
    arm = Moments(
        n=n, x=50 * orders, dxx=n * 9_000 * orders, y=orders, dyy=n * 2 * orders, dxy=n * 100 * orders
    )
    clock = intrinsic(ratio(arm, arm), np.full((1, 2), fill_value=True))
    assert clock.tolist() == [[pytest.approx(20_000, rel=1e-3), pytest.approx(200_000, rel=1e-3)]]


def test_the_clock_never_goes_back_and_starts_with_the_first_look() -> None:
    n = np.asarray([100.0, 1_000.0, 2_000.0, 2_000.0])
    arm = Moments(n=n, x=n, dxx=n * (n - 1) * np.asarray([9.0, 4.0, 4.0, 2.0]))
    clock = intrinsic(mean(arm, arm), np.asarray([False, True, True, True]))
    np.testing.assert_allclose(clock, [0, 2_000, 4_000, 4_000])


def test_what_is_looked_at_between_marks_neither_sets_the_scale_nor_holds_the_clock() -> None:
    n = np.asarray([100.0, 1_000.0, 2_000.0, 3_000.0, 3_000.0])
    arm = Moments(n=n, x=n, dxx=n * (n - 1) * np.asarray([9.0, 6.0, 4.0, 8.0, 2.0]))
    enough = np.asarray([False, True, True, True, True])
    clock = intrinsic(mean(arm, arm), enough, marks=np.asarray([True, False, True, False, True]))
    # its own scale, then that of the mark; 12,000 stood between two marks alone
    np.testing.assert_allclose(clock, [0, 2_000, 4_000, 12_000, 4_000])
