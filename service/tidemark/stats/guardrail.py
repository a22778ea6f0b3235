"""Guardrails: is the treatment no worse than a margin allows? One-sided, and always valid.

SAFE: it was shown that the effect is above minus the margin. BREACHED: it was shown to be below that. A
metric that is worse, but within the margin, is therefore SAFE: that is what the margin says. Each side may
err with probability alpha, at any time.
"""

from enum import IntEnum
from math import log

import numpy as np

from tidemark.stats.array import Codes, Floats, divide, root, running
from tidemark.stats.boundary import Boundary
from tidemark.stats.effect import Effect
from tidemark.stats.reason import Reason


class Guardrail(IntEnum):
    """The contract's states; arrays carry their numbers."""

    UNDECIDED = 0
    SAFE = 1
    BREACHED = 2


def guardrail(
    effect: Effect,
    boundary: Boundary,
    clock: Floats,
    lacking: Codes,
    *,
    margin: float,
    relative: bool = True,
    higher_is_better: bool = True,
) -> tuple[Codes, Codes]:
    """States (numbers of ``Guardrail``) at each minute of the last axis, and the reasons as bits.

    Args:
        effect: The effect of the sums so far.
        boundary: The experiment's.
        clock: The boundary's time, ``tidemark.stats.clock.intrinsic``.
        lacking: What ``comparison.missing`` said; such minutes take no part. Add SAMPLE_RATIO_MISMATCH's bit
            where the split is broken: the state is then UNDECIDED, too.
        margin: How much worse is tolerated, 0 or more: a fraction of the control mean's magnitude, or, if not
            ``relative``, in the metric's unit.
        relative: Which of the two.
        higher_is_better: Else less of the metric is better.

    Raises:
        ValueError: if the margin is negative.
    """
    if not margin >= 0:
        raise ValueError(f"margin is {margin!r}, must be 0 or more: how much worse is tolerated")
    z = np.where(
        lacking == 0, _beyond(effect, margin, relative=relative, sign=1 if higher_is_better else -1), 0.0
    )
    proof = -log(boundary.alpha)
    safe, breached = (
        running(np.logical_or.accumulate, boundary.log_e_one_sided(way * z, clock) > proof)
        for way in (1.0, -1.0)
    )
    both = safe & breached
    settled = (lacking == 0) & ~both
    states = settled * (safe * int(Guardrail.SAFE) + breached * int(Guardrail.BREACHED))
    return states, lacking + (both & (lacking == 0)) * Reason.BOTH_SIDES.bit


def _beyond(effect: Effect, margin: float, *, relative: bool, sign: int) -> Floats:
    """How far the effect, good being up, is above minus the margin, in its standard errors.

    The relative margin is tested as D + margin |M| > 0 with that sum's own variance, which is Fieller's way:
    the control mean's noise is in it, and nothing is divided by a mean that may be 0.
    """
    if not relative:
        return divide(sign * effect.difference + margin, root(effect.variance))
    level = np.sign(effect.baseline)
    variance = (
        effect.variance
        + 2 * margin * sign * level * effect.covariance
        + margin * margin * effect.baseline_variance
    )
    return divide(sign * effect.difference + margin * np.abs(effect.baseline), root(variance))
