"""How many users are planned: against other people's numbers, and against the boundary itself."""

import math
from statistics import NormalDist

import pytest

from tidemark.experiments.planning import mean_effect, multiplier, planned_users, rate_effect

Z = NormalDist().inv_cdf(0.975)


def test_with_one_look_it_is_statsmodels_number() -> None:
    # NormalIndPower().solve_power(nobs1=10000, alpha=0.05, power=0.8) of statsmodels 0.15.0, which takes one
    # off
    effect = mean_effect(1.0, 1.0, 0.039622750977047795)
    assert planned_users(effect, (1, 1), 0, critical=Z, power=0.8) == pytest.approx(2 * (10_000 - 1), abs=1)


def test_a_rate_has_the_variance_of_a_trial() -> None:
    users = planned_users(rate_effect(0.1, 0.2), (1, 1), 0, critical=Z, power=0.8)
    by_hand = 2 * (Z + NormalDist().inv_cdf(0.8)) ** 2 * (0.1 * 0.9 + 0.12 * 0.88) / 0.02**2
    assert users == math.ceil(by_hand)


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05, 0.1, 0.2])
def test_the_multiplier_is_the_least_that_the_boundary_can_be(alpha: float) -> None:
    def boundary(ratio: float) -> float:  # at v / r, over sqrt(v): Howard et al. 2021, eq. 14
        return math.sqrt((1 + 1 / ratio) * math.log((ratio + 1) / alpha**2))

    least = min(boundary(0.01 * 1.01**step) for step in range(1500))
    assert multiplier(alpha) == pytest.approx(least, rel=1e-4)
    assert multiplier(alpha) <= least + 1e-12


def test_watching_at_five_percent_takes_nearly_twice_the_users() -> None:
    effect = rate_effect(0.05, 0.1)
    watched = planned_users(effect, (1, 1), 0, critical=multiplier(0.05), power=0.8)
    once = planned_users(effect, (1, 1), 0, critical=Z, power=0.8)
    assert watched / once == pytest.approx(1.9, abs=0.05)


def test_an_even_split_needs_the_fewest_users() -> None:
    effect = mean_effect(10.0, 20.0, 0.05)
    needed = [planned_users(effect, (1, n), 0, critical=3.0, power=0.8) for n in (1, 2, 4, 9)]
    assert needed == sorted(needed)


def test_the_treatment_with_the_least_traffic_decides() -> None:
    effect = mean_effect(10.0, 20.0, 0.05)
    alone = planned_users(effect, (2, 1), 0, critical=3.0, power=0.8)
    among = planned_users(effect, (2, 1, 7), 0, critical=3.0, power=0.8)
    assert among == pytest.approx(alone * 10 / 3, abs=4)
