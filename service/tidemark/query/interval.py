"""The 95 % interval of a rate: Wilson's score interval (E. B. Wilson, 1927, JASA 22:209-212)."""

from collections.abc import Sequence
from math import sqrt

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

Bound = float | None


def wilson(successes: Sequence[int], trials: Sequence[int]) -> tuple[list[Bound], list[Bound]]:
    """Lower and upper bounds, a pair a row, fractions.

    Both are None where there is no trial, and where the successes are no part of the trials (negative, or
    more of them than trials), since that is no share.
    """
    found = [_bounds(one, of) for one, of in zip(successes, trials, strict=True)]
    return [low for low, _ in found], [high for _, high in found]


def _bounds(successes: int, trials: int) -> tuple[Bound, Bound]:
    if trials <= 0 or not 0 <= successes <= trials:
        return None, None
    share = successes / trials
    weight = Z * Z / trials
    centre = (share + weight / 2) / (1 + weight)
    half = sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    # at the ends the bound is known exactly, whatever rounding makes of it
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == trials else min(1.0, centre + half)
