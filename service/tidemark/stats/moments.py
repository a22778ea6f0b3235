"""User-level moments of an arm: from exact sums to variances and covariances, without cancellation.

A user's x is what the metric's numerator adds up to for that user, y the denominator (ratio metrics), k the
covariate of the time before the first exposure. The sums are over users: x, xx = sum of squares, xy = sum of
products, and so on. The variance is (n xx - x x) / (n (n - 1)): with money in millionths x goes to 1e18 and
xx to 1e38, and in float64 that difference may lose every digit. It is therefore formed in integers, here or
of digits in ``wide``, and only then becomes a float64, good to its last digit.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidemark.stats.array import Floats, floats

Exact = ArrayLike | Decimal | Fraction
"""A sum, or arrays of sums, that nothing has rounded."""
SAFE = 2.0**62
"""Below it sums and differences of two int64 cannot wrap."""


def _none() -> Floats:
    return np.zeros(())


def _number(value: object) -> int | Fraction:
    """A number for exactly what it is: Decimal rounds products to 28 digits, and float to 16."""
    match value:
        case int() | np.integer():
            return int(value)
        case float() | Decimal() | Fraction():
            exact = Fraction(value)
            return exact.numerator if exact.denominator == 1 else exact
    raise TypeError(f"a sum is {value!r}, must be an int, Decimal, Fraction or float")


def exact(values: Exact) -> NDArray[Any]:
    """Values as integers that cannot round: int64 as they are, all else as Python's numbers.

    Raises:
        TypeError: if one of them is no number.
    """
    array = np.asarray(values)
    if array.dtype.kind == "f" and not isinstance(values, np.ndarray):
        # numpy makes floats of a list of integers when only some of them fit int64
        array = np.asarray(values, dtype=object)
    if array.dtype.kind == "i" or (array.dtype.kind == "u" and array.dtype.itemsize < 8):  # noqa: PLR2004
        return array.astype(np.int64, copy=False)
    return np.asarray(np.frompyfunc(_number, 1, 1)(array), dtype=object)


def largest(values: NDArray[Any]) -> float:
    """The largest magnitude, 0 without any."""
    return float(max(abs(int(values.max())), abs(int(values.min())))) if values.size else 0.0


def prefix_sums(increments: Exact, axis: int = -1) -> NDArray[Any]:
    """Running totals of minutes' increments, exact.

    They are int64 where the total provably fits, else of Python. From increments of moments (users, x,
    xx, …) these are the sums of everybody so far.

    Raises:
        TypeError: if an increment is no number.
    """
    steps = exact(increments)
    if steps.dtype != object and largest(steps) * steps.shape[axis] >= SAFE:
        steps = steps.astype(object)
    sums: NDArray[Any] = np.add.accumulate(steps, axis=axis)
    return sums


def centred(n: Exact, one: Exact, other: Exact, product: Exact) -> Floats:
    """``n product - one other``, formed in integers and rounded once.

    With one = other = x and product = xx it is n (n - 1) times the variance of x.

    Raises:
        TypeError: if one of the sums is no number.
    """
    users, products, ones = exact(n), exact(product), exact(one)
    others = ones if other is one else exact(other)
    return floats(_product(users, products) - _product(ones, others))


def _product(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """In int64 where it provably fits, else in Python's numbers."""
    if object in (one.dtype, other.dtype) or not _fits(one, other):
        one, other = one.astype(object), other.astype(object)
    # a product of 0 axes leaves the array world, where int64 and larger integers do not mix
    return np.asarray(one * other, dtype=one.dtype)


def _fits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    size = largest(one)
    return size * (size if other is one else largest(other)) < SAFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """One arm's moments, of any one shape (or shapes that broadcast), such as slices by minutes.

    Attributes:
        n: Users.
        x: Sum of the numerator over users, in the metric's unit.
        dxx: n xx - x x; ``dyy`` and ``dkk`` likewise.
        y: Sum of the denominator, 0 for metrics without one.
        dxy: n xy - x y.
        k: Sum of the covariate, 0 without one.
        dxk: n xk - x k; ``dyk`` likewise.
    """

    n: Floats
    x: Floats
    dxx: Floats
    y: Floats = field(default_factory=_none)
    dyy: Floats = field(default_factory=_none)
    dxy: Floats = field(default_factory=_none)
    k: Floats = field(default_factory=_none)
    dkk: Floats = field(default_factory=_none)
    dxk: Floats = field(default_factory=_none)
    dyk: Floats = field(default_factory=_none)

    @classmethod
    def exact(
        cls,
        *,
        n: Exact,
        x: Exact,
        xx: Exact,
        y: Exact | None = None,
        yy: Exact | None = None,
        xy: Exact | None = None,
        k: Exact | None = None,
        kk: Exact | None = None,
        xk: Exact | None = None,
        yk: Exact | None = None,
    ) -> Self:
        """From exact sums: Python integers, int64, Decimal, Fraction or object arrays of them, any shape.

        What is not given is 0: y without a denominator, k without a covariate.

        Raises:
            TypeError: if a sum is no number.
        """
        parts = {
            "dxx": (x, x, xx),
            "dyy": (y, y, yy),
            "dxy": (x, y, xy),
            "dkk": (k, k, kk),
            "dxk": (x, k, xk),
            "dyk": (y, k, yk),
        }
        sums = {name: floats(exact(one)) for name, one in (("y", y), ("k", k)) if one is not None}
        products = {
            name: centred(n, one, other, product)
            for name, (one, other, product) in parts.items()
            if one is not None and other is not None and product is not None
        }
        return cls(n=floats(exact(n)), x=floats(exact(x)), **sums, **products)

    def scaled(self, *, x: float = 1.0, y: float = 1.0, k: float = 1.0) -> "Moments":
        """The same in other units: what 1 of x, y and k is worth, 1e-6 for sums in millionths."""
        return Moments(
            n=self.n,
            x=self.x * x,
            dxx=self.dxx * (x * x),
            y=self.y * y,
            dyy=self.dyy * (y * y),
            dxy=self.dxy * (x * y),
            k=self.k * k,
            dkk=self.dkk * (k * k),
            dxk=self.dxk * (x * k),
            dyk=self.dyk * (y * k),
        )

    def mean(self, total: Floats) -> Floats:
        """A sum (``x``, ``y``, ``k``) a user; 0 without users."""
        average: Floats = total / np.maximum(self.n, 1.0)
        return average

    def covariance(self, product: Floats, freedom: int = 1) -> Floats:
        """A variance or covariance of users from ``dxx``, ``dxy``, …; 0 where there are not enough users.

        ``freedom`` 1 divides by n - 1 (a sample), 0 by n (a proportion's p (1 - p)).
        """
        spread: Floats = product / np.maximum(self.n * (self.n - freedom), 1.0)
        return spread
