"""Treatment against control over time: what may be watched, minute by minute.

The last axis is time. At each minute the running minimum of p and the running intersection of intervals are
what holds: the guarantee is for all minutes at once, so every minute's bound holds at every later one. A
minute without enough data takes no part (its p is 1, it has no interval): the normal approximation does not
hold there, and what it said would stay for good. Any choice of minutes keeps the guarantee, so fewer looks
only make the intersection wider.

The boundary runs on the intrinsic clock (``clock.intrinsic``), not on users: users' purchases come later, and
after recruitment a clock of users would stand still while the difference goes on wandering.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tidemark.stats.array import LOG_LIMIT, Codes, Flags, Floats, Sides, divide, probability, root, running
from tidemark.stats.blocks import in_blocks
from tidemark.stats.boundary import Boundary
from tidemark.stats.clock import intrinsic
from tidemark.stats.effect import Effect
from tidemark.stats.interval import Interval, difference, intersection, lift, side
from tidemark.stats.moments import Moments
from tidemark.stats.reason import Reason

MISSING = sum(
    reason.bit
    for reason in (
        Reason.NO_USERS,
        Reason.TOO_FEW_USERS,
        Reason.TOO_FEW_CONVERSIONS,
        Reason.NO_DENOMINATOR,
        Reason.NO_VARIANCE,
    )
)
"""The codes that say there is not enough data."""


@dataclass(frozen=True, slots=True)
class Least:
    """The least data of an arm for which the normal approximation is trusted.

    Attributes:
        users: Users.
        conversions: Users who did what the metric counts.
    """

    users: float = 100
    conversions: float = 25


OF_VALUES = Least(conversions=100)
"""For means and ratios. Their values have long tails, and the variance of a small arm of 25 buyers is too
often too small: at a split of 80:20 or 90:5 more than alpha would be called (``bench/watching.py``)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known at each minute; arrays of one shape, the last axis is time.

    Attributes:
        difference: The running interval of the difference, in the metric's unit.
        lift: The running interval of the lift, a fraction of the control mean's magnitude.
        p_value: The running minimum, 1 before there is enough data, at least 1e-300.
        log_e: The logarithm of this minute's e-value (not running: a running maximum is no e-value).
        above: Was the difference ever shown to be above 0, up to this minute?
        below: Was it ever shown to be below 0?
        reasons: The codes, as bits (``tidemark.stats.reason.reasons`` reads them).
    """

    difference: Interval
    lift: Interval
    p_value: Floats
    log_e: Floats
    above: Flags
    below: Flags
    reasons: Codes


def missing(effect: Effect, conversions: tuple[Floats, Floats], least: Least | None = None) -> Codes:
    """What data is missing, as bits of codes; 0 where there is enough.

    ``conversions``: users who did what the metric counts, of the control and of the treatment.
    """
    need = least or Least()
    control, treatment = effect.control, effect.treatment
    users = np.minimum(control.users, treatment.users)
    none = users <= 0
    few = ~none & (users < need.users)
    idle = ~none & (np.minimum(*conversions) < need.conversions)
    undefined = ~none & ~(control.defined & treatment.defined)
    constant = ~none & ~undefined & ((control.variance <= 0) | (treatment.variance <= 0))
    bits: Codes = (
        none * Reason.NO_USERS.bit
        + few * Reason.TOO_FEW_USERS.bit
        + idle * Reason.TOO_FEW_CONVERSIONS.bit
        + undefined * Reason.NO_DENOMINATOR.bit
        + constant * Reason.NO_VARIANCE.bit
    )
    return bits


def compare(effect: Effect, boundary: Boundary, clock: Floats, lacking: Codes) -> Comparison:
    """The always-valid comparison.

    Args:
        effect: The effect of the sums so far, the last axis being time.
        boundary: The experiment's, fixed at its start.
        clock: The boundary's time, ``tidemark.stats.clock.intrinsic``.
        lacking: What ``missing`` said; other codes may be added, where a minute is not to count.
    """
    enough = lacking == 0
    z = np.where(enough, standard_errors(effect), 0.0)
    multiplier, log_e = boundary.look(z, clock)
    sides = side(z, multiplier)
    above, below = (running(np.logical_or.accumulate, sides == sign) for sign in (1, -1))
    now = difference(effect, multiplier, sides)
    held = intersection(now, enough)
    relative, bounded = lift(effect, multiplier, sides)
    bounded = bounded & enough
    lifts = intersection(relative, bounded)
    empty, lift_empty = held.lower > held.upper, lifts.lower > lifts.upper
    settled = ((lifts.lower > 0) == above) & ((lifts.upper < 0) == below)
    return Comparison(
        difference=held.where(enough & ~empty),
        lift=lifts.where(bounded & settled & ~empty & ~lift_empty),
        p_value=running(np.minimum.accumulate, _p_value(log_e, sides, enough, boundary.alpha)),
        log_e=np.where(enough, np.clip(log_e, -LOG_LIMIT, LOG_LIMIT), -LOG_LIMIT),
        above=above,
        below=below,
        reasons=lacking
        + (enough & empty) * Reason.EMPTY_INTERSECTION.bit
        + (above & below) * Reason.BOTH_SIDES.bit
        + (enough & ~bounded) * Reason.LIFT_UNBOUNDED.bit
        + (bounded & lift_empty) * Reason.LIFT_EMPTY_INTERSECTION.bit
        + (bounded & ~lift_empty & ~settled) * Reason.LIFT_UNSETTLED.bit,
    )


def watch(
    effect_of: Callable[[Moments, Moments], Effect],
    control: Moments,
    treatment: Moments,
    conversions: tuple[Floats, Floats],
    boundary: Boundary,
    *,
    share: float = 0.5,
    least: Least | None = None,
    marks: Flags | None = None,
) -> Comparison:
    """From the moments so far, slices by minutes, to the comparison: what a chart and a verdict need.

    Args:
        effect_of: ``effect.proportion``, ``mean``, ``ratio``, ``adjusted_mean`` or ``adjusted_ratio``.
        control: Its moments, the last axis being time.
        treatment: Its moments, of the same shape.
        conversions: Users who did what the metric counts, of control and treatment.
        boundary: The experiment's, tuned to the planned users of these two arms.
        share: The treatment's planned weight over both arms' weights.
        least: The least data.
        marks: Which minutes are marks (``clock.intrinsic``); None: all.
    """

    def work(control: Moments, treatment: Moments, converted: Floats, treated: Floats) -> Comparison:
        effect = effect_of(control, treatment)
        lacking = missing(effect, (converted, treated), least)
        return compare(effect, boundary, intrinsic(effect, lacking == 0, share, marks), lacking)

    return in_blocks(work, control, treatment, *conversions)


def standard_errors(effect: Effect) -> Floats:
    """The difference in standard errors, z; 0 where it has no variance."""
    return divide(effect.difference, root(effect.variance))


def _p_value(log_e: Floats, sides: Sides, enough: Flags, alpha: float) -> Floats:
    """min(1, 1/e), below alpha exactly where a side was decided."""
    p = probability(-log_e)
    decided = sides != 0
    p = np.where(decided, np.minimum(p, np.nextafter(alpha, 0.0)), np.maximum(p, alpha))
    return np.where(enough, p, 1.0)
