"""Conditions: a small typed expression over the columns of a rule's answer; ``grammar`` reads its text."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemark.alerts.term import (
    Arithmetic,
    Both,
    Column,
    Columns,
    Comparison,
    Condition,
    Constant,
    Either,
    Match,
    Not,
    Number,
)

__all__ = ["Columns", "Expression", "Truth", "is_open"]

_TURNED = {"<": ">", "<=": ">="}


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
        text: as written, with single blanks.
        names: the columns that it needs.
        condition: its parts.
    """

    text: str
    names: frozenset[str]
    condition: Condition

    @property
    def measured(self) -> Number | None:
        """What its one comparison of numbers compares; None where there is no single one."""
        found = _only(self.condition)
        if found is None:
            return None
        return found.right if isinstance(found.left, Constant) else found.left

    @property
    def threshold(self) -> float | None:
        """The number that its one comparison compares with; None where there is no single one."""
        found = _only(self.condition)
        if found is None:
            return None
        sides = [side.number for side in (found.left, found.right) if isinstance(side, Constant)]
        return sides[0] if sides else None

    def evaluate(self, columns: Columns) -> Truth:
        """Whether it holds, for every series at once.

        Args:
            columns: those of ``names`` at least, of equal length.

        Raises:
            KeyError: a column is missing.
        """
        with np.errstate(all="ignore"):  # beyond what a float can hold is infinity, without a warning
            found = self.condition.judge(columns)
            measured = self.measured
            value = np.full(len(found.holds), np.nan) if measured is None else measured.values(columns)
        return Truth(found.holds, found.holds | found.fails, value)


def _only(condition: Condition) -> Comparison | None:
    while isinstance(condition, Not):
        condition = condition.condition
    return condition if isinstance(condition, Comparison) else None


def overlap(one: Expression, other: Expression) -> float | None:
    """A number at which both hold, where each compares the same column with a number; else None."""
    measured, bounds = one.measured, [each.threshold for each in (one, other)]
    if not isinstance(measured, Column) or measured != other.measured or None in bounds:
        return None
    # one of each stretch that the two bounds make, and the bounds
    ends = np.array(bounds, np.float64)
    points = np.concatenate([ends, [ends.mean()], np.nextafter(ends, -np.inf), np.nextafter(ends, np.inf)])
    columns = {measured.name: points}
    both = points[one.evaluate(columns).holds & other.evaluate(columns).holds]
    return float(both[0]) if both.size else None


def is_open(expression: Expression, growing: AbstractSet[str], fixed: AbstractSet[str] = frozenset()) -> bool:
    """Whether more data cannot take it back, so that it may be judged on a window that is still filling.

    So it is where every comparison is of what grows with more than what stays, ``SPEND > 500`` or
    ``SPEND > 2 * budget``, joined by ``and`` and ``or``.

    Args:
        expression: the condition.
        growing: columns that are 0 or more and only grow while a window fills: sums of counts and of cost.
        fixed: columns that are 0 or more and stay as they are, such as ``budget``.
    """
    return _stays(expression.condition, growing, fixed)


def _stays(condition: Condition, growing: AbstractSet[str], fixed: AbstractSet[str]) -> bool:
    match condition:
        case Both(left, right) | Either(left, right):
            return _stays(left, growing, fixed) and _stays(right, growing, fixed)
        case Comparison(">" | ">=", left, right):
            return _grows(left, growing | fixed) and _grows(right, fixed)
        case Comparison("<" | "<=" as sign, left, right):
            return _stays(Comparison(_TURNED[sign], right, left), growing, fixed)
        case Comparison() | Match() | Not():
            return False


def _grows(number: Number, growing: AbstractSet[str]) -> bool:
    """Whether it is 0 or more, and not less when these columns are greater."""
    match number:
        case Constant(value):
            return value >= 0
        case Column(name):
            return name in growing
        case Arithmetic("+" | "*", left, right):
            return _grows(left, growing) and _grows(right, growing)
        case Arithmetic("/", left, Constant(divisor)):
            return divisor > 0 and _grows(left, growing)
        case Arithmetic():
            return False
