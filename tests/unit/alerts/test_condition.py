"""Conditions: what they mean, row by row, and that Python's reading of them is ours."""

import math
import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.alerts.expression import Expression, is_open, overlap
from tidemark.alerts.grammar import MAX_CHARACTERS, ConditionError, parse
from tidemark.alerts.rule import ExperimentQuery, HealthQuery, MetricsQuery, Window
from tidemark.alerts.vocabulary import Vocabulary, vocabulary_of
from tidemark.query import catalogue
from tidemark.query.catalogue import Unit
from tidemark.query.grain import Grain
from tidemark.query.request import Compare, Top

CATALOGUE = catalogue.load(Path(__file__).resolve().parents[3] / "catalogue")
HOUR, DAY = Window(3_600_000), Window(None, Grain.DAY)
METRICS = MetricsQuery(("SPEND", "CLICKS", "CTR", "REVENUE"), ("CAMPAIGN",), (), DAY, Compare.PREVIOUS_WEEK)
NAMES = vocabulary_of(METRICS, CATALOGUE)
TESTS = vocabulary_of(ExperimentQuery(None), CATALOGUE)


def holds(text: str, names: Vocabulary = NAMES, **columns: float | str) -> bool | None:
    """Of one series; a blank of a name is written as two underscores. None where it is unknown."""
    one = {name.replace("__", "."): np.array([value]) for name, value in columns.items()}
    found = parse(text, names).evaluate(one)
    return bool(found.holds[0]) if found.known[0] else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SPEND > 500", True),
        ("SPEND > 1_000", False),
        ("SPEND >= 600 and SPEND <= 600", True),
        ("not SPEND > 500 or CLICKS == 3", True),
        ("SPEND != 600", False),
        ("SPEND - 100 * 2 + -CLICKS == 397", True),
        ("(SPEND - 100) * 2 == 1000", True),
        ("SPEND / CLICKS / 2 == 100", True),
        ("CTR < 1.1%", False),
        ("CTR <= 1.1 %", True),
        ("  SPEND\n >   5e2 ", True),
        ("CLICKS > 1 and CLICKS < 2 or SPEND > 500", True),
    ],
)
def test_a_condition_means_what_it_looks_like(text: str, expected: bool) -> None:
    assert holds(text, SPEND=600.0, CLICKS=3.0, CTR=0.011) is expected


def test_a_percentage_is_the_number_that_it_would_be_without_the_sign() -> None:
    for hundredths in range(1, 10_000):
        assert parse(f"CTR > {hundredths / 100:g}%", NAMES).threshold == pytest.approx(
            hundredths / 1e4, 1e-15
        )
    assert parse("CTR > 1.1%", NAMES).threshold == 0.011


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("SPEND > 2 * 250", 500.0),
        ("500 < SPEND", 500.0),
        ("not SPEND <= 500", 500.0),
        ("change.SPEND < -20%", -0.2),
        ("SPEND > CLICKS", None),
        ("SPEND > 500 and CLICKS < 3", None),
    ],
)
def test_a_threshold_is_the_number_of_the_one_comparison(text: str, threshold: float | None) -> None:
    assert parse(text, NAMES).threshold == threshold


def test_a_value_is_the_other_side_of_the_one_comparison() -> None:
    columns = {"SPEND": np.array([600.0, math.nan]), "CLICKS": np.array([3.0, 4.0])}

    def value(text: str) -> list[float]:
        return [float(one) for one in parse(text, NAMES).evaluate(columns).value]

    assert value("500 < SPEND / CLICKS")[0] == 200
    assert value("not CLICKS > 5") == [3, 4]
    assert all(map(math.isnan, value("SPEND > 5 and CLICKS > 5")))


def test_words_are_compared_with_the_words_of_their_column() -> None:
    assert holds("verdict == WORSE", TESTS, verdict="WORSE") is True
    assert holds("WORSE != verdict", TESTS, verdict="WORSE") is False
    assert holds("not verdict == WORSE", TESTS, verdict="BETTER") is True
    assert holds("verdict != WORSE", TESTS, verdict="") is None


def test_what_is_divided_by_zero_or_missing_is_unknown_and_infinity_is_a_number() -> None:
    assert holds("SPEND / CLICKS > 5", SPEND=5.0, CLICKS=0.0) is None
    assert holds("SPEND > 5", SPEND=math.nan) is None
    assert holds("change_upper.CTR < 0", change_upper__CTR=math.inf) is False
    assert holds("SPEND * SPEND > 5", SPEND=1e200) is True


LAWS: list[tuple[float, float, bool | None, bool | None]] = [
    # a, b (1 true, 0 false, NaN unknown), a and b, a or b
    (1, 1, True, True),
    (1, 0, False, True),
    (1, math.nan, None, True),
    (0, 0, False, False),
    (0, math.nan, False, None),
    (math.nan, math.nan, None, None),
]


@pytest.mark.parametrize(("a", "b", "both", "either"), LAWS)
def test_kleenes_tables_hold_in_either_order_and_under_de_morgan(
    a: float, b: float, both: bool | None, either: bool | None
) -> None:
    for left, right in ((a, b), (b, a)):
        assert holds("SPEND > 0 and CLICKS > 0", SPEND=left, CLICKS=right) is both
        assert holds("not (not SPEND > 0 or not CLICKS > 0)", SPEND=left, CLICKS=right) is both
        assert holds("SPEND > 0 or CLICKS > 0", SPEND=left, CLICKS=right) is either
        assert holds("not (not SPEND > 0 and not CLICKS > 0)", SPEND=left, CLICKS=right) is either


# Random conditions as text, with a plain evaluator of the same text, one row at a time.
Row = Mapping[str, float]
Plain = tuple[str, Callable[[Row], float | None]]
Logic = tuple[str, Callable[[Row], bool | None]]
COLUMNS = ("SPEND", "CLICKS", "previous.SPEND", "change_upper.CTR", "budget")
VALUES = st.sampled_from([math.nan, -math.inf, -2.5, -1.0, 0.0, 0.01, 1.0, 3.0, 1e9, 1e308, math.inf])


def _column(name: str) -> Plain:
    return name, lambda row: None if math.isnan(row[name]) else row[name]


def _literal(number: float, is_percentage: bool) -> Plain:
    if is_percentage:
        return f"{number}%", lambda _row: number / 100
    return repr(number), lambda _row: number


def _arithmetic(sign: str, left: Plain, right: Plain) -> Plain:
    apply = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[sign]

    def value(row: Row) -> float | None:
        a, b = left[1](row), right[1](row)
        if a is None or b is None or (sign == "/" and b == 0):
            return None
        found = apply(a, b)
        return None if math.isnan(found) else float(found)

    return f"({left[0]} {sign} {right[0]})", value


def _comparison(sign: str, left: Plain, right: Plain) -> Logic:
    compare = {
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
        "==": operator.eq,
        "!=": operator.ne,
    }[sign]

    def value(row: Row) -> bool | None:
        a, b = left[1](row), right[1](row)
        return None if a is None or b is None else bool(compare(a, b))

    return f"{left[0]} {sign} {right[0]}", value


def _joined(word: str, left: Logic, right: Logic) -> Logic:
    decisive = word == "or"

    def value(row: Row) -> bool | None:
        both = left[1](row), right[1](row)
        if decisive in both:
            return decisive
        return None if None in both else not decisive

    return f"({left[0]}) {word} ({right[0]})", value


def _negated(logic: Logic) -> Logic:
    def value(row: Row) -> bool | None:
        found = logic[1](row)
        return None if found is None else not found

    return f"not ({logic[0]})", value


literals = st.builds(_literal, st.sampled_from([0.0, 0.5, 3.0, 20.0, 1e6]), st.booleans())
columns = st.sampled_from(COLUMNS).map(_column)
numbers = st.recursive(
    columns,
    lambda inner: st.builds(
        _arithmetic, st.sampled_from("+-*/"), inner, inner | literals.filter(lambda one: one[0][:2] != "0.")
    ),
    max_leaves=4,
)
comparisons = st.builds(
    _comparison, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers, numbers | literals
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.builds(_joined, st.sampled_from(["and", "or"]), inner, inner) | inner.map(_negated),
    max_leaves=5,
)


@given(conditions, st.lists(st.tuples(*[VALUES] * len(COLUMNS)), min_size=1, max_size=8))
def test_columns_at_once_are_the_same_as_row_by_row(condition: Logic, rows: list[tuple[float, ...]]) -> None:
    text, plain = condition
    expression = parse(text, NAMES)
    found = expression.evaluate(
        {name: np.array([row[at] for row in rows]) for at, name in enumerate(COLUMNS)}
    )
    told = [bool(holds) if known else None for holds, known in zip(found.holds, found.known, strict=True)]
    assert told == [plain(dict(zip(COLUMNS, row, strict=True))) for row in rows]
    assert not (found.holds & ~found.known).any()
    assert expression.names <= set(COLUMNS)


GROWING = ("SPEND", "CLICKS")
_amounts = st.floats(0, 1e6) | st.sampled_from([0.0, 1.0, 2.0, 100.0])
_open_numbers = st.recursive(
    st.sampled_from(["SPEND", "CLICKS", "budget", "2", "0.5", "100", "3%", "0", "-1", "CTR"]),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
    max_leaves=4,
)
_open_comparisons = st.builds(
    "{} {} {}".format, _open_numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _open_numbers
)
_open_conditions = st.recursive(
    _open_comparisons,
    lambda inner: (
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=3,
)


def _read(text: str) -> Expression | None:
    try:
        return parse(text, NAMES)
    except ConditionError:  # a division by zero, or of two constants
        return None


@given(_open_conditions, _amounts, _amounts, _amounts, _amounts, _amounts, st.floats(0, 1))
def test_growth_never_takes_back_what_is_judged_on_an_open_window(
    text: str, spend: float, clicks: float, budget: float, more: float, further: float, ctr: float
) -> None:
    expression = _read(text)
    if expression is None or not is_open(expression, NAMES.growing, NAMES.fixed):
        return

    def judged(*row: float) -> bool:
        columns = dict(zip(("SPEND", "CLICKS", "budget", "CTR"), map(np.atleast_1d, row), strict=True))
        return bool(expression.evaluate(columns).holds[0])

    assert not judged(spend, clicks, budget, ctr) or judged(spend + more, clicks + further, budget, ctr)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SPEND > 500", True),
        ("500 <= SPEND", True),
        ("SPEND > 500 and CLICKS > 3 or SPEND + 2 * CLICKS > 1_000", True),
        ("SPEND > 130% * budget", True),
        ("SPEND / 2 > 1", True),
        ("SPEND > -1", False),
        ("SPEND > 500 and CLICKS < 3", False),
        ("not SPEND <= 500", False),
        ("SPEND == 500", False),
        ("SPEND - CLICKS > 5", False),
        ("SPEND > budget * elapsed", False),
        ("CTR > 5%", False),
        ("REVENUE > 500", False),
        ("previous.SPEND > 5", False),
        ("SPEND > CLICKS", False),
    ],
)
def test_only_what_grows_past_what_stays_is_judged_on_an_open_window(text: str, expected: bool) -> None:
    assert is_open(parse(text, NAMES), NAMES.growing, NAMES.fixed) is expected


@pytest.mark.parametrize(
    ("when", "resolve_when", "expected"),
    [
        ("SPEND > 500", "SPEND <= 500", False),
        ("SPEND > 500", "SPEND < 400", False),
        ("SPEND < 400", "500 < SPEND", False),
        ("SPEND > 500", "SPEND < 501", True),
        ("SPEND >= 500", "SPEND <= 500", True),
        ("SPEND > 500", "SPEND > 400", True),
        ("SPEND > 500", "SPEND > 600", True),
        ("SPEND > 500", "CLICKS < 600", False),
        ("SPEND > 500", "SPEND < 600 and CLICKS < 3", False),
    ],
)
def test_two_bounds_overlap_where_both_hold(when: str, resolve_when: str, expected: bool) -> None:
    assert (overlap(parse(when, NAMES), parse(resolve_when, NAMES)) is not None) is expected


def test_refunds_estimates_and_the_greatest_few_do_not_only_grow() -> None:
    every = MetricsQuery(tuple(CATALOGUE.metrics), ("CAMPAIGN",), (), HOUR)
    assert vocabulary_of(every, CATALOGUE).growing == {
        "IMPRESSIONS",
        "CLICKS",
        "CONVERSIONS",
        "SPEND",
        "EVENTS",
    }
    few = MetricsQuery(("SPEND",), ("CAMPAIGN",), (), HOUR, top=Top(3, CATALOGUE.metrics["SPEND"]))
    assert vocabulary_of(few, CATALOGUE).growing == frozenset()


def test_names_come_with_what_makes_them_known() -> None:
    plain = vocabulary_of(MetricsQuery(("SPEND", "CTR"), (), (), HOUR), CATALOGUE).names
    assert set(plain) == {"SPEND", "CTR", "lower.CTR", "upper.CTR"}
    assert {"budget", "elapsed", "previous.SPEND", "change.CTR", "change_lower.CTR"} <= set(NAMES.names)
    assert (NAMES.names["SPEND"].unit, NAMES.names["change.SPEND"].unit) == (Unit.CURRENCY, Unit.FRACTION)
    assert set(vocabulary_of(HealthQuery(("dead_letters",), HOUR), CATALOGUE).names) == {"dead_letters"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the condition is empty"),
        ("€ > 3", "column 1: '\\u20ac' has no meaning"),
        ("SPEND > 9e999", "column 9: the number is beyond 1e308"),
        ("SPEND > 0x10", "column 9: 0x10 is no number"),
        ("SPEND > 30j", "column 9: 30j is no number"),
        ("SPEND > 1or CLICKS > 2", "column 9: 1or is no number"),
        ("SPEND > 30 % 7", "column 14: the condition cannot be read"),
        ("SPEND > 'a'", "column 9: 'a' is no number"),
        ("SPEND > True", "column 9: True is no number"),
        ("SPEND in (1, 2)", "column 1: there are six comparisons"),
        ("SPEND > (CTR > 3)", "column 10: this is true or false"),
        ("SPEND > 5 or 3", "column 14: 3 is a number"),
        ("SPEND // 2 > 1", "column 1: SPEND // 2 has no meaning"),
        ("SPEND ** 99999999 > 1", "column 1: SPEND ** 99999999 has no meaning"),
        ("max(SPEND, 3) > 1", "column 1: max(SPEND, 3) has no meaning"),
        ("SPEND.__class__ > 1", "column 1: SPEND.__class__ is no metric here"),
        ("(lambda: 3) > 1", "column 2: lambda: 3 has no meaning"),
        ("SPEND > 1 if CTR > 2 else 3", "column 1: SPEND > 1 if CTR > 2 else 3 has no meaning"),
        ("change.spend > 3", "column 1: change.spend is no metric here; did you mean change.SPEND?"),
        ("clicks > 3", "column 1: clicks is no metric here; did you mean CLICKS?"),
        ("impressions > 3", "column 1: impressions is no metric here; did you mean IMPRESSIONS?"),
        ("-" * 900 + "SPEND > 1", "the condition is nested too deeply"),
        ("(" * 300 + "SPEND" + ")" * 300 + " > 1", "c"),
        ("SPEND > " + " + ".join(["CLICKS"] * 60), "the condition is nested too deeply"),
        ("SPEND > " + "1" * MAX_CHARACTERS, "the condition has 1,008 characters; there may be at most 1,000"),
    ],
)
def test_what_has_no_meaning_is_refused_at_its_column(text: str, says: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse(text, NAMES)
    assert str(refused.value).startswith(says)


@given(st.text("SPENDCTR.() +-*/<>=!%&|_0123456789enotadr'\"\\\t[]{}:,@#~^\x00é", max_size=40))
def test_whatever_is_typed_is_a_condition_or_one_sentence(text: str) -> None:
    with suppress(ConditionError):  # and no other error
        parse(text, NAMES)
