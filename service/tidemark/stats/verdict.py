"""The verdict: what a comparison means for somebody who has to decide.

One comparison of the effect with the multiplier has decided everything that is shown (``comparison``), so the
difference's interval excludes 0 exactly when p < alpha, and exactly then the verdict is BETTER or WORSE,
unless a reason code says otherwise: SAMPLE_RATIO_MISMATCH, BOTH_SIDES, EMPTY_INTERSECTION (which takes the
interval away, and leaves the verdict where all minutes agree on the side), or a code of missing data (which
takes both).
"""

from enum import IntEnum

import numpy as np

from tidemark.stats.array import Codes, Flags
from tidemark.stats.comparison import MISSING, Comparison
from tidemark.stats.reason import Reason


class Verdict(IntEnum):
    """The contract's verdicts; arrays carry their numbers."""

    UNDECIDED = 0
    BETTER = 1
    WORSE = 2
    NOT_ENOUGH_DATA = 3
    INVALID = 4


def verdict(comparison: Comparison, split_ok: Flags, *, higher_is_better: bool = True) -> tuple[Codes, Codes]:
    """Verdicts (numbers of ``Verdict``) at each minute, and the reasons as bits.

    ``split_ok``: whether the sample ratio holds, of a shape that broadcasts. A broken one makes every verdict
    INVALID; else missing data NOT_ENOUGH_DATA; else an effect that was shown on both sides UNDECIDED.
    """
    better, worse = comparison.above, comparison.below
    if not higher_is_better:
        better, worse = worse, better
    reasons = comparison.reasons + ~np.asarray(split_ok) * Reason.SAMPLE_RATIO_MISMATCH.bit
    conditions = [
        reasons & Reason.SAMPLE_RATIO_MISMATCH.bit != 0,
        reasons & MISSING != 0,
        better & worse,
        better,
        worse,
    ]
    choices = [
        Verdict.INVALID, Verdict.NOT_ENOUGH_DATA, Verdict.UNDECIDED, Verdict.BETTER, Verdict.WORSE
    ]  # fmt: skip
    return np.select(conditions, [int(one) for one in choices], int(Verdict.UNDECIDED)), reasons
