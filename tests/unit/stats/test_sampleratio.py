"""The sample ratio: alarms at what is wrong, none at what is right, for any weights and phases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.stats.sampleratio import ALPHA, log_bayes_factor, sample_ratio


def test_a_split_of_48_to_52_is_found_after_some_8000_users_and_the_alarm_stays() -> None:
    n = np.arange(500, 20_500, 500)
    counts = np.stack([0.48 * n, 0.52 * n], axis=-1)[:, None]
    ours = sample_ratio(counts, [1, 1], alpha=0.01, over_time=True)
    assert 7_000 <= n[np.argmin(ours.ok)] <= 9_000
    assert not ours.ok[-1]
    assert (np.diff(ours.p_value) <= 0).all()


def test_good_splits_are_called_broken_seldom_however_often_one_looks() -> None:
    """300 experiments of 20,000 users, 200 looks each: at alpha 5 % at most 5 % and its noise."""
    random = np.random.default_rng(11)
    counts = np.cumsum(random.multinomial(100, [0.5, 0.3, 0.2], size=(300, 200)), axis=1)
    ours = sample_ratio(counts[:, :, None], [5, 3, 2], alpha=0.05, over_time=True)
    assert (~ours.ok[:, -1]).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_phases_with_other_weights_count_each_by_its_own() -> None:
    """90:10 for 10,000 users, then 50:50 for 10,000: right in each, and nothing like 70:30 of all."""
    weights, counts = [[9, 1], [1, 1]], [[9_000, 1_000], [5_000, 5_000]]
    ours = sample_ratio(counts, weights)
    assert ours.ok
    assert ours.expected.tolist() == ours.observed.tolist() == [14_000, 6_000]
    assert ours.chi_square_p_value == 1
    both = log_bayes_factor(counts[0], weights[0]) + log_bayes_factor(counts[1], weights[1])
    assert np.log(ours.p_value) == pytest.approx(min(0, -both))
    assert not sample_ratio([[9_000, 1_000], [5_400, 4_600]], weights).ok


def test_degrees_of_freedom_are_those_of_phases_with_users_and_arms_with_weight() -> None:
    from scipy.special import chdtrc  # noqa: PLC0415

    ours = sample_ratio([[510, 490, 0], [0, 0, 0], [330, 340, 320]], [[1, 1, 0], [1, 1, 1], [1, 1, 1]])
    distance = 2 * 10**2 / 500 + 2 * 10**2 / 330
    assert ours.chi_square_p_value == pytest.approx(chdtrc(3, distance))


def test_a_user_in_an_arm_without_weight_is_beyond_doubt() -> None:
    ours = sample_ratio([[500, 500, 1]], [1, 1, 0])
    assert not ours.ok
    assert 0 < ours.p_value < 1e-299
    assert 0 < ours.chi_square_p_value < 1e-299


def test_without_users_and_with_one_arm_there_is_nothing_to_find() -> None:
    assert sample_ratio([[0, 0]], [1, 1]).ok
    assert sample_ratio([[0, 0]], [1, 1]).p_value == 1
    assert sample_ratio([[70]], [1]).chi_square_p_value == 1
    assert not sample_ratio([[5_000, 0]], [1, 1]).ok


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=5))
def test_probabilities_are_probabilities_at_any_size(counts: list[tuple[int, int]]) -> None:
    ours = sample_ratio(np.asarray(counts)[:, None], [1, 3])
    for p in (ours.p_value, ours.chi_square_p_value):
        assert ((p > 0) & (p <= 1)).all()
    assert (ours.ok == (ours.p_value >= ALPHA)).all()


@pytest.mark.parametrize("weights", [[0, 0], [-1, 2]])
def test_weights_that_are_none_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights are"):
        sample_ratio([[1, 1]], weights)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="a count of users is negative"):
        sample_ratio([[1, -1]], [1, 1])
