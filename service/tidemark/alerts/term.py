"""The parts of a condition, each evaluated for every series at once.

Logic has three values as in SQL (Kleene): what is compared with a value that is not there is unknown,
``false and unknown`` is false, ``true and unknown`` unknown. NaN stands for a number that is not there, an
empty word for none. Infinity is a number: a bound that is not known yet.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[np.generic]]
"""By name (``SPEND``, ``previous.SPEND``, ``verdict``) a value a series; NaN or '' where there is none."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Compare = Callable[[Floats, Floats], Flags]
COMPARISONS: Mapping[str, Compare] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _quotient(above: Floats, below: Floats) -> Floats:
    """Not there where it would be divided by zero."""
    return np.where(below == 0, np.nan, above / np.where(below == 0, 1.0, below))


ARITHMETIC: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
}


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that stands in the rule, finite."""

    number: float

    def values(self, _columns: Columns) -> Floats:
        """Of shape (), whatever the series."""
        return np.float64(self.number)  # type: ignore[return-value] # numpy broadcasts it as an array


@dataclass(frozen=True, slots=True)
class Column:
    """A number of each series."""

    name: str

    def values(self, columns: Columns) -> Floats:
        """Of shape (series,)."""
        return np.asarray(columns[self.name], np.float64)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers and one of ``+ - * /``."""

    sign: str
    left: "Number"
    right: "Number"

    def values(self, columns: Columns) -> Floats:
        """Of the shape of its operands."""
        return ARITHMETIC[self.sign](self.left.values(columns), self.right.values(columns))


Number = Constant | Column | Arithmetic


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of each series; unknown where neither is set, never both.

    Attributes:
        holds: where it is true.
        fails: where it is false.
    """

    holds: Flags
    fails: Flags


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two numbers, one of which at least is no constant."""

    sign: str
    left: Number
    right: Number

    def judge(self, columns: Columns) -> Verdicts:
        """Unknown where one of the numbers is not there."""
        left, right = self.left.values(columns), self.right.values(columns)
        known = ~(np.isnan(left) | np.isnan(right))
        holds = COMPARISONS[self.sign](left, right)
        return Verdicts(known & holds, known & ~holds)


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a column holds a word, or another one."""

    name: str
    word: str
    is_negated: bool

    def judge(self, columns: Columns) -> Verdicts:
        """Unknown where the column holds nothing."""
        words = np.asarray(columns[self.name], np.str_)
        known, holds = words != "", (words == self.word) != self.is_negated
        return Verdicts(known & holds, known & ~holds)


@dataclass(frozen=True, slots=True)
class Both:
    """``and``."""

    left: "Condition"
    right: "Condition"

    def judge(self, columns: Columns) -> Verdicts:
        """False where one of them is, whatever the other."""
        left, right = self.left.judge(columns), self.right.judge(columns)
        return Verdicts(left.holds & right.holds, left.fails | right.fails)


@dataclass(frozen=True, slots=True)
class Either:
    """``or``."""

    left: "Condition"
    right: "Condition"

    def judge(self, columns: Columns) -> Verdicts:
        """True where one of them is, whatever the other."""
        left, right = self.left.judge(columns), self.right.judge(columns)
        return Verdicts(left.holds | right.holds, left.fails & right.fails)


@dataclass(frozen=True, slots=True)
class Not:
    """``not``; of what is unknown the contrary is unknown, too."""

    condition: "Condition"

    def judge(self, columns: Columns) -> Verdicts:
        """The two exchanged."""
        found = self.condition.judge(columns)
        return Verdicts(found.fails, found.holds)


Condition = Comparison | Match | Both | Either | Not
