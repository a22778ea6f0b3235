"""Conditions: a small typed expression over the columns of a rule's answer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[np.generic]]
"""By name (``SPEND``, ``previous.SPEND``, ``verdict``) a value a series; NaN or '' where there is none."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Arrays of one element a series.

    Attributes:
        holds: whether the condition holds; False where it is unknown.
        known: whether all values that decide it are there.
        value: the left side of its comparison; NaN where there is no single one.
    """

    holds: NDArray[np.bool_]
    known: NDArray[np.bool_]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Expression:
    """One that was read and checked.

    Attributes:
        text: as written.
        names: the columns that it needs.
        threshold: the number that its one comparison compares with; None where there is no single one.
    """

    text: str
    names: frozenset[str]
    threshold: float | None

    def evaluate(self, columns: Columns) -> Truth:
        """Whether it holds, for every series at once."""
        raise NotImplementedError
