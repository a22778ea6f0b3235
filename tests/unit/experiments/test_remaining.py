"""How long until a decision: by the verdict, its boundary and the plan."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiment_minutes import ARMS, FIRST, STEADY
from tidemark.experiments.definition import Definition, Phase
from tidemark.experiments.judgement import Pair
from tidemark.experiments.look import MINUTE, Looks, looks
from tidemark.experiments.remaining import Remaining, marks, remaining
from tidemark.experiments.sums import Sums
from tidemark.stats.moments import Moments
from tidemark.stats.remaining import detectable, users_by_plan

AGES = (64, 128, 256, 2_048)
END = FIRST + MINUTE * AGES[-1]
PLANNED = float(STEADY.planned_users)
(PURCHASE,) = (one for one in STEADY.metrics if one.name == "purchase")


def told(
    users: tuple[tuple[float, ...], tuple[float, ...]],
    buyers: tuple[tuple[float, ...], tuple[float, ...]],
    definition: Definition = STEADY,
    *,
    is_rebuilding: bool = False,
) -> Remaining:
    """By users and buyers of both arms at the looks of `AGES`, which stay till the next."""
    shown = Looks(tuple(FIRST + MINUTE * age for age in AGES))
    every = looks(FIRST, END, marks(END))
    places = np.searchsorted(shown.ends, every.ends, side="right") - 1

    def at(values: tuple[float, ...]) -> Any:
        return np.where(places >= 0, np.asarray(values, dtype=float)[places], 0.0)[None]

    n = {arm: at(values) for arm, values in zip(ARMS, users, strict=True)}
    x = {arm: at(values) for arm, values in zip(ARMS, buyers, strict=True)}
    moments = {("purchase", arm): Moments(n=n[arm], x=x[arm], dxx=x[arm] * (n[arm] - x[arm])) for arm in ARMS}
    sums = Sums(every, ((),), n, moments, {("purchase", arm): x[arm] for arm in ARMS})
    return remaining(definition, PURCHASE, "green", sums, looks(FIRST, END), is_rebuilding=is_rebuilding)


USERS = (500.0, 1_000.0, 2_000.0, 3_000.0)
BUYERS = (50.0, 100.0, 200.0, 300.0)


def test_while_the_clock_counts_users_they_are_those_of_the_plan() -> None:
    found = told((USERS, USERS), (BUYERS, BUYERS))
    assert found.users == pytest.approx(PLANNED - 6_000)
    assert found.minimum_detectable_lift == pytest.approx(
        float(detectable(Pair.of(STEADY, "green").boundary, np.asarray(0.36), np.asarray(PLANNED))) / 0.1
    )
    assert found.reasons == []


def test_the_time_is_by_the_arrivals_of_the_last_hour_and_day() -> None:
    found = told((USERS, USERS), (BUYERS, BUYERS))
    # 2,000 came at the end, so in the last hour and in the last day
    assert found.low_seconds == pytest.approx(14_000 / (2_000 / 3_600))
    assert found.high_seconds == pytest.approx(14_000 / (2_000 / 86_400))


def test_where_buyers_come_after_users_the_higher_boundary_needs_more_users_than_the_plan() -> None:
    """All users at once, four times the buyers since: the clock is four times as fast as users."""
    still = (2_000.0,) * 4
    found = told((still, still), ((50.0, 100.0, 150.0, 200.0),) * 2)
    assert found.users is not None
    boundary = Pair.of(STEADY, "green").boundary
    pace = (0.1 * 0.9) / (0.025 * 0.975)
    total = float(users_by_plan(boundary, PLANNED, pace=np.asarray(pace)))
    assert found.users == pytest.approx(total - 4_000)
    assert total > 1.02 * PLANNED
    # the effect that was planned for is as far beyond the boundary there as it was by the plan
    c, at_plan = (float(boundary.multiplier(np.asarray(one))) for one in (pace * total, PLANNED))
    assert (c + 0.8416) / np.sqrt(total) == pytest.approx((at_plan + 0.8416) / np.sqrt(PLANNED), rel=1e-4)


def test_once_it_is_decided_nobody_has_to_come_and_nothing_to_be_waited_for() -> None:
    found = told((USERS, USERS), (BUYERS, (80.0, 180.0, 400.0, 600.0)))
    assert (found.users, found.low_seconds, found.high_seconds) == (0, 0, 0)


def test_what_seemed_decided_with_too_little_data_is_not() -> None:
    few = (60.0, 70.0, 80.0, 90.0)
    found = told((few, few), ((1.0,) * 4, (50.0, 60.0, 70.0, 80.0)))
    assert found.users == pytest.approx(PLANNED - 180)
    assert found.reasons == ["TOO_FEW_USERS", "TOO_FEW_CONVERSIONS"]


def test_no_users_bring_a_verdict_of_a_broken_split() -> None:
    found = told((USERS, tuple(one / 2 for one in USERS)), (BUYERS, BUYERS))
    assert found == Remaining(None, None, None, None, ["SAMPLE_RATIO_MISMATCH"])


def test_no_users_bring_a_verdict_of_changed_weights() -> None:
    changed = replace(STEADY, phases=(Phase((FIRST + MINUTE * 100) * 1000, (3, 1)),))
    late = tuple(500 + (one - 500) / 3 for one in USERS)
    found = told((USERS, late), (BUYERS, BUYERS), changed)
    assert found == Remaining(None, None, None, None, ["WEIGHTS_CHANGED"])


def test_no_users_bring_a_verdict_of_an_effect_that_turned_round() -> None:
    large = (10_000.0, 20_000.0, 200_000.0, 400_000.0)
    found = told(
        (large, large), ((1_000.0, 2_000.0, 30_000.0, 50_000.0), (2_000.0, 4_000.0, 20_000.0, 40_000.0))
    )
    assert found.users is None
    assert "BOTH_SIDES" in found.reasons


def test_numbers_that_are_counted_anew_say_so() -> None:
    assert told((USERS, USERS), (BUYERS, BUYERS), is_rebuilding=True).reasons == ["REBUILDING"]
