"""Intervals of the difference and of the lift, by one multiplier and one comparison.

Whether an interval excludes 0 is decided once, by ``side``; bounds are then computed and kept on the side
that was decided, so that no rounding can make them say otherwise. NaN is "none", always with a reason.
"""

from dataclasses import dataclass

import numpy as np

from tidemark.stats.array import Flags, Floats, Sides, divide, root, running
from tidemark.stats.effect import Effect

TINY = float(np.finfo(np.float64).tiny)
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its bounds; arrays of one shape, NaN where there is none.

    Attributes:
        value: The estimate of now. Of a running intersection it may lie outside the bounds.
        lower: The lower bound.
        upper: The upper bound.
    """

    value: Floats
    lower: Floats
    upper: Floats

    def where(self, kept: Flags) -> "Interval":
        """Only where ``kept``, elsewhere NaN."""
        return Interval(
            np.where(kept, self.value, np.nan),
            np.where(kept, self.lower, np.nan),
            np.where(kept, self.upper, np.nan),
        )


def side(z: Floats, multiplier: Floats) -> Sides:
    """The one comparison: 1 above 0, -1 below, 0 undecided; z and the multiplier in standard errors."""
    sides: Sides = (z > multiplier).astype(np.int8) - (z < -multiplier).astype(np.int8)
    return sides


def difference(effect: Effect, multiplier: Floats, sides: Sides) -> Interval:
    """Difference plus and minus the multiplier times its standard error, in the metric's unit."""
    reach = multiplier * root(effect.variance)
    return _kept(effect.difference - reach, effect.difference + reach, effect.difference, sides)


def lift(effect: Effect, multiplier: Floats, sides: Sides) -> tuple[Interval, Flags]:
    """The lift relative to the control mean's magnitude, by Fieller's inversion; and where it is bounded.

    A lift t is in the set when (D - t |M|)² <= c² Var(D - t |M|) (Fieller 1954, "Some problems in interval
    estimation"), with D the difference, M the control mean and the same multiplier c: 0 is in it exactly when
    0 is in the difference's interval. The set is an interval where |M| > c times its standard error; else it
    is everything, or two rays, and the interval is NaN. Relative to the magnitude, so that more is a positive
    lift for a negative mean, too.
    """
    size = np.abs(effect.baseline)
    bounded = size > multiplier * root(effect.baseline_variance)
    scale = 1 / np.where(bounded, size, 1.0)
    value = effect.difference * scale
    # c² times the variances of D and |M| and their covariance, in units of |M|: e, g and k
    unit = multiplier * multiplier * scale * scale
    e, g = unit * effect.variance, unit * effect.baseline_variance
    k = unit * np.sign(effect.baseline) * effect.covariance
    # the roots of (1 - g) t² - 2 (value - k) t + (value² - e) = 0, by the forms that do not cancel
    lead = np.maximum(1 - g, EPSILON)
    middle = value - k
    spread = root(lead * e + (value * g - 2 * k) * value + k * k)
    far = middle + np.copysign(spread, middle)
    one, other = far / lead, divide(value * value - e, far)
    lower, upper = np.minimum(one, other), np.maximum(one, other)
    return _kept(np.minimum(lower, value), np.maximum(upper, value), value, sides).where(bounded), bounded


def intersection(interval: Interval, kept: Flags) -> Interval:
    """The running intersection, over the last axis, of the intervals that are ``kept``.

    The value is each time's own. Where nothing was kept yet the bounds are infinite; an empty intersection
    has its lower bound above the upper one. Both are for the caller to replace by a reason.
    """
    lower = np.where(kept, interval.lower, -np.inf)
    upper = np.where(kept, interval.upper, np.inf)
    return Interval(
        interval.value, running(np.maximum.accumulate, lower), running(np.minimum.accumulate, upper)
    )


def _kept(lower: Floats, upper: Floats, value: Floats, sides: Sides) -> Interval:
    """Bounds that exclude 0 exactly where a side was decided."""
    return Interval(
        value,
        np.where(sides > 0, np.maximum(lower, TINY), np.minimum(lower, 0.0)),
        np.where(sides < 0, np.minimum(upper, -TINY), np.maximum(upper, 0.0)),
    )
