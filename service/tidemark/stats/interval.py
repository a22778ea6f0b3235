"""Intervals of the difference and of the lift, by one multiplier and one comparison.

Whether an interval excludes 0 is decided once, by ``side``; bounds are then computed and kept on the side
that was decided, so that no rounding can make them say otherwise. NaN is "none", always with a reason.
"""

from dataclasses import dataclass

import numpy as np

from tidemark.stats.array import Codes, Flags, Floats, divide, root, running
from tidemark.stats.effect import Effect

TINY = float(np.finfo(np.float64).tiny)


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


def side(z: Floats, multiplier: Floats) -> Codes:
    """The one comparison: 1 above 0, -1 below, 0 undecided; z and the multiplier in standard errors."""
    return np.where(np.abs(z) > multiplier, np.sign(z), 0.0).astype(np.int64)


def difference(effect: Effect, multiplier: Floats, sides: Codes) -> Interval:
    """Difference plus and minus the multiplier times its standard error, in the metric's unit."""
    reach = multiplier * root(effect.variance)
    return _kept(effect.difference, effect.difference - reach, effect.difference + reach, sides)


def lift(effect: Effect, multiplier: Floats, sides: Codes) -> tuple[Interval, Flags]:
    """The lift relative to the control mean's magnitude, by Fieller's inversion; and where it is bounded.

    A lift t is in the set when (D - t |M|)² <= c² Var(D - t |M|) (Fieller 1954, "Some problems in interval
    estimation"), with D the difference, M the control mean and the same multiplier c: 0 is in it exactly when
    0 is in the difference's interval. The set is an interval where |M| > c times its standard error; else it
    is everything, or two rays, and the interval is NaN. Relative to the magnitude, so that more is a positive
    lift for a negative mean, too.
    """
    size = np.abs(effect.baseline)
    bounded = size > multiplier * root(effect.baseline_variance)
    whole = np.where(bounded, size, 1.0)
    value = effect.difference / whole
    # all in units of |M| (squared): e of D, g of M times c², k of both
    e = effect.variance / whole**2
    m = effect.baseline_variance / whole**2
    k = np.sign(effect.baseline) * effect.covariance / whole**2
    squared = multiplier * multiplier
    # the roots of (1 - g) t² - 2 b t + (value² - c² e) = 0, by the forms that do not cancel
    lead = np.where(bounded, 1 - squared * m, 1.0)
    middle = value - squared * k
    last = value * value - squared * e
    spread = multiplier * root(lead * e + (value * m - 2 * k) * value + squared * k * k)
    way = np.where(sides != 0, sides, np.where(middle < 0, -1.0, 1.0))
    far = way * (np.abs(middle) + spread)
    one, other = far / np.where(lead > 0, lead, 1.0), divide(last, far)
    bounded = bounded & (lead > 0)
    found = _kept(value, np.minimum(one, other), np.maximum(one, other), sides)
    return found.where(bounded), bounded


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


def _kept(value: Floats, lower: Floats, upper: Floats, sides: Codes) -> Interval:
    """Bounds around the value, excluding 0 exactly where a side was decided."""
    lowest, highest = np.where(sides > 0, TINY, -np.inf), np.where(sides < 0, -TINY, np.inf)
    open_above, open_below = np.where(sides == 0, 0.0, np.inf), np.where(sides == 0, 0.0, -np.inf)
    return Interval(
        value,
        np.clip(np.minimum(lower, value), lowest, open_above),
        np.clip(np.maximum(upper, value), open_below, highest),
    )
