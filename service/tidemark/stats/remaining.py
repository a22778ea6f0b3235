"""How long until a decision: users still needed, the time they take, and what effect could be seen.

An effect d is found with probability ``power`` by n users when it is as far beyond the boundary as chance may
take it back:

    |d| / sqrt(s / n) = c(v) + z_power

with s the variance of the difference times the users (``user_variance``), c the always-valid multiplier at
the clock's time v of n users and z_power the normal quantile (0.84 for 80 %). The clock that verdicts run on
(``clock.intrinsic``) is faster than users where their values go on growing; so v = p n, with the pace p that
it has had so far. It is the chance at that look alone, so the chance to have decided at it or before is a
little higher. d is the effect that was planned for, never the one that was seen: "power at the observed
effect" is the p-value again (Hoenig and Heisey 2001, "The abuse of power").
"""

from math import log

import numpy as np
from scipy.special import ndtri

from tidemark.stats.array import Floats, divide, floats
from tidemark.stats.boundary import Boundary

POWER = 0.8
MOST = 1e15
"""Users beyond which nobody waits."""
HALVINGS = 64
AS_USERS = np.ones(())
"""The pace of a clock that counts users."""


def user_variance(clock_users: Floats, variance: Floats) -> Floats:
    """The difference's variance times the users so far: that of one user, the metric's unit squared."""
    return clock_users * variance


def pace_of(clock: Floats, clock_users: Floats) -> Floats:
    """The clock's time a user so far; 1 before it runs."""
    return np.where((clock > 0) & (clock_users > 0), divide(clock, clock_users), 1.0)


def total_users(
    boundary: Boundary, effect: Floats, variance: Floats, power: float = POWER, pace: Floats = AS_USERS
) -> Floats:
    """Users of both arms, from the start, until an effect is found with the given probability.

    ``effect`` in the metric's unit (a lift times the control mean), ``variance`` a user, and ``pace`` the
    clock's time a user; broadcastable. NaN where the effect is 0, the variance is not known, or more than
    1e15 are needed.
    """
    size, spread, pace = np.broadcast_arrays(np.abs(floats(effect)), floats(variance), floats(pace))
    known = (size > 0) & (spread > 0)
    unit = divide(size, np.sqrt(spread))
    quantile = float(ndtri(power))
    # sqrt(n) unit - c rises through the answer once: the root grows faster than c, at most sqrt(log n)
    low, high = np.zeros(unit.shape), np.full(unit.shape, log(MOST))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        n = np.exp(middle)
        short = np.sqrt(n) * unit < boundary.multiplier(pace * n) + quantile
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    found = known & (high < log(MOST))
    return np.where(found, np.exp(high), np.nan)


def users_by_plan(
    boundary: Boundary, planned: float, power: float = POWER, pace: Floats = AS_USERS
) -> Floats:
    """The users that find the effect which ``planned`` users find where the clock is that of users.

    The effect that was planned for, in standard errors of one user, is (c + z_power) / sqrt(planned).
    """
    distance = boundary.multiplier(floats(planned)) + ndtri(power)
    return total_users(boundary, distance, floats(planned), power, pace)


def detectable(
    boundary: Boundary, variance: Floats, users: Floats, power: float = POWER, pace: Floats = AS_USERS
) -> Floats:
    """The least effect that so many users find with the given probability, in the metric's unit.

    Divided by the control mean's magnitude it is the minimal detectable lift.
    """
    return detectable_by(boundary.multiplier(pace * floats(users)), divide(variance, users), power)


def detectable_by(multiplier: Floats, variance: Floats, power: float = POWER) -> Floats:
    """The same for any multiplier and the difference's variance: (c + z_power) sqrt(V)."""
    return floats((multiplier + ndtri(power)) * np.sqrt(variance))


def planned_users(alpha: float, effect: Floats, variance: Floats, power: float = POWER) -> Floats:
    """The users to plan for an effect: those that find it when the boundary is tuned to themselves.

    At its planned users a boundary's multiplier depends on alpha only, so n = s (c + z_power)² / d².
    """
    at_plan = Boundary.tuned(alpha, 1.0).multiplier(np.ones(()))
    return divide(variance * (at_plan + ndtri(power)) ** 2, floats(effect) ** 2)


def seconds(users: Floats, rates: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The time for so many users, as a range from two arrival rates (users a second): shortest, longest.

    NaN where nobody arrives and somebody has to.
    """
    waits = [np.where((rate > 0) | (users == 0), divide(users, rate), np.nan) for rate in rates]
    unknown = np.isnan(waits[0]) & np.isnan(waits[1])
    shortest = np.where(unknown, np.nan, np.fmin(waits[0], waits[1]))
    longest = np.maximum(waits[0], waits[1])
    return shortest, longest
