"""The sample ratio: do users split as the weights say? Always valid, so it may be watched.

Lindon and Malek 2020, "Sequential testing of multinomial hypotheses": under the alternative the true shares
are Dirichlet around the weights, and the Bayes factor of the counts is a martingale under the weights, so one
over it is a p-value at any time. When weights change, users are counted by the phase of their exposure: the
phases are independent, so their Bayes factors multiply and their chi-squares and degrees of freedom add.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, gammaln, xlogy

from tidemark.stats.array import LOG_LIMIT, Flags, Floats, divide, floats, probability, running

CONCENTRATION = 1_000.0
"""How near the weights a wrong split is expected: shares within about 1.6 points of a half.

The alarm then comes after some 8,000 users of a 48:52 split; with 10,000 in its place after 11,500, with 10
after more. It is fixed, so that it cannot be chosen to fit the counts.
"""
ALPHA = 0.001
"""How often a good split is ever called broken: each alarm voids an experiment, so seldom."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Of each slice, or slice and minute; ``expected`` and ``observed`` have the arms as one more, last axis.

    Attributes:
        ok: Whether the split holds: the p-value is not below alpha.
        p_value: Always valid; the running minimum if the last axis is time, at least 1e-300.
        chi_square_p_value: Pearson's; valid only if looked at once. 1 where there is nothing to test.
        expected: Users an arm as the weights say.
        observed: Users an arm.
    """

    ok: Flags
    p_value: Floats
    chi_square_p_value: Floats
    expected: Floats
    observed: Floats


def log_bayes_factor(observed: ArrayLike, weights: ArrayLike, concentration: float = CONCENTRATION) -> Floats:
    """The logarithm of the Bayes factor against the weights, of counts with the arms as the last axis.

    ``weights`` broadcast against the counts and need not add up to 1. A user in an arm of weight 0 is beyond
    doubt (1e300); an arm of weight 0 without users is none.

    Raises:
        ValueError: if weights are negative or all 0, or counts are negative.
    """
    counts, shares = floats(observed), _shares(weights)
    if (counts < 0).any():
        raise ValueError("a count of users is negative")
    live = shares > 0
    prior = np.where(live, shares * concentration, 1.0)
    # arms without users drop out: the terms of each are 0
    arms = np.where(
        live, gammaln(prior + counts) - gammaln(prior) - xlogy(counts, np.where(live, shares, 1.0)), 0.0
    )
    total = counts.sum(axis=-1)
    evidence = arms.sum(axis=-1) - gammaln(concentration + total) + gammaln(concentration)
    impossible = (np.where(live, 0.0, counts) > 0).any(axis=-1)
    return np.where(impossible, LOG_LIMIT, evidence)


def sample_ratio(
    observed: ArrayLike,
    weights: ArrayLike,
    *,
    alpha: float = ALPHA,
    concentration: float = CONCENTRATION,
    over_time: bool = False,
) -> SampleRatio:
    """The test of each slice.

    Args:
        observed: Users so far, shape (…, phases, arms); with ``over_time`` (…, minutes, phases, arms).
        weights: Planned weights, shape (phases, arms), or (arms,) if they are the same in all.
        alpha: How often a good split may ever be called broken.
        concentration: Of the Dirichlet alternative.
        over_time: Whether p is the running minimum over the minutes, so that an alarm stays.

    Raises:
        ValueError: if weights are negative or all 0, or counts are negative.
    """
    counts = floats(observed)
    log_p = -log_bayes_factor(counts, weights, concentration).sum(axis=-1)
    if over_time:
        log_p = running(np.minimum.accumulate, log_p)
    p_value = probability(log_p)
    expected = counts.sum(axis=-1, keepdims=True) * _shares(weights)
    return SampleRatio(
        ok=p_value >= alpha,
        p_value=p_value,
        chi_square_p_value=_chi_square(counts, expected),
        expected=expected.sum(axis=-2),
        observed=counts.sum(axis=-2),
    )


def _chi_square(counts: Floats, expected: Floats) -> Floats:
    """Pearson's p; one degree of freedom less than arms with weight, in each phase that has users."""
    distance = divide((counts - expected) ** 2, expected).sum(axis=(-2, -1))
    freedom = np.maximum((expected > 0).sum(axis=-1) - 1, 0).sum(axis=-1)
    impossible = ((expected <= 0) & (counts > 0)).any(axis=(-2, -1))
    tail = np.where(freedom > 0, chdtrc(np.maximum(freedom, 1), distance), 1.0)
    return np.where(impossible, 0.0, tail).clip(np.exp(-LOG_LIMIT), 1.0)


def _shares(weights: ArrayLike) -> Floats:
    values = floats(weights)
    total = values.sum(axis=-1, keepdims=True)
    if (values < 0).any() or not (total > 0).all():
        raise ValueError(f"weights are {values.tolist()!r}, must be 0 or more, and one of a phase above 0")
    shares: Floats = values / total
    return shares
