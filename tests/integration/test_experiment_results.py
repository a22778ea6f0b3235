"""Experiments on the real engine: what the sums answer, against a recomputation straight from the users."""

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import experiment_story as story
from experiment_users import Sample, User, is_rising, sample
from tidemark.experiments.definition import Kind, Metric

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = story.definitions()
USERS = story.users()
NOW = int(story.LAST.timestamp() * 1000)
PAST = int(story.PAST.timestamp() * 1000)
MONEY = {"revenue": 10**6}
CASES = [(id_, metric.name) for id_ in DEFINITIONS for metric in DEFINITIONS[id_].metrics]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    done = subprocess.run(
        [sys.executable, story.__file__, str(tmp_path_factory.mktemp("engine"))],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def metric_of(id_: str, name: str) -> Metric:
    return next(one for one in DEFINITIONS[id_].metrics if one.name == name)


def arm(id_: str, name: str, variant: str, before: int, users: Iterable[User] = USERS) -> Sample:
    return sample(DEFINITIONS[id_], metric_of(id_, name), users, variant, before)


def mean(metric: Metric, found: Sample) -> float:
    below = found.sum("y") if metric.kind is Kind.RATIO else len(found.states)
    return float(Fraction(found.sum("x"), below * MONEY.get(metric.name, 1)))


def deviation(metric: Metric, found: Sample) -> float:
    unit = MONEY.get(metric.name, 1)
    values = [one.x / unit for one in found.states]
    if metric.kind is Kind.RATIO:
        ratio, y_mean = mean(metric, found), found.sum("y") / len(found.states)
        values = [(one.x - ratio * one.y) / y_mean for one in found.states]
    is_plain_share = metric.kind is Kind.PROPORTION
    return statistics.pstdev(values) if is_plain_share else statistics.stdev(values)


def check_arms(id_: str, results: list[Any], before: int, users: Iterable[User]) -> None:
    kept = list(users)
    for result in results:
        metric = metric_of(id_, result["metric"])
        for side in ("control", "treatment"):
            told, found = result[side], arm(id_, metric.name, result[side]["key"], before, kept)
            assert told["users"] == len(found.states)
            if not found.states or (metric.kind is Kind.RATIO and not found.sum("y")):
                assert told["mean"] is None
                continue
            assert told["mean"] == pytest.approx(mean(metric, found), rel=1e-13)
            converted = (one.x > 0 if metric.kind is Kind.PROPORTION else one.active for one in found.states)
            assert told["conversions"] == sum(converted)
            if metric.kind is not Kind.PROPORTION or DEFINITIONS[id_].covariate is None:
                expected = deviation(metric, found) if len(found.states) > 1 else 0.0
                assert told["standard_deviation"] == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("id_", DEFINITIONS)
@pytest.mark.parametrize(("when", "before"), [("now", NOW), ("past", PAST)])
def test_both_arms_are_what_their_users_did_by_then(told: Any, id_: str, when: str, before: int) -> None:
    assert [one["metric"] for one in told[id_][when]] == [one.name for one in DEFINITIONS[id_].metrics]
    check_arms(id_, told[id_][when], before, USERS)


@pytest.mark.parametrize("id_", DEFINITIONS)
def test_a_slice_has_the_users_whose_first_exposure_was_there(told: Any, id_: str) -> None:
    germans = [one for one in USERS if one.cell["country"] == "DE"]
    check_arms(id_, told[id_]["germany"], NOW, germans)
    for country in ("", "DE", "FR"):
        results = [one for one in told[id_]["countries"] if one["slice"][0]["value"] == country]
        check_arms(id_, results, NOW, [one for one in USERS if one.cell["country"] == country])


@pytest.mark.parametrize("id_", DEFINITIONS)
def test_a_slice_is_the_same_by_condition_and_by_dimension(told: Any, id_: str) -> None:
    by_dimension = [one for one in told[id_]["countries"] if one["slice"][0]["value"] == "DE"]
    for one, other in zip(told[id_]["germany"], by_dimension, strict=True):
        same = one.keys() - {"slice", "adjusted"}
        assert {key: one[key] for key in same} == {key: other[key] for key in same}


def total(results: list[Any], side: str, what: str) -> float:
    return math.fsum(one[side][what] for one in results if one["metric"] == "revenue")


@pytest.mark.parametrize("id_", DEFINITIONS)
def test_slices_add_up_to_the_total(told: Any, id_: str) -> None:
    for side in ("control", "treatment"):
        for what in ("users", "conversions"):
            expected = total(told[id_]["now"], side, what)
            assert total(told[id_]["countries"], side, what) == expected
            assert total(told[id_]["both"], side, what) == expected
    assert len(told[id_]["both"]) == 6
    assert [one["name"] for one in told[id_]["both"][0]["slice"]] == ["country", "platform"]


def test_the_difference_is_that_of_the_means_and_with_a_covariate_what_that_leaves(told: Any) -> None:
    for result in told["plain"]["now"]:
        if result["difference"] is not None:
            expected = result["treatment"]["mean"] - result["control"]["mean"]
            assert result["difference"]["value"] == pytest.approx(expected, rel=1e-12)
    for id_, name in (("button", "revenue"), ("named", "revenue"), ("named", "purchase")):
        adjusted = next(one for one in told[id_]["now"] if one["metric"] == name)
        control, treatment = (arm(id_, name, key, NOW) for key in ("control", "green"))
        expected = cuped(control, treatment, MONEY.get(name, 1))
        assert adjusted["difference"]["value"] == pytest.approx(expected, rel=1e-11)


def cuped(control: Sample, treatment: Sample, unit: int) -> float:
    """The textbook's formula, in floats; x in the metric's unit, k in currency units."""
    shared = spread = 0.0
    for found in (control, treatment):
        xs, ks = [one.x / unit for one in found.states], [one.k / 1e6 for one in found.states]
        shared += statistics.covariance(xs, ks)
        spread += statistics.variance(ks)
    gap = statistics.fmean(one.x / unit for one in treatment.states)
    gap -= statistics.fmean(one.x / unit for one in control.states)
    before = statistics.fmean(one.k / 1e6 for one in treatment.states)
    before -= statistics.fmean(one.k / 1e6 for one in control.states)
    return gap - shared / spread * before


def test_the_fixed_test_of_a_proportion_is_the_textbooks(told: Any) -> None:
    result = told["plain"]["now"][0]
    n0, n1 = result["control"]["users"], result["treatment"]["users"]
    x0, x1 = result["control"]["conversions"], result["treatment"]["conversions"]
    share = (x0 + x1) / (n0 + n1)
    z = (x1 / n1 - x0 / n0) / math.sqrt(share * (1 - share) * (1 / n0 + 1 / n1))
    assert result["fixed_horizon"]["statistic"] == pytest.approx(z, rel=1e-12)
    assert result["fixed_horizon"]["p_value"] == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-10)


def test_users_in_two_variants_are_counted_apart_and_nowhere_else(told: Any) -> None:
    excluded = sum(not one.variant for one in USERS)
    for id_ in DEFINITIONS:
        users = told[id_]["users"]
        assert users["excluded"] == excluded > 0
        assert sum(users["by_variant"].values()) == len(USERS) - excluded


@pytest.mark.parametrize("id_", DEFINITIONS)
def test_users_split_and_what_remains_are_of_the_instant_that_is_asked_for(told: Any, id_: str) -> None:
    then, metric = told[id_]["then"], metric_of(id_, "revenue")
    counted = {key: len(arm(id_, metric.name, key, PAST).states) for key in ("control", "green")}
    excluded = [one for one in USERS if not one.variant and one.at < PAST]
    assert then["users"] == {"by_variant": counted, "excluded": len(excluded)}
    assert then["observed"] == [[counted["control"], counted["green"]]]
    # the weights change later on, so then there was still a decision to come
    assert then["remaining"]["reasons"] != told[id_]["remaining"]["reasons"] == ["WEIGHTS_CHANGED"]
    assert then["remaining"]["users"] > 0
    assert told[id_]["remaining"]["users"] is None


@pytest.mark.parametrize("id_", DEFINITIONS)
def test_a_report_says_what_its_parts_say_when_asked_alone(told: Any, id_: str) -> None:
    for together, alone in told[id_]["reports"]:
        assert together == alone


def test_the_split_is_tested_phase_by_phase(told: Any) -> None:
    definition = DEFINITIONS["plain"]
    change = definition.phases[0].start_ms
    counted = [one for one in USERS if one.variant]
    early, late = sum(one.at < change for one in counted), sum(one.at >= change for one in counted)
    ok, _, _, expected, observed = told["plain"]["split"]
    assert ok == [True]
    assert expected == [[early / 2 + late * 3 / 4, early / 2 + late / 4]]
    assert observed == [[sum(one.variant == key for one in counted) for key in ("control", "green")]]


@pytest.mark.parametrize("id_", DEFINITIONS)
@pytest.mark.parametrize("grain", ["MINUTE", "HOUR", "DAY"])
def test_a_series_never_takes_back_what_it_showed(told: Any, id_: str, grain: str) -> None:
    series = told[id_]["series"][grain]
    assert is_rising(series["lower"])
    assert is_rising([None if value is None else -value for value in series["upper"]])
    assert is_rising([None if value is None else -value for value in series["p_value"]])
    assert is_rising(series["control_users"])
    assert series["at"] == sorted(set(series["at"]))
    assert series["at"][-1] == "2026-11-18T00:01:00Z"


@pytest.mark.parametrize("id_", DEFINITIONS)
def test_a_series_ends_where_the_results_are_or_closer(told: Any, id_: str) -> None:
    result = told[id_]["now"][0]
    for grain, series in told[id_]["series"].items():
        assert series["control_users"][-1] == result["control"]["users"], grain
        assert series["p_value"][-1] <= result["p_value"]
        if result["lift"] is not None and series["lower"][-1] is not None:
            assert series["value"][-1] == result["lift"]["value"]
            assert series["lower"][-1] >= result["lift"]["lower"]


def test_what_cannot_be_asked_is_refused_with_what_can(told: Any) -> None:
    refused = told["refused"]
    assert refused["metric"] == ["UNKNOWN_NAME", "plain has no metric purchases; did you mean purchase?"]
    assert refused["slice"][0] == refused["condition"][0] == "UNKNOWN_NAME"
    assert "it has PLATFORM, COUNTRY" in refused["slice"][1]
    assert refused["before"][0] == refused["after"][0] == "BAD_RANGE"
    assert "name one of green" in refused["control"][1]
    assert refused["variant"] == ["UNKNOWN_NAME", "plain has no variant grn; did you mean green?"]


def test_the_numbers_of_the_generation_before_are_shown_until_the_new_ones_have_caught_up(told: Any) -> None:
    found = told["generations"]
    users = told["plain"]["now"][0]["control"]["users"]
    anew = ["REBUILDING", "WEIGHTS_CHANGED"]
    for case in ("published anew, no rows yet", "no watermark", "some rows, not caught up"):
        assert found[case] == [users, users, True, anew, anew], case
    few, the_same, *rest = found["caught up"]
    assert few == the_same < 10
    assert (rest[0], "REBUILDING" in rest[1]) == (False, False)
    still = ["WEIGHTS_CHANGED"]
    assert found["an older one is asked for again"] == [users, users, False, still, still]


def test_a_generation_that_needs_the_past_is_shown_when_the_job_has_read_that(told: Any) -> None:
    found = told["history"]
    users = told["plain"]["now"][0]["control"]["users"]
    for case in ("not read", "read, not yet seen"):
        assert found[case][:4] == [users, users, True, ["REBUILDING", "WEIGHTS_CHANGED"]], case
    assert found["seen"] < 10


def test_users_of_an_undeclared_variant_are_in_no_arm_and_results_say_so(told: Any) -> None:
    reasons, users = told["stranger"]
    assert "UNDECLARED_VARIANT" in reasons
    assert users == told["button"]["users"]


def test_a_slice_without_users_has_zeros_and_no_verdict(told: Any) -> None:
    (nobody,) = told["nobody"]
    # this experiment's weights changed, which spoils every verdict of it, also where nobody is
    assert (nobody["control"]["users"], nobody["verdict"]) == (0, "INVALID")
    assert nobody["reasons"] == ["NO_USERS", "UNDECLARED_VARIANT", "WEIGHTS_CHANGED"]
    assert told["no slices"] == []
