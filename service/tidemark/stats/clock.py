"""The clock that the boundary runs on: how far an experiment has come, in users of the planned allocation.

"Users" are those of the two arms compared, together, and what counts is what they tell about the difference:
with shares w of the control and 1 - w of the treatment, n users tell as much as n w (1 - w) do. So ``users``
is

    v = (n_c n_t / (n_c + n_t)) / (w (1 - w))

which is n_c + n_t while the allocation is the planned one, and less when one arm lags: 10,000 users against
10 are not 10,010 users but about 40 (at equal planned shares).

Users' values go on growing after recruitment: purchases come within the attribution window. The statistic
then goes on wandering while ``users`` stands still, and a boundary that stands still with it is crossed in
the end. The clock must run as the sum of what was seen varies, and ``intrinsic`` does. While values are
complete at the exposure it is the users. ``bench/watching.py`` compares the clocks.
"""

from collections.abc import Callable

import numpy as np

from tidemark.stats.array import Flags, Floats, divide, running
from tidemark.stats.effect import Effect


def users(control: Floats, treatment: Floats, share: float = 0.5) -> Floats:
    """Users of the two arms, in terms of the planned allocation; any broadcastable shapes.

    ``share``: the treatment's planned weight over the weights of both arms, in (0, 1).
    """
    return divide(control * treatment, (control + treatment) * (share * (1 - share)))


def information(variance: Floats, user_variance: float) -> Floats:
    """1/V in users: how many users of ``user_variance`` would make the difference's variance what it is.

    ``user_variance`` is what the variance times the users is expected to be, frozen at the start. It only
    sets the scale. mSPRT (Johari, Pekelis and Walsh 2017, "Always valid inference") is the special case of
    this clock with the mixture ``user_variance`` / tau². It runs backwards while users' values grow.
    """
    return divide(user_variance, variance)


def intrinsic(effect: Effect, enough: Flags, share: float = 0.5, marks: Flags | None = None) -> Floats:
    """The variance of the sum of what was seen, in users; the last axis is time. What ``watch`` runs on.

    With w the users (of a ratio: its denominators) of both arms as ``users`` counts them, w times the
    difference is a sum over users, and w² V is its variance: the intrinsic time of Howard, Ramdas, McAuliffe
    and Sekhon 2021 ("Time-uniform, nonparametric, nonasymptotic confidence sequences"). It goes on while
    values grow when no user comes any more. A clock does not go back, so it is the largest so far.

    To be users it is divided by the variance that one user had, both arms taken together, at the first mark
    that is ``enough``. Any scale that does not depend on the difference keeps the guarantee, and costs width
    only, if it is far off: c grows as the root of its logarithm. Both arms together, because of a small arm
    that estimate alone would be as lucky as the look itself.

    Marks are times at which everybody looks, at any later time, too. What else is looked at (the present
    minute, the buckets of a chart) neither sets the scale nor holds the clock for others: it has the time
    that the marks before it and its own sums say, so a past minute has the same one whenever and with
    whatever else it is asked. Before the first mark that is enough it is its own scale.

    Args:
        effect: Of the sums so far.
        enough: When there is enough data to look, of the effect's shape. Before, the clock is 0.
        share: The treatment's planned weight over both arms' weights.
        marks: Which times are marks, of the last axis' length; None: all.
    """
    weight = users(effect.control.weight, effect.treatment.weight, share)
    summed = weight * weight * effect.variance
    held = enough if marks is None else enough & marks
    first = np.argmax(held, axis=-1, keepdims=True) if enough.ndim else None

    def then(values: Floats) -> Floats:
        return (
            values if first is None else np.take_along_axis(np.broadcast_to(values, enough.shape), first, -1)
        )

    passed = np.where(enough, summed * divide(1.0, _of_a_user(effect, share, then)), 0.0)
    if marks is None:
        return running(np.maximum.accumulate, passed)
    alone = enough & ~running(np.logical_or.accumulate, held)
    if alone.any():
        own = _of_a_user(effect, share, lambda values: np.broadcast_to(values, enough.shape)[alone])
        passed[alone] = divide(np.broadcast_to(summed, enough.shape)[alone], own)
    return np.maximum(passed, running(np.maximum.accumulate, np.where(marks, passed, 0.0)))


def _of_a_user(effect: Effect, share: float, then: Callable[[Floats], Floats]) -> Floats:
    """The variance of one user of the planned allocation, both arms together, at the times that are picked.

    ``then`` picks them out of an array of the effect's shape.
    """
    arms = (effect.control, effect.treatment)
    sums = sum((then(arm.weight) ** 2 * then(arm.variance) for arm in arms), np.zeros(()))
    people = sum((then(arm.users) for arm in arms), np.zeros(()))
    return divide(sums, people * (share * (1 - share)))
