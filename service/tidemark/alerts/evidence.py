"""Bounds of a rate, and of its change since another period, that hold however often one looks. Pure.

The multiplier is that of ``tidemark.stats.boundary``: the two-sided normal mixture, tuned to ``PLANNED``
trials and never to what was seen. It is looked at again and again while a day fills, and within a day (any
calendar window) the promise holds for all looks together. A rolling window throws away what it saw: each of
its windows keeps the promise for itself, and a day of them may err more often.

Trials (impressions, clicks) are taken for independent. One user's are not quite, so a condition should ask
for a size beside the sign: "10 % less, and surely less".
"""

import numpy as np

from tidemark.stats import clock, interval
from tidemark.stats.array import Flags, Floats, divide, root
from tidemark.stats.boundary import Boundary
from tidemark.stats.effect import proportion
from tidemark.stats.moments import Moments

ALPHA = 0.01
"""How often a rate without any change may ever be said to have changed, a day."""

PLANNED = 20_000.0
"""Trials at which the bounds are narrowest for what they promise."""

LEAST_TRIALS = 100
LEAST_HITS = 5
"""Below either the normal approximation is no use, and there are no bounds."""

_BOUNDARY = Boundary.tuned(ALPHA, PLANNED)

Bounds = tuple[Floats, Floats]


def rate_bounds(hits: Floats, trials: Floats) -> Bounds:
    """Lower and upper bounds of hits / trials, in [0, 1]; NaN where there is too little data or no share.

    Args:
        hits: one a series.
        trials: of the same shape.
    """
    hits, trials = np.nan_to_num(hits), np.nan_to_num(trials)
    share = divide(hits, trials)
    reach = _BOUNDARY.multiplier(trials) * root(divide(share * (1 - share), trials))
    enough = _enough(hits, trials)
    return (
        np.where(enough, np.maximum(share - reach, 0.0), np.nan),
        np.where(enough, np.minimum(share + reach, 1.0), np.nan),
    )


def change_bounds(hits: Floats, trials: Floats, hits_before: Floats, trials_before: Floats) -> Bounds:
    """Bounds of the relative change since before, -0.2 for a fifth less.

    NaN where there is too little data, or where the rate before is not yet away from 0.
    """
    hits, trials = np.nan_to_num(hits), np.nan_to_num(trials)
    hits_before, trials_before = np.nan_to_num(hits_before), np.nan_to_num(trials_before)
    enough = _enough(hits, trials) & _enough(hits_before, trials_before)
    before, now = _moments(hits_before, trials_before), _moments(hits, trials)
    effect = proportion(before, now)
    multiplier = _BOUNDARY.multiplier(clock.users(before.n, now.n))
    sides = interval.side(divide(effect.difference, root(effect.variance)), multiplier)
    change, bounded = interval.lift(effect, multiplier, sides)
    shown = enough & bounded
    return np.where(shown, change.lower, np.nan), np.where(shown, change.upper, np.nan)


def _enough(hits: Floats, trials: Floats) -> Flags:
    return (trials >= LEAST_TRIALS) & (hits >= LEAST_HITS) & (hits <= trials)


def _moments(hits: Floats, trials: Floats) -> Moments:
    """Of trials that are 0 or 1, so that x and its square are the same."""
    return Moments(n=trials, x=hits, dxx=hits * (trials - hits))
