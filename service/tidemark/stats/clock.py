"""The clock that the boundary runs on: how far an experiment has come, in users of the planned allocation.

"Users" are those of the two arms compared, together, and what counts is what they tell about the difference:
with shares w of the control and 1 - w of the treatment, n users tell as much as n w (1 - w) do. So the clock
is

    v = (n_c n_t / (n_c + n_t)) / (w (1 - w))

which is n_c + n_t while the allocation is the planned one, and less when one arm lags: 10,000 users against
10 are not 10,010 users but about 40 (at equal planned shares). It needs no variance, so nothing that is
measured can bend it.

Where users' values go on growing after recruitment (purchases within the attribution window), the variance of
one user's value grows too, and with it the time that has really passed for the sum of the values.
``intrinsic`` is that time. ``information`` is the clock 1/V. All are in users, so that one tuning serves
each.
"""

from tidemark.stats.array import Floats, divide


def users(control: Floats, treatment: Floats, share: float = 0.5) -> Floats:
    """Users of the two arms, in terms of the planned allocation; any broadcastable shapes.

    ``share``: the treatment's planned weight over the weights of both arms, in (0, 1).
    """
    return divide(control * treatment, (control + treatment) * (share * (1 - share)))


def information(variance: Floats, user_variance: float) -> Floats:
    """1/V in users: how many users of ``user_variance`` would make the difference's variance what it is.

    ``user_variance`` is what the variance times the users is expected to be, frozen at the start. It only
    sets the scale. mSPRT (Johari, Pekelis and Walsh 2017, "Always valid inference") is the special case of
    this clock with the mixture ``user_variance`` / tau².
    """
    return divide(user_variance, variance)


def intrinsic(clock_users: Floats, variance: Floats, user_variance: float) -> Floats:
    """The variance of the sum of what was seen, in users: n² V over the expected variance a user.

    Howard, Ramdas, McAuliffe and Sekhon 2021 ("Time-uniform, nonparametric, nonasymptotic confidence
    sequences") call it the intrinsic time. It goes on while values grow, when no user comes any more.
    """
    return clock_users * clock_users * variance / user_variance
