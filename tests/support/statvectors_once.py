"""Checks of vectors of one look: effects, fixed horizon, lifts, Bayesian, power, many comparisons."""

from collections.abc import Mapping

import numpy as np
from scipy.special import stdtrit

from statvectors import Vector, Z, arm, checks
from tidemark.stats.array import Floats, divide
from tidemark.stats.bayesian import Posterior, Prior, bayesian, posterior
from tidemark.stats.boundary import Boundary
from tidemark.stats.effect import Effect, adjusted_mean, adjusted_ratio, mean, proportion, ratio
from tidemark.stats.horizon import FixedHorizon, pooled, welch
from tidemark.stats.interval import difference, lift, side
from tidemark.stats.moments import Moments
from tidemark.stats.multiplicity import benjamini_hochberg, holm
from tidemark.stats.remaining import detectable_by, total_users

NEITHER = np.zeros((), dtype=np.int8)
ENOUGH = np.zeros((), dtype=np.int64)


def effect_of(vector: Vector) -> Effect:
    """The plain effect: ratios have a denominator, proportions no sum of squares."""
    control, treatment = vector.arms
    if np.any(control.y):
        return ratio(control, treatment)
    return (mean if "sum_squares" in vector.inputs["a"] else proportion)(control, treatment)


def delta(effect: Effect, at: Floats | None = None) -> tuple[Floats, Floats]:
    """The lift and its variance by the delta method (its slope ``at`` that lift), as others have it."""
    size = np.abs(effect.baseline)
    value = effect.difference / size if at is None else at
    shared = np.sign(effect.baseline) * effect.covariance
    variance = (effect.variance - 2 * value * shared + value**2 * effect.baseline_variance) / size**2
    return value, variance


def follows_fieller(effect: Effect, ours: FixedHorizon, multiplier: Floats) -> None:
    """Our lift's bounds are ``multiplier`` standard errors away, and exclude 0 exactly when the test does."""
    for bound in (ours.lift.lower, ours.lift.upper):
        size = np.abs(effect.baseline)
        shared = np.sign(effect.baseline) * effect.covariance
        variance = effect.variance - 2 * bound * shared + bound**2 * effect.baseline_variance
        np.testing.assert_allclose(
            np.abs(effect.difference - bound * size) / np.sqrt(variance), multiplier, rtol=1e-9
        )
    assert (ours.lift.lower > 0) | (ours.lift.upper < 0) == (ours.p_value < 0.05)


@checks("gb_prop_welch_absolute", "gb_mean_welch_tiny_absolute")
def welch_absolute(vector: Vector) -> None:
    effect = effect_of(vector)
    ours = welch(effect, vector.inputs["alpha"])
    vector.near(effect.difference, "estimate")
    vector.near(np.sqrt(effect.variance), "se")
    vector.near(ours.p_value, "p_value")
    multiplier = _t(ours, vector.inputs["alpha"])
    bounds = difference(effect, multiplier, side(ours.statistic, multiplier))
    vector.near([bounds.lower, bounds.upper], "ci")


@checks("gb_prop_welch_relative", "gb_mean_negative_baseline_relative", "gb_ratio_delta_relative")
def welch_relative(vector: Vector) -> None:
    """gbstats' interval and p of a lift are the delta method's, and its p another than the difference's.

    Value and standard error must agree; our interval is Fieller's, by its own definition, and our p that of
    the difference, so that they cannot disagree. (gbstats says p = 0 where ours is some 1e-20.)
    """
    effect = effect_of(vector)
    value, variance = delta(effect)
    ours = welch(effect, vector.inputs["alpha"])
    vector.near(value, "estimate")
    vector.near(ours.lift.value, "estimate")
    vector.near(np.sqrt(variance), "se")
    follows_fieller(effect, ours, _t(ours, vector.inputs["alpha"]))
    assert ours.p_value > 0
    for which, moments in (("a", effect.control), ("b", effect.treatment)):
        if f"var_ratio_{which}" in vector.expected:
            vector.near(moments.variance * moments.users, f"var_ratio_{which}")


@checks("gb_cuped_relative", "tt_cuped")
def cuped_mean(vector: Vector) -> None:
    """Both libraries take the slope over both arms together: with it we agree, and ours is near.

    tea-tasting divides the lift by the adjusted control mean, we by the unadjusted one, as gbstats does; the
    interval of the lift is the delta method's in one, that of a logarithm in the other, so only Fieller's
    definition is left to check ours by.
    """
    control, treatment = vector.arms
    theirs = _slope_of_all(vector.inputs)
    effect = adjusted_mean(control, treatment, np.asarray(theirs))
    if "theta" in vector.expected:
        vector.near(theirs, "theta")
        vector.near(effect.difference / effect.baseline, "estimate")
        # the slope of gbstats' delta method is at the unadjusted lift
        unadjusted = (effect.treatment.mean - effect.baseline) / effect.baseline
        vector.near(np.sqrt(delta(effect, unadjusted)[1]), "se")
    else:
        vector.near(effect.control.value, "control")
        vector.near(effect.treatment.value, "treatment")
        vector.near(effect.difference, "effect_size")
        vector.near(effect.difference / effect.control.value, "rel_effect_size")
        ours = welch(effect, 0.05)
        vector.near(ours.statistic, "statistic")
        vector.near(ours.p_value, "pvalue")
    own = adjusted_mean(control, treatment)
    np.testing.assert_allclose(own.difference, effect.difference, rtol=1e-4)
    np.testing.assert_allclose(own.variance, effect.variance, rtol=1e-4)
    follows_fieller(own, welch(own, 0.05), _t(welch(own, 0.05), 0.05))


@checks("gb_cuped_ratio_absolute")
def cuped_ratio(vector: Vector) -> None:
    """The covariate of gbstats is a ratio: it is given as its linearised value a user, arm by arm."""
    control, treatment = (_with_ratio_covariate(vector.inputs[which]) for which in ("a", "b"))
    effect = adjusted_ratio(control, treatment)
    ours = welch(effect, vector.inputs["alpha"])
    vector.near(effect.difference, "estimate")
    vector.near(np.sqrt(effect.variance), "se")
    vector.near(ours.p_value, "p_value")
    multiplier = _t(ours, vector.inputs["alpha"])
    bounds = difference(effect, multiplier, side(ours.statistic, multiplier))
    vector.near([bounds.lower, bounds.upper], "ci")


@checks("tt_mean_two-sided", "tt_ratio")
def tea_tasting(vector: Vector) -> None:
    """Their interval of the lift is that of a logarithm; ours is Fieller's, checked by its definition."""
    effect = effect_of(vector)
    ours = welch(effect, 0.05)
    multiplier = _t(ours, 0.05)
    bounds = difference(effect, multiplier, side(ours.statistic, multiplier))
    vector.near(effect.control.mean, "control")
    vector.near(effect.treatment.mean, "treatment")
    vector.near(effect.difference, "effect_size")
    vector.near(bounds.lower, "effect_size_ci_lower")
    vector.near(bounds.upper, "effect_size_ci_upper")
    vector.near(ours.lift.value, "rel_effect_size")
    vector.near(ours.statistic, "statistic")
    vector.near(ours.p_value, "pvalue")
    follows_fieller(effect, ours, multiplier)


@checks("sp_welch")
def scipy_welch(vector: Vector) -> None:
    control, treatment = vector.arms
    ours = welch(mean(control, treatment), 0.05)
    vector.near(ours.statistic, "t")
    vector.near(ours.p_value, "p_value")


@checks("sm_prop_z_pooled_larger")
def pooled_z(vector: Vector) -> None:
    """One-sided there; ours is two-sided, so twice as large on that side."""
    ours = pooled(effect_of(vector), 0.05)
    vector.near(ours.statistic, "z")
    vector.near(ours.p_value / 2, "p_value")


@checks("sm_prop_diff_ci_wald")
def wald(vector: Vector) -> None:
    effect = effect_of(vector)
    bounds = difference(effect, np.asarray(Z), np.asarray(1))
    vector.near([bounds.lower, bounds.upper], "ci")


@checks("sp_ztest_relative")
def control_without_noise(vector: Vector) -> None:
    """Spotify's lift ignores the control's noise: its bounds are our difference's over the control mean.

    Ours are Fieller's, and wider on the far side.
    """
    effect = effect_of(vector)
    bounds = difference(effect, np.asarray(Z), np.asarray(1))
    ours, _ = lift(effect, np.asarray(Z), np.asarray(1))
    vector.near(ours.value, "difference")
    vector.near([bounds.lower / effect.baseline, bounds.upper / effect.baseline], "ci")
    assert ours.upper > bounds.upper / effect.baseline


@checks("fieller_prop_z", "fieller_mean_z", "fieller_small_g")
def fieller(vector: Vector) -> None:
    effect = effect_of(vector)
    multiplier = np.asarray(vector.inputs["multiplier"])
    z = divide(effect.difference, np.sqrt(effect.variance))
    ours, bounded = lift(effect, multiplier, side(z, multiplier))
    vector.near([ours.lower, ours.upper], "ci")
    vector.near(multiplier**2 * effect.baseline_variance / effect.baseline**2, "g")
    assert bounded


@checks("gb_bayes_prop_flat_absolute", "gb_bayes_prop_n0_0.3_absolute")
def bayes_absolute(vector: Vector) -> None:
    given = vector.inputs["prior"]
    prior = Prior(given["mean"], np.sqrt(given["variance"]) if given["proper"] else np.inf)
    effect = effect_of(vector)
    _posterior(vector, *(bayesian(effect, prior, higher_is_better=up) for up in (True, False)))


@checks("gb_bayes_prop_n0_0.3_relative", "gb_bayes_prop_n0.01_0.02_relative")
def bayes_relative(vector: Vector) -> None:
    """gbstats' lift has the delta method's variance; the posterior of an estimate is the same for any."""
    given = vector.inputs["prior"]
    value, variance = delta(effect_of(vector))
    believed = np.asarray(given["mean"]), np.asarray(given["variance"])
    _posterior(vector, *(posterior(value, variance, *believed, higher_is_better=up) for up in (True, False)))


@checks("mde_z")
def minimal_effect(vector: Vector) -> None:
    effect = effect_of(vector)
    found = detectable_by(np.asarray(Z), effect.variance, vector.inputs["power"])
    vector.near(found, "mde_abs")
    vector.near(found / effect.baseline, "mde_rel")


@checks("gb_power_fixed_mde0.05", "gb_power_seq_mde0.05", "gb_power_seq_mde0.02")
def users_still_needed(vector: Vector) -> None:
    """With the delta method's variance, as gbstats has it, we need as many users, watched or not."""
    effect = effect_of(vector)
    users = effect.control.users + effect.treatment.users
    _, variance = delta(effect)
    lift_wanted = np.asarray(vector.inputs["mde"])
    if vector.inputs["sequential"]:
        boundary = Boundary.tuned(vector.inputs["alpha"], vector.inputs["n_star"])
        needed = total_users(boundary, lift_wanted, variance * users, vector.inputs["power"])
    else:
        found = detectable_by(np.asarray(Z), variance * users, vector.inputs["power"])
        needed = (found / lift_wanted) ** 2
    vector.near(needed - users, "additional_users")


@checks("sm_mult_holm", "sm_mult_holm_ties")
def holm_adjusted(vector: Vector) -> None:
    ours = holm(vector.inputs["p"])
    vector.near(ours, "adjusted")
    assert (ours <= vector.inputs["alpha"] * (1 + 1e-12)).tolist() == vector.expected["reject"]


@checks("sm_mult_fdr_bh")
def benjamini_hochberg_adjusted(vector: Vector) -> None:
    ours = benjamini_hochberg(vector.inputs["p"])
    vector.near(ours, "adjusted")
    assert (ours <= vector.inputs["alpha"]).tolist() == vector.expected["reject"]


def _t(ours: FixedHorizon, alpha: float) -> Floats:
    multiplier: Floats = stdtrit(ours.degrees_of_freedom, 1 - alpha / 2)
    return multiplier


def _posterior(vector: Vector, up: Posterior, down: Posterior) -> None:
    """``down`` is the same posterior read the other way: choosing the control."""
    half = Z * up.deviation
    vector.near(up.mean, "estimate")
    vector.near(up.deviation, "posterior_sd")
    vector.near(up.chance_to_win, "chance_to_win")
    vector.near([up.mean - half, up.mean + half], "ci")
    vector.near(up.expected_loss, "risk_treatment")
    vector.near(down.expected_loss, "risk_control")


def _slope_of_all(inputs: Mapping[str, Mapping[str, float]]) -> float:
    both = arm({name: inputs["a"][name] + inputs["b"][name] for name in inputs["a"]})
    return float(both.dxk / both.dkk)


def _with_ratio_covariate(sums: Mapping[str, float]) -> Moments:
    names = {"x": "m", "y": "d", "p": "mx", "q": "dx"}
    n = sums["n"]
    pairs = {
        "xp": "m_mx", "xq": "m_dx", "yp": "mx_d", "yq": "d_dx", "pq": "mx_dx"
    }  # fmt: skip

    def centred(one: str, other: str) -> float:
        key = pairs.get(one + other) or f"{names[one]}2"
        return n * sums[f"sum_{key}"] - sums[f"sum_{names[one]}"] * sums[f"sum_{names[other]}"]

    r, unit = sums["sum_mx"] / sums["sum_dx"], sums["sum_dx"] / n
    return Moments(
        n=np.asarray(float(n)),
        x=np.asarray(sums["sum_m"]),
        dxx=np.asarray(centred("x", "x")),
        y=np.asarray(sums["sum_d"]),
        dyy=np.asarray(centred("y", "y")),
        dxy=np.asarray(n * sums["sum_m_d"] - sums["sum_m"] * sums["sum_d"]),
        k=np.asarray(n * r),
        dkk=np.asarray((centred("p", "p") - 2 * r * centred("p", "q") + r * r * centred("q", "q")) / unit**2),
        dxk=np.asarray((centred("x", "p") - r * centred("x", "q")) / unit),
        dyk=np.asarray((centred("y", "p") - r * centred("y", "q")) / unit),
    )
