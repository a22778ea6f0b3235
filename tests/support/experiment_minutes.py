"""An experiment of two arms minute by minute, by chance, and its sums at any looks."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from declared import read, with_line
from tidemark.experiments.look import MINUTE, Looks, floor
from tidemark.experiments.question import start_of
from tidemark.experiments.sums import Sums
from tidemark.stats.array import Floats
from tidemark.stats.moments import Moments

PLAIN = with_line("covariate: {days: 14}\n", "")
PHASES = "phases:\n  - {start: 2026-11-10, weights: {control: 3, green: 1}}\n"
STEADY = read(PLAIN.replace(PHASES, ""))
"""The small experiment without a covariate, and with the same weights all the time."""
FIRST = floor(start_of(STEADY))
ARMS = ("control", "green")


@dataclass(frozen=True)
class Minutes:
    """Increments by arm and minute: users, buyers (each once), what they pay and its square."""

    users: Floats
    buyers: Floats
    paid: Floats
    squares: Floats

    @classmethod
    def drawn(cls, seed: int, count: int, recruiting: int, rates: tuple[float, float], users: float) -> Self:
        """Users come for so many minutes, on average so many a minute and arm, and buy within an hour."""
        random = np.random.default_rng(seed)
        came = random.poisson(users, (2, count)) * (np.arange(count) < recruiting)
        bought = np.zeros((2, count))
        paid, squares = np.zeros((2, count)), np.zeros((2, count))
        for arm in range(2):
            at = np.repeat(np.arange(count), came[arm])
            at = at[random.random(len(at)) < rates[arm]]
            at = at + random.exponential(60, len(at)).astype(int)
            at = at[at < count]
            worth = random.lognormal(3, 1, len(at))
            np.add.at(bought[arm], at, 1)
            np.add.at(paid[arm], at, worth)
            np.add.at(squares[arm], at, worth * worth)
        return cls(came.astype(float), bought, paid, squares)

    def sums(self, looks: Looks) -> Sums:
        """Of purchase and revenue; looks after the last minute see all."""
        count = self.users.shape[1]
        places = [min((end - FIRST) // MINUTE, count) for end in looks.ends]

        def at(increments: Floats) -> dict[str, Floats]:
            whole = np.concatenate([np.zeros((2, 1)), np.cumsum(increments, axis=-1)], axis=-1)
            return {name: whole[None, arm, places] for arm, name in enumerate(ARMS)}

        n, x, paid, squares = (at(one) for one in (self.users, self.buyers, self.paid, self.squares))
        moments = {}
        for arm in ARMS:
            moments["purchase", arm] = Moments(n=n[arm], x=x[arm], dxx=x[arm] * (n[arm] - x[arm]))
            spread = n[arm] * squares[arm] - paid[arm] * paid[arm]
            moments["revenue", arm] = Moments(n=n[arm], x=paid[arm], dxx=spread)
        active = {(metric, arm): x[arm] for metric in ("purchase", "revenue") for arm in ARMS}
        return Sums(looks, ((),), n, moments, active)
