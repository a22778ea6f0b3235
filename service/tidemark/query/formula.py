"""A metric as arithmetic: a quotient of products of sums, exact until its last division."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import mul

MICROS = 1_000_000


class Measure(StrEnum):
    """What can be aggregated over events: columns that are summed, and distinct users."""

    QUANTITY = "quantity"
    EVENTS = "events"
    VALUE_MICROS = "value_micros"
    COST_MICROS = "cost_micros"
    USERS = "users"  # distinct, not summed; only raw events know them

    @property
    def is_money(self) -> bool:
        """Whether it counts millionths of the currency."""
        return self in (Measure.VALUE_MICROS, Measure.COST_MICROS)


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of ``measure`` over the events called ``event``, over all events where that is None."""

    measure: Measure
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Formula:
    """``factor * product(numerator) / (divisor * product(denominator))``.

    It is null where one of ``nonzero`` is 0.
    """

    numerator: tuple[Sum, ...]
    denominator: tuple[Sum, ...] = ()
    nonzero: tuple[Sum, ...] = ()
    factor: int = 1
    divisor: int = 1

    @property
    def sums(self) -> tuple[Sum, ...]:
        """Every sum it needs, once."""
        return tuple(dict.fromkeys((*self.numerator, *self.denominator, *self.nonzero)))

    @property
    def is_plain(self) -> bool:
        """Whether it is one sum as it is, a whole number."""
        return not self.denominator and self.factor == self.divisor == len(self.numerator) == 1

    @property
    def is_share(self) -> bool:
        """Whether it is one count over another, so that it may be a share of trials."""
        return (
            len(self.numerator) == len(self.denominator) == self.factor == self.divisor == 1
            and not self.numerator[0].measure.is_money
            and not self.denominator[0].measure.is_money
        )

    def values(self, sums: Mapping[Sum, Sequence[int]]) -> list[int | float | None]:
        """Its value for each row of ``sums`` (columns of equal length).

        Integers up to one correctly rounded division at the end, so neither order nor size of the sums shows.
        """
        if self.is_plain:
            return list(sums[self.numerator[0]])
        ups = _products(self.factor, [sums[one] for one in self.numerator])
        if not self.nonzero:
            return _quotients(ups, [self.divisor] * len(ups))
        downs = _products(self.divisor, [sums[one] for one in self.denominator])
        guards = _products(1, [sums[one] for one in self.nonzero])
        return _quotients(ups, [down if guard else 0 for down, guard in zip(downs, guards, strict=True)])

    def sql(self, names: Mapping[Sum, str], *, as_float: bool = False) -> str:
        """The same as an expression over the aliases of its sums, to order and choose rows by.

        A quotient is a Float64 of the two products; they are exact to 256 bits, and so is the quotient's
        order but for
        those that are equal as Float64. A plain sum stays a whole number unless it is to be ``as_float``.
        """
        if self.is_plain:
            plain = names[self.numerator[0]]
            return f"toFloat64({plain})" if as_float else plain
        up = _product_sql(self.factor, [names[one] for one in self.numerator])
        down = _product_sql(self.divisor, [names[one] for one in self.denominator])
        value = f"toFloat64({up}) / toFloat64({down})"
        if not self.nonzero:
            return value
        return f"if({' OR '.join(f'{names[one]} = 0' for one in self.nonzero)}, NULL, {value})"


def _product_sql(factor: int, names: Sequence[str]) -> str:
    if factor == len(names) == 1:
        return names[0]
    return " * ".join([f"toInt256({factor})", *names])


def total(measure: Measure, event: str | None) -> Formula:
    """The formula of a plain sum, in currency units where it sums money."""
    return Formula(numerator=(Sum(measure, event),), divisor=MICROS if measure.is_money else 1)


def ratio(above: Formula, below: Formula, scale: int) -> Formula:
    """``scale * above / below``, reduced; null where ``below`` is 0 or either of them is null."""
    factor, divisor = above.factor * below.divisor * scale, above.divisor * below.factor
    common = math.gcd(factor, divisor)
    return Formula(
        numerator=above.numerator + below.denominator,
        denominator=above.denominator + below.numerator,
        nonzero=tuple(dict.fromkeys((*above.nonzero, *below.numerator, *below.nonzero))),
        factor=factor // common,
        divisor=divisor // common,
    )


def _products(factor: int, columns: Sequence[Sequence[int]]) -> Sequence[int]:
    """``factor`` times the columns (at least one), row by row."""
    product = columns[0] if factor == 1 else [factor * value for value in columns[0]]
    for column in columns[1:]:
        product = list(map(mul, product, column))
    return product


def _quotients(ups: Sequence[int], downs: Sequence[int]) -> list[int | float | None]:
    try:
        return [up / down if down else None for up, down in zip(ups, downs, strict=True)]
    except OverflowError:  # beyond what a float can hold; infinity never leaves
        return [_quotient(up, down) for up, down in zip(ups, downs, strict=True)]


def _quotient(up: int, down: int) -> float | None:
    try:
        return up / down if down else None
    except OverflowError:
        return None
