"""Figures of one look, and many comparisons at once: at any size, and none where there is none."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from statarms import conversions
from tidemark.stats.array import Floats
from tidemark.stats.bayesian import Prior, bayesian, posterior
from tidemark.stats.effect import Effect, mean, proportion
from tidemark.stats.horizon import FixedHorizon, pooled, welch
from tidemark.stats.multiplicity import benjamini_hochberg, e_bh, holm

P_VALUES = arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 6)), elements=st.floats(0, 1))


@pytest.mark.parametrize("test", [welch, pooled])
def test_one_look_at_any_size_has_a_p_or_none(test: Callable[[Effect, float], FixedHorizon]) -> None:
    n = np.asarray([0, 1, 2, 100, 10**9, 10**9, 100])
    control = conversions(n, np.asarray([0, 1, 1, 10, 10**8, 10**8, 0]))
    treatment = conversions(n, np.asarray([0, 0, 1, 30, 10**8, 9 * 10**8, 0]))
    ours = test(proportion(control, treatment), 0.05)
    none = np.isnan(ours.p_value)
    assert none.tolist()[0] is True
    assert none.tolist()[2:] == [False, False, False, False, True]
    assert (ours.p_value[~none] > 0).all()
    assert ours.p_value[5] < 1e-299
    assert (np.isnan(ours.statistic) == none).all()


def test_the_lift_of_one_look_excludes_0_exactly_when_welch_p_is_below_alpha() -> None:
    random = np.random.default_rng(5)
    control = conversions(np.full(300, 5_000), random.binomial(5_000, 0.1, 300))
    treatment = conversions(np.full(300, 5_000), random.binomial(5_000, 0.11, 300))
    ours = welch(mean(control, treatment), 0.05)
    excluded = (ours.lift.lower > 0) | (ours.lift.upper < 0)
    assert (excluded == (ours.p_value < 0.05)).all()
    assert 50 < excluded.sum() < 250


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.booleans())
def test_a_posterior_is_finite_and_loses_no_less_than_nothing(
    estimate: float, variance: float, up: bool
) -> None:
    ours = posterior(
        np.asarray(estimate),
        np.asarray(variance),
        np.asarray(0.0),
        np.asarray(np.inf),
        higher_is_better=up,
    )
    assert 0 <= ours.chance_to_win <= 1
    assert 0 <= ours.expected_loss <= abs(estimate) + variance**0.5
    other = posterior(
        np.asarray(-estimate),
        np.asarray(variance),
        np.asarray(0.0),
        np.asarray(np.inf),
        higher_is_better=not up,
    )
    assert other.chance_to_win == ours.chance_to_win
    assert other.expected_loss == ours.expected_loss


def test_a_posterior_needs_an_estimate_and_a_prior_of_lifts_a_control_mean() -> None:
    nobody = conversions([0, 500], [0, 0])
    somebody = conversions([0, 500], [0, 50])
    assert np.isnan(bayesian(proportion(nobody, somebody)).chance_to_win).all()
    flat = bayesian(proportion(nobody, somebody), Prior(deviation=np.inf))
    assert np.isnan(flat.chance_to_win).tolist() == [True, False]


def test_a_prior_is_said_in_words() -> None:
    assert Prior().words == "the lift is normal around 0 % with a standard deviation of 30 points"
    assert Prior(deviation=np.inf).words == "any lift is as likely as any other (flat)"


@given(P_VALUES)
def test_adjusted_values_are_no_smaller_and_keep_the_order(p: Floats) -> None:
    for adjust in (holm, benjamini_hochberg):
        ours = adjust(p)
        assert ((ours >= p) & (ours <= 1)).all()
        order = np.argsort(p, axis=-1, kind="stable")
        assert (np.diff(np.take_along_axis(ours, order, axis=-1)) >= 0).all()
    assert (benjamini_hochberg(p) <= holm(p)).all()


@given(P_VALUES)
def test_what_is_no_member_changes_nothing_for_the_others(p: Floats) -> None:
    more = np.concatenate([p, np.full((len(p), 2), np.nan)], axis=-1)
    for adjust in (holm, benjamini_hochberg):
        np.testing.assert_array_equal(adjust(more)[:, :-2], adjust(p))
        assert np.isnan(adjust(more)[:, -2:]).all()
        np.testing.assert_array_equal(adjust(p.T, axis=0).T, adjust(p))


def test_e_bh_finds_the_largest_k_whose_least_evidence_is_enough() -> None:
    """K = 4, alpha 5 %: one discovery needs e >= 80, two need 40 each, four need 20 each."""
    e = np.asarray(
        [[100.0, 39.0, 1.0, 0.0], [45.0, 41.0, 1.0, 0.0], [79.0, 39.0, 1.0, 1.0], [20.0, 20.0, 21.0, 20.0]]
    )
    with np.errstate(divide="ignore"):
        found = e_bh(np.maximum(np.log(e), -690), 0.05)
    assert found.tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [False, False, False, False],
        [True, True, True, True],
    ]


def test_e_bh_takes_no_member_that_is_none_and_none_of_nobody() -> None:
    assert e_bh([np.log(21), np.nan], 0.05).tolist() == [True, False]
    assert e_bh([np.nan, np.nan], 0.05).tolist() == [False, False]
    assert e_bh(np.zeros((3, 0)), 0.05).shape == (3, 0)
