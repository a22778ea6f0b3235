"""What a caller may spend: never more than its budget, and refunds to the last bit of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desks import ANNA, BEN, CARL
from tidemark.desk.budget import FEE, Budget, price
from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError

PER_MINUTE = 60.0  # a unit a second


@dataclass
class Time:
    now: float = 5.0

    def __call__(self) -> float:
        return self.now


def make(**options: Any) -> tuple[Budget, Time]:
    time = Time()
    return Budget(PER_MINUTE, time, **options), time


def refused(call: Callable[[], object]) -> QueryError:
    with pytest.raises(QueryError) as caught:
        call()
    return caught.value


def test_a_unit_is_a_million_rows_or_a_gigabyte_and_no_question_is_free() -> None:
    assert price(0) == FEE
    assert price(2_000_000) == pytest.approx(FEE + 2)
    assert price(2_000_000, 3_000_000_000) == pytest.approx(FEE + 3)


def test_who_waits_as_long_as_the_refusal_says_is_served() -> None:
    budget, time = make()
    budget.charge(ANNA, 50)
    error = refused(lambda: budget.reserve(ANNA, 20))
    assert error.code is Code.BUDGET_EXHAUSTED
    assert error.details == {"limit": 60.0, "requested": 20, "retryAfterMs": 10_001}
    assert "ask again in 10.0 s" in str(error)
    time.now += 9.9
    refused(lambda: budget.reserve(ANNA, 20))
    time.now += 0.101
    budget.reserve(ANNA, 20)


def test_what_no_budget_can_pay_is_too_expensive_whenever_it_is_asked() -> None:
    budget, _ = make()
    error = refused(lambda: budget.reserve(ANNA, 61))
    assert error.code is Code.TOO_EXPENSIVE
    assert error.details == {"limit": 60.0, "requested": 61}
    assert "a shorter range" in str(error)
    assert "retryAfterMs" not in error.details


def test_callers_do_not_share_a_bucket() -> None:
    budget, _ = make()
    budget.charge(ANNA, 60)
    budget.charge(BEN, 60)
    assert budget.remaining(ANNA) == budget.remaining(BEN) == 0


def test_what_was_read_beyond_the_estimate_is_owed() -> None:
    budget, time = make()
    budget.settle(budget.reserve(ANNA, 10), 90)
    assert budget.remaining(ANNA) == -30
    assert refused(lambda: budget.charge(ANNA, FEE)).details["retryAfterMs"] == 30_011
    time.now += 31
    budget.charge(ANNA, FEE)


def test_nobody_gains_by_being_forgotten() -> None:
    budget, time = make(most_callers=2)
    budget.charge(ANNA, 60)
    budget.charge(BEN, 10)
    error = refused(lambda: budget.charge(CARL, 1))
    assert error.code is Code.BUDGET_EXHAUSTED
    assert error.details["retryAfterMs"] == 10_001
    time.now += 10.001  # Ben's is full again, Anna's is not
    budget.charge(CARL, 1)
    assert budget.remaining(ANNA) == pytest.approx(10.001)
    assert budget.remaining(BEN) == 60
    assert refused(lambda: budget.charge(BEN, 1)).details["limit"] == 2


def test_a_caller_with_a_query_under_way_is_not_forgotten() -> None:
    budget, time = make(most_callers=1)
    held = budget.reserve(ANNA, 10)
    time.now += 100
    refused(lambda: budget.charge(BEN, 1))
    budget.settle(held, 40)
    assert budget.remaining(ANNA) == 30


UNITS = st.floats(0.001, 70)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 90), st.just(0.0)),
        st.tuples(st.just("reserve"), UNITS, st.just(0.0)),
        st.tuples(st.just("settle"), st.floats(0, 1), st.floats(0, 100)),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_window_sees_more_spent_than_a_full_bucket_its_refill_and_its_refunds(
    steps: list[tuple[str, float, float]],
) -> None:
    budget, time = make()
    taken: list[tuple[float, float]] = []  # when, units; refunds are below zero
    held = []
    for step, amount, actual in steps:
        if step == "wait":
            time.now += amount
        elif step == "reserve":
            try:
                held.append(budget.reserve(ANNA, amount))
            except QueryError:
                assert amount > budget.remaining(ANNA)
            else:
                taken.append((time.now, amount))
        elif held:
            one = held.pop(int(amount * (len(held) - 1)))
            budget.settle(one, actual)
            # what it used beyond its estimate is charged afterwards, whatever is left: not counted
            taken.append((time.now, min(0.0, actual - one.units)))
        assert budget.remaining(ANNA) <= PER_MINUTE
    for first, (start, _) in enumerate(taken):
        for last in range(first, len(taken)):
            spent = sum(units for _, units in taken[first : last + 1])
            assert spent <= PER_MINUTE + (taken[last][0] - start) * PER_MINUTE / 60 + 1e-6


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 10), st.floats(0, 5)), max_size=12))
def test_settling_leaves_what_charging_the_true_price_at_once_would_have_left(
    queries: list[tuple[float, float, float]],
) -> None:
    (budget, time), (oracle, oracle_time) = make(), make()
    for estimate, share, seconds in queries:
        actual = estimate * min(share, 1.0)
        one, left = budget.reserve(ANNA, estimate), oracle.remaining(ANNA)
        oracle.settle(oracle.reserve(ANNA, min(estimate, left)), actual)
        time.now += seconds
        oracle_time.now += seconds
        budget.settle(one, actual)
        assert budget.remaining(ANNA) == pytest.approx(oracle.remaining(ANNA))


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0.01, 60), st.floats(0, 30)), max_size=80))
def test_a_bounded_budget_gives_nobody_more_than_an_unbounded_one(
    asked: list[tuple[int, float, float]],
) -> None:
    (small, time), (large, large_time) = make(most_callers=3), make()
    for number, units, seconds in asked:
        caller = Caller(f"address:{number}")
        time.now += seconds
        large_time.now += seconds
        try:
            small.charge(caller, units)
        except QueryError:
            continue
        large.charge(caller, units)
        assert small.remaining(caller) == pytest.approx(large.remaining(caller))
