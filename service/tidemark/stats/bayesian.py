"""Gaussian posterior of the effect, in closed form: how it looks now, not protected against peeking."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx, ndtr

from tidemark.stats.array import Floats, divide, root
from tidemark.stats.effect import Effect

LABEL = "not protected against peeking"


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of the lift before any data: normal.

    Attributes:
        mean: Of the lift, a fraction.
        deviation: Its standard deviation; infinite for a flat prior.
    """

    mean: float = 0.0
    deviation: float = 0.3

    @property
    def words(self) -> str:
        """The prior in a sentence, as the answer states it."""
        if np.isinf(self.deviation):
            return "any lift is as likely as any other (flat)"
        return (
            f"the lift is normal around {100 * self.mean:g} % with a standard deviation of"
            f" {100 * self.deviation:g} points"
        )


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed afterwards; arrays of the estimate's shape, NaN where there is no estimate.

    Attributes:
        mean: Of the effect, in the estimate's unit.
        deviation: Its standard deviation.
        chance_to_win: The probability that the treatment is better.
        expected_loss: What choosing the treatment loses on average, in the estimate's unit: the mean of how
            much worse it is where it is worse, and 0 where it is better.
    """

    mean: Floats
    deviation: Floats
    chance_to_win: Floats
    expected_loss: Floats


def posterior(
    estimate: Floats,
    variance: Floats,
    prior_mean: Floats,
    prior_variance: Floats,
    *,
    higher_is_better: bool = True,
) -> Posterior:
    """Of a normal estimate and a normal prior (Gelman et al., "Bayesian Data Analysis", section 2.5).

    All in one unit, broadcastable; a prior of infinite variance is flat.
    """
    known = (variance > 0) & (prior_variance > 0)
    precision = divide(1.0, variance) + divide(1.0, prior_variance)
    centre = divide(divide(estimate, variance) + divide(prior_mean, prior_variance), precision)
    spread = root(divide(1.0, precision))
    u = divide(centre, spread) * (1 if higher_is_better else -1)
    return Posterior(
        mean=np.where(known, centre, np.nan),
        deviation=np.where(known, spread, np.nan),
        chance_to_win=np.where(known, ndtr(u), np.nan),
        expected_loss=np.where(known, spread * _loss(u), np.nan),
    )


def bayesian(effect: Effect, prior: Prior | None = None, *, higher_is_better: bool = True) -> Posterior:
    """The posterior of the difference, in the metric's unit, from a prior of the lift.

    The prior's lift is of the control mean as it was measured; NaN where that is 0 and the prior is not flat.
    """
    believed = prior or Prior()
    size = np.abs(effect.baseline)
    flat = np.isinf(believed.deviation)
    return posterior(
        effect.difference,
        effect.variance,
        np.zeros(()) if flat else believed.mean * size,
        np.asarray(np.inf) if flat else (believed.deviation * size) ** 2,
        higher_is_better=higher_is_better,
    )


def _loss(u: Floats) -> Floats:
    """phi(u) - u Phi(-u), each side in the form that neither cancels nor overflows."""
    size = np.minimum(np.abs(u), 1e3)
    density = np.exp(-0.5 * size * size) / np.sqrt(2 * np.pi)
    above = np.maximum(density * (1 - size * np.sqrt(np.pi / 2) * erfcx(size / np.sqrt(2.0))), 0.0)
    return np.where(u >= 0, above, np.maximum(-u, 0.0) + above)
