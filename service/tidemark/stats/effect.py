"""The effect of a treatment: the difference to the control, how sure it is, and what a lift is relative to.

Users are independent, so an arm's estimate has the variance of one user's value over n, and the two arms'
variances add. A ratio of sums is linearised (delta method: Deng, Knoblich and Lu 2018, "Applying the delta
method in metric analytics"), CUPED takes out what a covariate of the time before the exposure explains (Deng,
Xu, Kohavi and Walker 2013, "Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data").
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tidemark.stats.array import Flags, Floats, divide, root
from tidemark.stats.moments import Moments

NOISE = 1e-12
"""A variance that is a smaller part of the terms it was made from is rounding: it is 0."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is estimated for one arm; all arrays of one shape or broadcastable, 0 where there is nothing.

    Attributes:
        users: How many it rests on.
        weight: What the sum was divided by: the users, or a ratio's sum of y. The value times it is a sum
            over users, which is what grows with time.
        value: The estimate, adjusted by the covariate if there is one, in the metric's unit.
        variance: The variance of ``value``, its unit squared.
        mean: The unadjusted mean or ratio, that people know.
        mean_variance: The variance of ``mean``.
        covariance: The covariance of ``value`` and ``mean``.
        defined: Is there a mean: false without users, and where a ratio's denominator is 0.
    """

    users: Floats
    weight: Floats
    value: Floats
    variance: Floats
    mean: Floats
    mean_variance: Floats
    covariance: Floats
    defined: Flags

    @property
    def standard_deviation(self) -> Floats:
        """Of one user's value, unadjusted, in the metric's unit."""
        return root(self.mean_variance * self.users)


@dataclass(frozen=True, slots=True)
class Effect:
    """Treatment against control; arrays of the arms' shape.

    Attributes:
        control: The control's estimate.
        treatment: The treatment's.
        difference: Treatment less control, in the metric's unit.
        variance: Its variance.
        baseline: The control's unadjusted mean, which the lift is relative to.
        baseline_variance: Its variance.
        covariance: The covariance of difference and baseline.
    """

    control: Estimate
    treatment: Estimate
    difference: Floats
    variance: Floats
    baseline: Floats
    baseline_variance: Floats
    covariance: Floats

    @classmethod
    def between(cls, control: Estimate, treatment: Estimate) -> Self:
        """The effect of two independent arms."""
        return cls(
            control=control,
            treatment=treatment,
            difference=treatment.value - control.value,
            variance=treatment.variance + control.variance,
            baseline=control.mean,
            baseline_variance=control.mean_variance,
            covariance=-control.covariance,
        )


def proportion(control: Moments, treatment: Moments) -> Effect:
    """Of a share of users (x is 0 or 1 a user): the variance of one is p (1 - p)."""
    return Effect.between(_plain(control, freedom=0), _plain(treatment, freedom=0))


def mean(control: Moments, treatment: Moments) -> Effect:
    """Of x a user; the variance is the sample's (n - 1), unpooled."""
    return Effect.between(_plain(control), _plain(treatment))


def ratio(control: Moments, treatment: Moments) -> Effect:
    """Of sum of x over sum of y, users being the independent units: the delta method."""
    return Effect.between(_linear(control).estimate(), _linear(treatment).estimate())


def adjusted_mean(control: Moments, treatment: Moments, slope: Floats | None = None) -> Effect:
    """Of x a user, less what the covariate k explains (CUPED).

    The slope is that within the arms: the arms' covariances of x and k summed, over their variances of k
    summed (a slope over both arms together would mix the effect into it); k is centred at the mean of both
    arms, so that an arm's value stays near its mean. ``slope`` gives another one. A covariate that does not
    vary explains nothing.

    The lift is relative to the *unadjusted* control mean, as in gbstats: "4 % more" is then of the number
    that people see. tea-tasting divides by the adjusted mean and takes the slope over both arms together: its
    lifts differ by the chance difference of the covariates, its differences in the fifth digit or so.
    """
    return _adjusted(_values(control), _values(treatment), slope)


def adjusted_ratio(control: Moments, treatment: Moments, slope: Floats | None = None) -> Effect:
    """Of sum of x over sum of y, less what the covariate explains: CUPED of the linearised ratio.

    As ``adjusted_mean``, with (x - r y) / mean y in place of x.
    """
    return _adjusted(_linear(control), _linear(treatment), slope)


@dataclass(frozen=True, slots=True)
class _Linear:
    """An arm's mean or ratio as the mean of one value a user, with what that shares with the covariate."""

    users: Floats
    weight: Floats
    mean: Floats
    user_variance: Floats
    covariate_mean: Floats
    covariate_variance: Floats
    shared: Floats
    defined: Flags

    def estimate(self) -> Estimate:
        """As it is, without the covariate."""
        variance = divide(self.user_variance, self.users)
        return Estimate(
            self.users, self.weight, self.mean, variance, self.mean, variance, variance, self.defined
        )


def _plain(arm: Moments, freedom: int = 1) -> Estimate:
    average = arm.mean(arm.x)
    variance = arm.dxx / np.maximum(arm.n * arm.n * (arm.n - freedom), 1.0)
    return Estimate(arm.n, arm.n, average, variance, average, variance, variance, arm.n > 0)


def _values(arm: Moments) -> _Linear:
    return _Linear(
        users=arm.n,
        weight=arm.n,
        mean=arm.mean(arm.x),
        user_variance=arm.covariance(arm.dxx),
        covariate_mean=arm.mean(arm.k),
        covariate_variance=arm.covariance(arm.dkk),
        shared=arm.covariance(arm.dxk),
        defined=arm.n > 0,
    )


def _linear(arm: Moments) -> _Linear:
    """The ratio r = x / y: a user's value is r + (x - r y) / mean y."""
    value = divide(arm.x, arm.y)
    denominator = arm.mean(arm.y)
    terms = (arm.dxx, -2 * value * arm.dxy, value * value * arm.dyy)
    variance = arm.covariance(_difference(*terms))
    return _Linear(
        users=arm.n,
        weight=arm.y,
        mean=value,
        user_variance=divide(variance, denominator * denominator),
        covariate_mean=arm.mean(arm.k),
        covariate_variance=arm.covariance(arm.dkk),
        shared=divide(arm.covariance(arm.dxk - value * arm.dyk), denominator),
        defined=(arm.n > 0) & (denominator != 0),
    )


def _difference(*terms: Floats) -> Floats:
    """The sum of terms that is a variance: not negative, and 0 where it is only rounding."""
    total, size = sum(terms[1:], terms[0]), sum((np.abs(term) for term in terms[1:]), np.abs(terms[0]))
    return np.where(total > NOISE * size, total, 0.0)


def _adjusted(control: _Linear, treatment: _Linear, slope: Floats | None) -> Effect:
    if slope is None:
        spread = control.covariate_variance + treatment.covariate_variance
        slope = divide(control.shared + treatment.shared, spread)
    users = control.users + treatment.users
    centre = divide(
        control.users * control.covariate_mean + treatment.users * treatment.covariate_mean, users
    )
    return Effect.between(_less(control, slope, centre), _less(treatment, slope, centre))


def _less(arm: _Linear, slope: Floats, centre: Floats) -> Estimate:
    terms = (arm.user_variance, -2 * slope * arm.shared, slope * slope * arm.covariate_variance)
    return Estimate(
        users=arm.users,
        weight=arm.weight,
        value=np.where(arm.defined, arm.mean - slope * (arm.covariate_mean - centre), 0.0),
        variance=divide(_difference(*terms), arm.users),
        mean=arm.mean,
        mean_variance=divide(arm.user_variance, arm.users),
        covariance=divide(arm.user_variance - slope * arm.shared, arm.users),
        defined=arm.defined,
    )
