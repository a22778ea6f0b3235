"""The one multiplier: how many standard errors away from 0 an effect must be, however often one looks.

The two-sided normal mixture (Robbins 1970, "Statistical methods related to the law of the iterated
logarithm"; Howard et al. 2021, eq. 14; for estimates that are only asymptotically normal Waudby-Smith,
Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory"): under "no effect"

    e(z, v) = sqrt(R / (v + R)) exp(z² v / (2 (v + R)))

is the wealth of a fair game, z being the effect in standard errors at the clock's time v. It ever passes
1/alpha with a probability of at most alpha. So 1/e is a p-value at any time, and the effect is away from 0
where |z| > c(v), c² = (1 + R/v) (log(1 + v/R) + 2 log(1/alpha)).

R, the mixture, says when c is least. It is tuned to the planned users and frozen at the start: chosen after
seeing data it would void the guarantee. All is computed in logarithms.
"""

from dataclasses import dataclass
from math import log, log1p
from typing import Self

import numpy as np
from scipy.special import erfcx, log_ndtr

from tidemark.stats.array import Floats

START = 1e-12
"""The clock's least time, in mixtures: before it nobody was there, and c would be infinite."""
FAR = 1e100
"""Standard errors beyond which the square would overflow."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A boundary that is fixed for an experiment.

    Attributes:
        alpha: The probability of ever crossing it without an effect, in (0, 1).
        mixture: R, in units of the clock.
    """

    alpha: float
    mixture: float

    def __post_init__(self) -> None:
        """Refuse what is no boundary.

        Raises:
            ValueError: if alpha or the mixture is out of its range.
        """
        _check(self.alpha)
        if not 0 < self.mixture < np.inf:
            raise ValueError(f"mixture is {self.mixture!r}, must be positive: tune it to the planned users")

    @classmethod
    def tuned(cls, alpha: float, planned: float) -> Self:
        """The boundary whose multiplier is least near ``planned`` (of the two arms, in the clock's units).

        R = planned / (2 log(1/alpha) + log(1 + 2 log(1/alpha))), Howard et al. 2021, section 3.5. The exact
        optimum, by Lambert's W, is 3 % smaller and its multiplier less than 1e-4 of itself.

        Raises:
            ValueError: if alpha or planned is out of its range.
        """
        _check(alpha)
        return cls(alpha, planned / (-2 * log(alpha) + log1p(-2 * log(alpha))))

    def look(self, z: Floats, clock: Floats) -> tuple[Floats, Floats]:
        """The multiplier, and the logarithm of the e-value of an effect z standard errors away, broadcast.

        The multiplier is finite at the clock's time 0 as well; the e-value is least where z is 0.
        """
        passed = self._passed(clock)
        whole = 1 + passed
        # a third of log1p's time; beside log(1/alpha) a small time needs no more digits
        waited: Floats = np.log(whole)
        capped = np.clip(z, -FAR, FAR)
        multiplier: Floats = np.sqrt((waited - 2 * log(self.alpha)) * whole / passed)
        log_e: Floats = 0.5 * (capped * capped * passed / whole - waited)
        return multiplier, log_e

    def multiplier(self, clock: Floats) -> Floats:
        """C, in standard errors, at each of the clock's times."""
        return self.look(np.zeros(()), clock)[0]

    def log_e(self, z: Floats, clock: Floats) -> Floats:
        """The logarithm of the e-value, two-sided."""
        return self.look(z, clock)[1]

    def log_e_one_sided(self, z: Floats, clock: Floats) -> Floats:
        """The logarithm of the e-value against "not above 0": only positive z speak.

        The mixture is the upper half of the normal one (Howard et al. 2021, prop. 6):
        log 2 - log(1 + v/R) / 2 + u²/2 + log Phi(u) with u = z sqrt(v / (v + R)).
        """
        passed = self._passed(clock)
        u = np.clip(z, -FAR, FAR) * np.sqrt(passed / (1 + passed))
        # each form where it neither cancels nor overflows
        above = np.maximum(u, 0.0)
        tail = np.where(
            u > 0,
            0.5 * above * above + log_ndtr(above),
            np.log(0.5 * erfcx(-np.minimum(u, 0.0) / np.sqrt(2.0))),
        )
        evidence: Floats = log(2.0) - 0.5 * np.log1p(passed) + tail
        return evidence

    def _passed(self, clock: Floats) -> Floats:
        """V/R."""
        return np.maximum(clock / self.mixture, START)


def _check(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha!r}, must be between 0 and 1, such as 0.05")
