"""What is told of several comparisons at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from experiment_minutes import ARMS, FIRST, STEADY
from tidemark.experiments.look import MINUTE, Looks
from tidemark.experiments.result import Result, results
from tidemark.experiments.sums import Sums
from tidemark.stats.moments import Moments
from tidemark.stats.multiplicity import benjamini_hochberg, e_bh, holm

ONE_GOAL = replace(STEADY, goals=STEADY.goals[:1], guardrails=())
Slice = tuple[float, float, float]


def told(slices: Sequence[Slice]) -> list[Result]:
    """Of slices with so many users an arm and buyers of the control and of the treatment."""
    users, control, treatment = (np.asarray(column)[:, None] for column in zip(*slices, strict=True))
    n = dict.fromkeys(ARMS, users)
    x = dict(zip(ARMS, (control, treatment), strict=True))
    moments = {("purchase", arm): Moments(n=users, x=x[arm], dxx=x[arm] * (users - x[arm])) for arm in ARMS}
    names = tuple((f"{number}",) for number in range(len(slices)))
    active = {("purchase", arm): x[arm] for arm in ARMS}
    sums = Sums(Looks((FIRST + MINUTE * 64,)), names, n, moments, active)
    found = results(ONE_GOAL, ONE_GOAL.goals, sums, sums.whole(), ["country"], is_rebuilding=False)
    return list(found)


KNOWN: list[Slice] = [(9_000.0, 900.0, 1_000.0), (9_000.0, 900.0, 1_100.0), (9_000.0, 900.0, 930.0)]
UNKNOWN: list[Slice] = [(80.0, 40.0, 70.0), (0.0, 0.0, 0.0), (9_000.0, 5.0, 80.0)]


def test_what_has_no_p_value_has_no_adjusted_one_and_takes_no_part() -> None:
    alone, among = told(KNOWN), told([*KNOWN, *UNKNOWN])
    assert [(one.p_value, one.e_value, one.adjusted) for one in among[3:]] == [(None, None, None)] * 3
    assert [one.adjusted for one in among[:3]] == [one.adjusted for one in alone]
    p_values = [one.p_value or 0 for one in alone]
    log_e = np.log([one.e_value or 0 for one in alone])
    by_holm, by_rate, found = (holm(p_values), benjamini_hochberg(p_values), e_bh(log_e, 0.05))
    for one, *expected in zip(alone, by_holm, by_rate, found, strict=True):
        assert one.adjusted is not None
        assert one.adjusted.holm == pytest.approx(expected[0])
        assert one.adjusted.benjamini_hochberg == pytest.approx(expected[1])
        assert one.adjusted.e_bh_rejected == expected[2]


def test_where_nothing_has_a_p_value_nothing_is_adjusted() -> None:
    assert [one.adjusted for one in told(UNKNOWN)] == [None] * 3
