"""Fixed-horizon figures: valid only if looked at once, at the end that was planned before the start."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erfc, ndtri, stdtr, stdtrit

from tidemark.stats.array import LOG_LIMIT, Flags, Floats, divide, floats, root
from tidemark.stats.effect import Effect
from tidemark.stats.interval import Interval, lift, side

LABEL = "fixed horizon: valid only if looked at once, at the planned end"


@dataclass(frozen=True, slots=True)
class FixedHorizon:
    """One look; arrays of the effect's shape, NaN where there is nothing to test.

    Attributes:
        p_value: Two-sided, at least 1e-300.
        statistic: t or z.
        degrees_of_freedom: Of t; NaN for z.
        lift: By Fieller's inversion with the t or normal multiplier; NaN where it is unbounded.
    """

    p_value: Floats
    statistic: Floats
    degrees_of_freedom: Floats
    lift: Interval


def welch(effect: Effect, alpha: float) -> FixedHorizon:
    """Welch's t with Satterthwaite's degrees of freedom (Welch 1947): means, ratios, adjusted or not.

    The lift is by Fieller's inversion, not by the delta method: it excludes 0 exactly when p < alpha.
    """
    control, treatment = effect.control, effect.treatment
    first, second = (
        divide(arm.variance, effect.variance) ** 2 / np.maximum(arm.users - 1, 1.0)
        for arm in (control, treatment)
    )
    valid = (
        (np.minimum(control.users, treatment.users) > 1)
        & (effect.variance > 0)
        & control.defined
        & treatment.defined
    )
    freedom = np.where(valid, divide(1.0, first + second), 1.0)
    statistic = divide(effect.difference, root(effect.variance))
    return _result(
        effect,
        valid=valid,
        statistic=statistic,
        p_value=2 * stdtr(freedom, -np.abs(statistic)),
        multiplier=stdtrit(freedom, 1 - alpha / 2),
        freedom=np.where(valid, freedom, np.nan),
    )


def pooled(effect: Effect, alpha: float) -> FixedHorizon:
    """The z-test of two proportions of the pooled variance p (1 - p) (1/n_c + 1/n_t).

    The lift is by Fieller's inversion with the unpooled variance, since the pooled one is that of "no
    effect": close to alpha the two may differ on whether there is one.
    """
    control, treatment = effect.control, effect.treatment
    users = control.users + treatment.users
    share = divide(control.users * control.mean + treatment.users * treatment.mean, users)
    variance = share * (1 - share) * divide(users, control.users * treatment.users)
    statistic = divide(effect.difference, root(variance))
    return _result(
        effect,
        valid=(variance > 0) & (np.minimum(control.users, treatment.users) > 0),
        statistic=statistic,
        p_value=erfc(np.abs(statistic) / np.sqrt(2.0)),
        multiplier=floats(ndtri(1 - alpha / 2)),
        freedom=np.full(statistic.shape, np.nan),
    )


def _result(
    effect: Effect, *, valid: Flags, statistic: Floats, p_value: Floats, multiplier: Floats, freedom: Floats
) -> FixedHorizon:
    relative, _ = lift(effect, multiplier, side(divide(effect.difference, root(effect.variance)), multiplier))
    return FixedHorizon(
        p_value=np.where(valid, np.clip(p_value, np.exp(-LOG_LIMIT), 1.0), np.nan),
        statistic=np.where(valid, statistic, np.nan),
        degrees_of_freedom=freedom,
        lift=relative.where(valid),
    )
