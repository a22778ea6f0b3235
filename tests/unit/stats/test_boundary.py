"""The boundary at any size, its clock, and what it costs to wait."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.stats.boundary import Boundary
from tidemark.stats.clock import information, intrinsic, users
from tidemark.stats.comparison import standard_errors
from tidemark.stats.effect import proportion
from tidemark.stats.moments import Moments
from tidemark.stats.remaining import detectable, planned_users, seconds, total_users, user_variance

BOUNDARY = Boundary.tuned(0.05, 20_000)
CLOCKS = st.floats(0, 1e12)


@given(st.floats(-1e300, 1e300), CLOCKS)
def test_evidence_is_finite_whatever_the_statistic(z: float, clock: float) -> None:
    for evidence in (BOUNDARY.log_e, BOUNDARY.log_e_one_sided):
        assert np.isfinite(evidence(np.asarray(z), np.asarray(clock)))
    assert np.isfinite(BOUNDARY.multiplier(np.asarray(clock)))


@given(CLOCKS.filter(lambda clock: clock > 1e-3))
def test_at_the_multiplier_the_evidence_is_just_enough(clock: float) -> None:
    c = BOUNDARY.multiplier(np.asarray(clock))
    assert float(BOUNDARY.log_e(c, np.asarray(clock))) == pytest.approx(log(20), rel=1e-9)


@given(st.floats(0, 30), CLOCKS)
def test_one_side_needs_less_evidence_than_two_but_no_less_than_half(z: float, clock: float) -> None:
    one, two = (
        float(evidence(np.asarray(z), np.asarray(clock)))
        for evidence in (BOUNDARY.log_e_one_sided, BOUNDARY.log_e)
    )
    assert two - 1e-9 <= one <= two + log(2) + 1e-9
    assert BOUNDARY.log_e_one_sided(np.asarray(-z), np.asarray(clock)) <= 1e-12


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, float("nan")])
def test_an_alpha_that_is_no_probability_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha is"):
        Boundary.tuned(alpha, 1_000)
    with pytest.raises(ValueError, match="alpha is"):
        Boundary(alpha, 1_000)


@pytest.mark.parametrize("planned", [0.0, -5.0, float("inf"), float("nan")])
def test_planned_users_that_are_no_number_of_users_are_refused(planned: float) -> None:
    with pytest.raises(ValueError, match="mixture is"):
        Boundary.tuned(0.05, planned)


def test_the_clock_counts_users_while_the_allocation_is_the_planned_one_and_less_when_it_is_not() -> None:
    n = np.asarray([[500.0, 500.0], [900.0, 100.0], [10_000.0, 10.0], [0.0, 7.0], [0.0, 0.0]])
    halves = users(n[:, 0], n[:, 1])
    assert halves == pytest.approx([1_000, 360, 39.96, 0, 0], rel=1e-3)
    assert users(n[1, 0], n[1, 1], 0.1) == pytest.approx(1_000)


def test_all_clocks_tell_the_same_time_while_nothing_but_users_changes() -> None:
    arm = Moments.exact(n=[4_000, 8_000], x=[400, 800], xx=[400, 800])
    effect = proportion(arm, arm)
    clock = users(arm.n, arm.n)
    expected = 0.1 * 0.9 * 4
    np.testing.assert_allclose(user_variance(clock, effect.variance), expected)
    np.testing.assert_allclose(information(effect.variance, expected), clock)
    np.testing.assert_allclose(intrinsic(effect, np.full(2, True)), clock)


def test_users_are_found_that_just_see_the_effect_with_the_asked_power() -> None:
    """Against chance itself: of simulated looks at that time, four in five are beyond the boundary."""
    effect, spread = 0.01, 0.36
    needed = float(total_users(BOUNDARY, np.asarray(effect), np.asarray(spread)))
    z = effect / np.sqrt(spread / needed) + np.random.default_rng(3).normal(size=200_000)
    power = (np.abs(z) > BOUNDARY.multiplier(np.asarray(needed))).mean()
    assert power == pytest.approx(0.8, abs=0.005)
    assert float(detectable(BOUNDARY, np.asarray(spread), np.asarray(needed))) == pytest.approx(effect)


def test_a_boundary_tuned_to_the_users_that_an_effect_needs_needs_just_those() -> None:
    planned = planned_users(0.05, np.asarray([0.01, 0.002]), np.asarray(0.36))
    for effect, n in zip((0.01, 0.002), planned, strict=True):
        needed = total_users(Boundary.tuned(0.05, float(n)), np.asarray(effect), np.asarray(0.36))
        assert float(needed) == pytest.approx(float(n))


def test_no_effect_no_variance_and_no_arrivals_have_no_end() -> None:
    assert np.isnan(total_users(BOUNDARY, np.asarray([0.0, 0.1]), np.asarray([0.3, 0.0]))).all()
    assert np.isnan(total_users(BOUNDARY, np.asarray(1e-9), np.asarray(1.0)))
    shortest, longest = seconds(np.asarray(600.0), (np.asarray([2.0, 0.0, 0.0]), np.asarray([1.0, 1.0, 0.0])))
    np.testing.assert_array_equal(shortest, [300, 600, np.nan])
    np.testing.assert_array_equal(longest, [600, np.nan, np.nan])


def test_the_statistic_of_arms_without_variance_is_0() -> None:
    arm = Moments.exact(n=[0, 5], x=[0, 5], xx=[0, 5])
    assert standard_errors(proportion(arm, arm)).tolist() == [0, 0]
