"""Bounds of a rate and of its change that hold however often one looks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidemark.alerts.evidence import ALPHA, change_bounds, rate_bounds
from tidemark.stats.array import Floats, floats

_COUNT = st.integers(0, 10**9)


def one(*values: float) -> list[Floats]:
    return [floats([value]) for value in values]


@given(_COUNT, _COUNT, _COUNT, _COUNT)
def test_bounds_hold_what_was_seen_and_are_none_where_nothing_can_be_said(
    hits: int, trials: int, hits_before: int, trials_before: int
) -> None:
    lower, upper = rate_bounds(*one(hits, trials))
    if not np.isnan(lower[0]):
        assert 0 <= lower[0] <= hits / trials <= upper[0] <= 1
    lower, upper = change_bounds(*one(hits, trials, hits_before, trials_before))
    if not np.isnan(lower[0]):
        before = hits_before / trials_before
        change = (hits / trials - before) / before
        assert lower[0] <= change * (1 + 1e-9) + 1e-9
        assert upper[0] >= change * (1 - 1e-9) - 1e-9


def test_a_drop_by_half_is_sure_with_many_trials_and_not_with_few() -> None:
    lower, upper = change_bounds(
        *(floats(counts) for counts in ([5, 500], [100, 10_000], [10, 1000], [100, 10_000]))
    )
    assert np.isnan(upper[0]), "half as many, but of 10: the rate before is not yet away from 0"
    assert -1 < lower[1] < -0.5 < upper[1] < 0


def test_too_little_data_and_what_is_no_share_has_no_bounds() -> None:
    for counts in ((4, 1000), (5, 99), (1001, 1000), (np.nan, np.nan)):
        assert np.isnan(rate_bounds(*one(*counts))).all()
        assert np.isnan(change_bounds(*one(*counts, 50, 1000))).all()
        assert np.isnan(change_bounds(*one(50, 1000, *counts))).all()


def test_a_day_of_looks_at_the_same_rate_hardly_ever_shows_a_change() -> None:
    """1,000 days of a look every 100 impressions, against as many of last week."""
    chance = np.random.default_rng(7)
    size = (1000, 200)
    now, before = (np.cumsum(chance.binomial(100, 0.05, size), axis=1).astype(float) for _ in range(2))
    trials = np.broadcast_to(np.arange(1, size[1] + 1) * 100.0, size)
    lower, upper = change_bounds(now, trials, before, trials)
    wrong = ((lower > 0) | (upper < 0)).any(axis=1).mean()
    assert wrong <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / size[0])
