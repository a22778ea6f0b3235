"""Streams of users without and with an effect, as the job would sum them up: paths by looks.

All are drawn from a generator that is passed in. What is drawn a look is the increment, so a path's sums grow
as they would in the product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemark.stats.array import Floats
from tidemark.stats.moments import Moments

DELAY = 1 / 3
"""The mean delay from exposure to an order, in windows; exponential, and cut off at the window."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of all paths, so far, at each look.

    Attributes:
        orders: x is 1 for a user who bought, of shape (paths, looks).
        revenue: x is a user's revenue up to the cap, y the number of orders.
        buyers: Users who bought.
    """

    orders: Moments
    revenue: Moments
    buyers: Floats


def proportion_of(n: Floats, buyers: Floats) -> Moments:
    """Of users of whom so many bought."""
    return Moments(n=n, x=buyers, dxx=buyers * (n - buyers))


def at_once(
    random: np.random.Generator, shape: tuple[int, ...], users: int | NDArray[np.int64], rate: float | Floats
) -> Moments:
    """A proportion of an arm whose users are complete when seen: so many more a look, the last axis.

    ``users`` and ``rate`` broadcast against the shape.
    """
    buyers = np.cumsum(random.binomial(users, rate, shape), axis=-1)
    n = np.broadcast_to(np.arange(1.0, shape[-1] + 1) * users, shape)
    return proportion_of(n, buyers.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Mailing:
    """All users are there at once, such as from an e-mail, and buy once within the window, at the rate.

    Looks are a part of those of each minute, at growing distances, so that each can only find more.
    """

    users: int
    rate: float
    window: int
    looks: int

    def drawn(self, random: np.random.Generator, paths: int) -> tuple[Moments, Moments]:
        """Control and treatment, no effect."""
        minutes = np.unique(np.round(np.geomspace(1, self.window, self.looks)))
        shares = np.diff(1 - np.exp(-np.r_[0, minutes] / self.window / DELAY))
        shares /= shares.sum()
        n = self.users // 2
        one, other = (
            np.cumsum(random.multinomial(random.binomial(n, self.rate, paths), shares), axis=-1)
            for _ in range(2)
        )
        people = np.full(one.shape, float(n))
        return proportion_of(people, one.astype(np.float64)), proportion_of(people, other.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Shop:
    """Users who buy later, again, and some of them much.

    Of a user's orders the rate is Gamma(``shape``) around ``orders``, so most buy nothing and some often; an
    order's value is lognormal around 50; one in twenty is refunded as much later again.

    Attributes:
        recruiting: Minutes in which users arrive.
        looks: Minutes in all, a look each.
        users: Expected users of both arms.
        treated: The treatment's share of them.
        window: Minutes in which a user's orders count.
        orders: Orders a user, on average, before the window cuts some off.
        shape: Of the Gamma: the less, the more users differ.
        spread: Standard deviation of an order's logarithm.
        refunds: The share of orders that are refunded.
        cap: The most that a user's revenue counts for.
    """

    recruiting: int
    looks: int
    users: int = 20_000
    treated: float = 0.5
    window: int = 1_440
    orders: float = 0.3
    shape: float = 0.3
    spread: float = 1.2
    refunds: float = 0.05
    cap: float = 1_000.0

    def drawn(self, random: np.random.Generator, paths: int) -> tuple[Arm, Arm]:
        """Control and treatment, no effect."""
        return self._arm(random, paths, 1 - self.treated), self._arm(random, paths, self.treated)

    def _arm(self, random: np.random.Generator, paths: int, share: float) -> Arm:
        arrivals = np.zeros((paths, self.looks), dtype=np.int64)
        arrivals[:, : self.recruiting] = random.poisson(
            self.users * share / self.recruiting, (paths, self.recruiting)
        )
        place = np.repeat(np.arange(arrivals.size), arrivals.ravel())
        many = random.negative_binomial(self.shape, self.shape / (self.shape + self.orders), len(place))
        user = np.repeat(np.arange(len(place)), many)
        delay = random.exponential(self.window * DELAY, len(user))
        value = 50 * np.exp(random.normal(-(self.spread**2) / 2, self.spread, len(user)))
        back = np.flatnonzero(random.random(len(user)) < self.refunds)
        later = delay[back] + random.exponential(self.window * DELAY, len(back))
        user = np.concatenate([user, user[back]])
        delay = np.concatenate([delay, later])
        values: Floats = np.concatenate([value, -value[back]])
        bought: Floats = np.concatenate([np.ones(len(user) - len(back)), np.zeros(len(back))])
        minute = place[user] % self.looks + np.ceil(delay)
        seen = np.flatnonzero((delay < self.window) & (minute < self.looks))
        seen = seen[np.argsort(user[seen] + delay[seen] / (self.window + 1))]
        user = user[seen]
        where = place[user] // self.looks * self.looks + minute[seen].astype(np.int64)
        first = np.r_[True, user[1:] != user[:-1]]
        steps = _steps(first, values[seen], bought[seen], self.cap)

        def so_far(step: Floats) -> Floats:
            return np.cumsum(
                np.bincount(where, step, arrivals.size).reshape(arrivals.shape), axis=-1, dtype=np.float64
            )

        n = np.cumsum(arrivals, axis=-1).astype(np.float64)
        x, xx, y, yy, xy = (so_far(step) for step in steps)
        buyers = so_far(first.astype(np.float64))
        return Arm(
            orders=proportion_of(n, buyers),
            revenue=Moments(n=n, x=x, dxx=n * xx - x * x, y=y, dyy=n * yy - y * y, dxy=n * xy - x * y),
            buyers=buyers,
        )


def _steps(first: NDArray[np.bool_], value: Floats, bought: Floats, cap: float) -> Iterator[Floats]:
    """What each event adds to x, xx, y, yy and xy; events are sorted by user and time."""

    def of_user(values: Floats) -> tuple[Floats, Floats]:
        """A user's sum with this event, and before it."""
        whole = np.cumsum(values)
        start = np.maximum.accumulate(np.where(first, np.arange(len(values)), 0))
        before = (whole - values)[start]
        return whole - before, np.where(first, 0.0, whole - values - before)

    x, x_before = (np.minimum(one, cap) for one in of_user(value))
    y, y_before = of_user(bought)
    yield x - x_before
    yield x * x - x_before * x_before
    yield y - y_before
    yield y * y - y_before * y_before
    yield x * y - x_before * y_before
