"""Whole numbers that no machine word holds, in arrays: their running totals and centred products, exact.

Sums of squares of money in millionths go to 1e38, their products with users beyond: neither int64 nor float64
holds them, and Python's numbers cost a call each. A number is here a row of digits to the base 2²⁶ (Knuth,
"The Art of Computer Programming", vol. 2, section 4.3.1), so that products of digits, and sums of many, fit
int64. Only the end is rounded, once and to the nearest: what ``float`` makes of Python's integer.
"""

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tidemark.stats.array import Floats

BITS = 26
INT128 = np.dtype([("low", "<u8"), ("high", "<i8")])
"""An integer of 128 bits as ClickHouse writes it."""
Words = NDArray[np.int64]

_BASE, _MASK = 1 << BITS, (1 << BITS) - 1
_PAIR = 2.0 ** (2 * BITS)


@dataclass(frozen=True, slots=True)
class Wide:
    """Integers of one shape.

    Attributes:
        digits: From the lowest on, arrays of that shape: each in [0, 2²⁶), the last one signed.
    """

    digits: tuple[Words, ...]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """From integers of 64 bits, or of 128 as ``INT128``; with no more digits than these need."""
        if values.dtype == INT128:
            low, high = values["low"], values["high"]
            joined = (low >> np.uint64(2 * BITS)).astype(np.int64) | (high << 12)
            rest = [joined & _MASK, (high >> 14) & _MASK, high >> 40]
        else:
            low = values = values.astype(np.int64, copy=False)
            rest = [values >> 2 * BITS]
        first = low.astype(np.int64) & _MASK if low.dtype == np.uint64 else low & _MASK
        second = (low >> low.dtype.type(BITS)).astype(np.int64) & _MASK
        return cls(_short([first, second, *rest]))

    def placed(self, places: tuple[NDArray[np.intp], ...], shape: tuple[int, ...]) -> "Wide":
        """The same numbers at places of a larger array, each its own; 0 elsewhere."""
        wholes = []
        for digit in self.digits:
            whole = np.zeros(shape, np.int64)
            whole[places] = digit
            wholes.append(whole)
        return Wide(tuple(wholes))

    def totals(self) -> "Wide":
        """Running totals over the last axis, of at most 2³⁶ numbers."""
        return Wide(_carried([np.cumsum(digit, axis=-1) for digit in self.digits]))

    def floats(self) -> Floats:
        """The nearest float64, ties to even."""
        return _floats(self.digits)


def centred(n: Wide, one: Wide, other: Wide, product: Wide) -> Floats:
    """``n product - one other`` of one shape, rounded once."""
    both = zip_longest(_product(n, product), _product(one, other), fillvalue=0)
    return _floats(_carried([above - below for above, below in both]))


def _product(one: Wide, other: Wide) -> list[Any]:
    """Sums of products of digits; those of ten digits at most stay below 2⁵⁷."""
    found: list[Any] = [0] * (len(one.digits) + len(other.digits) - 1)
    for place, digit in enumerate(one.digits):
        for further, value in enumerate(other.digits):
            found[place + further] = found[place + further] + digit * value
    return found


def _carried(digits: list[Any]) -> tuple[Words, ...]:
    """Sums and products of digits, each below 2⁶² in size, as digits again."""
    carry: Any = 0
    done = []
    for digit in digits:
        full = digit + carry
        done.append(full & _MASK)
        carry = full >> BITS
    # what is carried out of the last digit has at most 36 bits
    return _short([*done, carry & _MASK, carry >> BITS])


def _short(digits: list[Any]) -> tuple[Words, ...]:
    """Without digits that say no more than the sign."""
    while len(digits) > 1 and digits[-1].min(initial=0) >= -1 and digits[-1].max(initial=-1) <= 0:
        sign = digits.pop()
        digits[-1] = digits[-1] + (sign << BITS)
    return tuple(digits)


def _floats(digits: tuple[Words, ...]) -> Floats:
    if len(digits) <= 2:  # noqa: PLR2004 - these have 53 bits, which are exact
        return _pair(digits, 0)
    sign = digits[-1] >> 63 | 1
    if sign.min(initial=1) < 0:
        digits = _carried([digit * sign for digit in digits])
    # each pair is exact, and 0 or greater than all below it together
    pairs = [_pair(digits[place : place + 2], place // 2) for place in range(0, len(digits), 2)]
    total, error = _two_sum(pairs.pop(), pairs.pop())
    while pairs:
        total, error = _two_sum(total, _odd(error, pairs.pop()))
    return total * sign


def _pair(digits: tuple[Words, ...], place: int) -> Floats:
    """One or two digits as a float64, which holds them exactly."""
    value = digits[0] if len(digits) == 1 else digits[0] + (digits[1] << BITS)
    scaled: Floats = value.astype(np.float64) * _PAIR**place
    return scaled


def _two_sum(large: Floats, small: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and what rounding took (Dekker 1971), for a large that is greater, or 0."""
    total = large + small
    return total, small - (total - large)


def _odd(large: Floats, small: Floats) -> Floats:
    """The sum rounded to odd: what is rounded once more afterwards is as if rounded once.

    Boldo and Melquiond 2008, "Emulation of a FMA and correctly rounded sums".
    """
    total, error = _two_sum(large, small)
    bits = total.view(np.int64)
    # one step away from or towards 0, where the sum is not exact and its last bit is even
    step = np.where((error > 0) == (total > 0), 1, -1)
    moved: Floats = np.where((error != 0) & (bits & 1 == 0), bits + step, bits).view(np.float64)
    return moved
