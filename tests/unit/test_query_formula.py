"""Metrics as arithmetic: exact, null instead of infinite, and in SQL as in Python."""

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tidemark.query.formula import Formula, Measure, Sum, ratio, total

INT128 = st.integers(-(2**127), 2**127 - 1)
CLICKS = total(Measure.QUANTITY, "click")
SHOWN = total(Measure.QUANTITY, "impression")
SPEND = total(Measure.COST_MICROS, None)
REVENUE = total(Measure.VALUE_MICROS, None)


def value(formula: Formula, sums: dict[Formula, int]) -> float | None:
    return formula.values({plain.numerator[0]: [number] for plain, number in sums.items()})[0]


def test_money_is_divided_once_and_rounded_correctly() -> None:
    assert value(SPEND, {SPEND: 58_705_229_957}) == 58705.229957


def test_counts_stay_whole_beyond_what_a_float_holds() -> None:
    assert value(CLICKS, {CLICKS: 2**53 + 1}) == 2**53 + 1


def test_a_ratio_is_null_where_its_denominator_is_zero() -> None:
    assert value(ratio(CLICKS, SHOWN, 1), {CLICKS: 3, SHOWN: 0}) is None
    assert value(ratio(SPEND, SHOWN, 1000), {SPEND: 5, SHOWN: 0}) is None


def test_a_ratio_of_ratios_is_null_where_any_part_is() -> None:
    rates = ratio(ratio(CLICKS, SHOWN, 1), ratio(SPEND, REVENUE, 1), 1)
    whole = {CLICKS: 1, SHOWN: 4, SPEND: 2, REVENUE: 3}
    assert value(rates, whole) == 0.375
    for part in (SHOWN, SPEND, REVENUE):
        assert value(rates, whole | {part: 0}) is None
    assert value(rates, whole | {CLICKS: 0}) == 0


def test_micros_cancel_in_a_ratio_of_money() -> None:
    assert ratio(REVENUE, SPEND, 1).divisor == ratio(REVENUE, SPEND, 1).factor == 1
    assert value(ratio(SPEND, SHOWN, 1000), {SPEND: 1_500_000, SHOWN: 1000}) == 1.5


def test_infinity_never_leaves() -> None:
    huge = Formula(numerator=(Sum(Measure.QUANTITY),) * 9)
    assert huge.values({Sum(Measure.QUANTITY): [2**127, 3]}) == [None, 19683.0]


@given(clicks=INT128, shown=INT128)
def test_every_ratio_is_the_correctly_rounded_quotient_or_null(clicks: int, shown: int) -> None:
    found = value(ratio(CLICKS, SHOWN, 1), {CLICKS: clicks, SHOWN: shown})
    assert (found is None) == (shown == 0)
    if found is not None:
        assert math.isfinite(found)
        exact = Fraction(clicks, shown)
        assert found == exact.numerator / exact.denominator


def test_sql_says_the_same_as_python() -> None:
    names = {CLICKS.numerator[0]: "sum_0", SHOWN.numerator[0]: "sum_1", SPEND.numerator[0]: "sum_2"}
    assert CLICKS.sql(names) == "sum_0"
    assert SPEND.sql(names) == "toFloat64(sum_2) / toFloat64(toInt256(1000000))"
    assert ratio(SPEND, SHOWN, 1000).sql(names) == (
        "if(sum_1 = 0, NULL, toFloat64(sum_2) / toFloat64(toInt256(1000) * sum_1))"
    )
